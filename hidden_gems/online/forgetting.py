"""What the learner does about people who were erased: nothing of theirs is learned again, and no file names them."""

import math
from collections.abc import Sequence

from hidden_gems.core.erasures import Erasure, due, everyone, forgot, has_forgotten, moments
from hidden_gems.core.kv import KeyValue
from hidden_gems.core.names import forgotten
from hidden_gems.events.records import Interaction, Slate
from hidden_gems.online.durable import DurableState
from hidden_gems.online.history import History

LEARNER, JOURNAL = "learner", "journal"
"""Stores of an erasure: what learning holds in memory and wrote into the online store · the files beside it."""


def allowed(
    keys: KeyValue, events: Sequence[Interaction], slates: Sequence[Slate]
) -> tuple[list[Interaction], list[Slate]]:
    """Events and slates without what was known of people before they were erased."""
    named = ({each.user_id for each in events} | {each.user_id for each in slates}) - {""}
    gone = moments(keys, named) if named else {}
    return (
        [each for each in events if each.known_since > gone.get(each.user_id, -math.inf)],
        [each for each in slates if each.known_since > gone.get(each.user_id, -math.inf)],
    )


def forget(keys: KeyValue, durable: DurableState) -> list[Erasure]:
    """Take the names of people whose erasure the state has followed out of journal and snapshots; whose they were.

    Raises:
        PartUnavailableError: If a store or the disk does not answer; forget again.
    """
    people = [each for each in due(keys, JOURNAL) if has_forgotten(keys, LEARNER, each.person, each.score)]
    if people:
        durable.forget([each.person for each in people])
        forgot(keys, JOURNAL, people)
    return people


def stale(keys: KeyValue, history: History) -> list[str]:
    """People whom a journal put back from a copy still knows from before their erasure; they are due again."""
    gone = {each.person: each.at for each in everyone(keys)}
    if not gone:
        return []
    found: set[str] = set()
    for version in history.versions():
        snapshot = history.snapshot(version)
        found |= {name for name, at in gone.items() if snapshot.at <= at and snapshot.moved.get(name) is not None}
    for entry in history.journal.entries():
        found |= {name for name in entry.people if entry.at <= gone.get(name, -math.inf)}
        found -= set(entry.erased)
    for store in (LEARNER, JOURNAL):
        keys.unmark(forgotten(store), sorted(found))
    return sorted(found)
