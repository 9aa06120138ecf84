"""The denylist: who was erased, and when. What was known of them up to then is not taken again, whoever brings it.

A store that is erased later notes whom it has forgotten, with the score of the erasure that it followed, so that
somebody who is erased again is due again.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.kv import BATCH, KeyValue
from hidden_gems.core.names import ERASURE_COUNTER, ERASURES, erased, forgotten

KEPT_SECONDS = 30 * DAY_SECONDS
"""How long somebody stays on the list: until no topic, no backup and no other copy can bring them back."""


class Erasure(NamedTuple):
    """Somebody who was erased."""

    person: str  # pseudonym
    score: int  # in the feed of erasures
    at: float  # epoch seconds; what was known up to then is gone


def note(keys: KeyValue, person: str, now: float) -> Erasure:
    """Put somebody on the list: first the moment, so that whoever follows the feed finds it."""
    keys.put({erased(person): repr(now).encode()})
    score = keys.count(ERASURE_COUNTER)
    keys.mark(ERASURES, [person], score)
    return Erasure(person, score, now)


def moments(keys: KeyValue, people: Iterable[str]) -> dict[str, float]:
    """When each of these people was erased, epoch seconds; without those who were not."""
    names, found = list(dict.fromkeys(people)), dict[str, float]()
    for start in range(0, len(names), BATCH):
        chunk = names[start : start + BATCH]
        values = keys.get([erased(name) for name in chunk])
        found |= {name: float(value) for name, value in zip(chunk, values, strict=True) if value is not None}
    return found


def due(keys: KeyValue, store: str) -> list[Erasure]:
    """Whom a store has not forgotten yet, the first erasure first."""
    followed = dict(keys.marked_since(forgotten(store), 0))
    return [each for each in everyone(keys) if followed.get(each.person) != each.score]


def everyone(keys: KeyValue) -> list[Erasure]:
    """The whole list, the first erasure first."""
    noted = keys.marked_since(ERASURES, 0)
    at = moments(keys, [person for person, _ in noted])
    return [Erasure(person, score, at[person]) for person, score in noted if person in at]


def forgot(keys: KeyValue, store: str, erasures: Sequence[Erasure]) -> None:
    """Note that a store has forgotten these people."""
    for each in erasures:
        keys.mark(forgotten(store), [each.person], each.score)


def has_forgotten(keys: KeyValue, store: str, person: str, score: int) -> bool:
    """Whether a store has followed an erasure, or a later one of the same person."""
    return any(name == person for name, _ in keys.marked_since(forgotten(store), score - 1))


def expire(keys: KeyValue, stores: Sequence[str], now: float) -> list[str]:
    """Take those off the list whose time is over; who they were.

    Args:
        keys: Where the list is.
        stores: Names of all stores that note whom they have forgotten.
        now: Epoch seconds.
    """
    gone = [each.person for each in everyone(keys) if now - each.at > KEPT_SECONDS]
    keys.delete([erased(person) for person in gone])
    for feed in (ERASURES, *map(forgotten, stores)):
        keys.unmark(feed, gone)
    return gone
