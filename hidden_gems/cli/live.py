"""What the demo does with a running stack: how fast it answers, what a click changes, how gems come and go."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any
from uuid import uuid4

import numpy as np

from hidden_gems.cli.story import Asker, name_of
from hidden_gems.client import Client, Item, Prediction
from hidden_gems.core.errors import HiddenGemsError

REQUESTS, WARM_UP = 200, 10
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.02
AHEAD_SECONDS = 120.0
"""The moment that is asked about lies so far ahead that all feedback of the demo comes before it."""
CLOSED_SECONDS = 600.0
CANDIDATES = 50


@dataclass(frozen=True)
class Latency:
    """Time of answers as a caller sees it, in milliseconds."""

    requests: int
    people: int
    p50: float
    p95: float
    p99: float
    cores: int
    degraded: int  # answers in which a fallback stood in for a part

    def __str__(self) -> str:
        """One line, with everything that is needed to read it."""
        degraded = f", {self.degraded} of them degraded" if self.degraded else ", none of them degraded"
        return (
            f"{self.requests} requests of {self.people} people one after another over HTTP, 10 gems with a "
            f"reason each, nothing cached: p50 {self.p50:.1f} ms, p95 {self.p95:.1f} ms, p99 {self.p99:.1f} ms "
            f"on {self.cores} cores{degraded}."
        )


@dataclass(frozen=True)
class Moved:
    """A gem whose score another answer changed."""

    name: str
    before: float
    after: float
    rank_before: int  # from 1, among the gems compared
    rank_after: int


@dataclass(frozen=True)
class Learned:
    """What feedback changed."""

    said: tuple[tuple[str, str], ...]  # event type and name of the gem
    unsigned: int  # of the events, without a valid token
    milliseconds: float  # from the collector's answer to the first answer that has it
    compared: int
    changed: int  # of the compared gems, those with another score
    moved: tuple[Moved, ...]  # those that moved most
    before: Prediction
    after: Prediction


@dataclass(frozen=True)
class Traffic:
    """A gem that came and one that went."""

    new: Item
    new_seconds: float
    closed: str  # empty where there was none to close
    closed_seconds: float


def measure(client: Client, user_ids: Sequence[str], at: float, requests: int = REQUESTS) -> Latency:
    """Ask for people in turn and measure each answer; a few at the beginning are not counted.

    Args:
        client: Of the stack.
        user_ids: Who asks.
        at: Moment of the requests on the stack's clock.
        requests: How many are counted.
    """
    seconds, degraded = [], 0
    for number, user_id in enumerate(islice(cycle(user_ids), WARM_UP + requests)):
        began = time.perf_counter()
        answer = client.recommend(user_id, context={"timestamp": at})
        if number >= WARM_UP:
            seconds.append(time.perf_counter() - began)
            degraded += bool(answer.degraded)
    p50, p95, p99 = (float(value) for value in np.percentile(1000 * np.array(seconds), (50, 95, 99)))
    return Latency(requests, min(len(set(user_ids)), requests), p50, p95, p99, len(os.sched_getaffinity(0)), degraded)


def learn(client: Client, asker: Asker, at: float, before: Prediction) -> Learned:
    """Click and save the first gem of an answer, click the second one, and wait until the person's answers know it.

    They do as soon as the saved gem, which the person now has, is not offered any more. Scores are compared on the
    same candidates at the same moment; only then the new slate is drawn.

    Args:
        client: Of the stack.
        asker: Who got the answer.
        at: Moment of all requests on the stack's clock.
        before: An answer with one gem at least.

    Raises:
        HiddenGemsError: If nothing changes within a minute.
    """
    first = before.items[0]
    pool = client.recommend(asker.user_id, limit=CANDIDATES, context=asker.context(at), explain="none")
    ids = list(dict.fromkeys(item.item_id for item in (*before.items, *pool.items)))[:CANDIDATES]
    old = _compared(client, asker, at, ids)
    said = [("click", first), ("save", first), *(("click", second) for second in before.items[1:2])]
    taken = [client.feedback(kind, before, item.item_id) for kind, item in said]
    began = time.perf_counter()
    _until(lambda: _only(client, asker, at, first.item_id), lambda items: not items, "the feedback had no effect")
    milliseconds = 1000 * (time.perf_counter() - began)
    new = _compared(client, asker, at, ids)
    return Learned(
        said=tuple((kind, name_of(item)) for kind, item in said),
        unsigned=sum(each.unsigned for each in taken),
        milliseconds=milliseconds,
        compared=len(old),
        changed=sum(_other(new, old, item) for item in old),
        moved=_moved(old, new),
        before=before,
        after=client.recommend(asker.user_id, context=asker.context(at), explain="full"),
    )


def traffic(client: Client, asker: Asker, now: Callable[[], float], columns: Any, closing: Item | None) -> Traffic:
    """Let a new gem enter and another close, and measure how long each takes to show.

    The new one closes for good at the end; the other one opens again by itself after ten minutes.

    Args:
        client: Of the stack.
        asker: Who asks.
        now: The stack's clock.
        columns: Of the new gem.
        closing: A gem that is served now; None where there is none.

    Raises:
        HiddenGemsError: If a change does not show within a minute.
    """
    item_id, began = f"demo-{uuid4().hex[:8]}", time.perf_counter()
    client.put_item(item_id, columns)
    try:
        found = _until(lambda: _only(client, asker, now(), item_id), bool, "the new gem is not served")
        new_seconds = time.perf_counter() - began
        if closing is None:
            return Traffic(found[0], new_seconds, "", 0.0)
        began = time.perf_counter()
        client.close_item(closing.item_id, closed_until=now() + CLOSED_SECONDS)
        _until(lambda: not _only(client, asker, now(), closing.item_id), bool, "the closed gem is still served")
        return Traffic(found[0], new_seconds, name_of(closing), time.perf_counter() - began)
    finally:
        client.close_item(item_id)


def _compared(client: Client, asker: Asker, at: float, ids: Sequence[str]) -> dict[str, Item]:
    filters: Any = {"candidates": list(ids), "exclude_seen": False}

    def answer() -> Prediction:
        return client.recommend(
            asker.user_id, limit=len(ids), context=asker.context(at), filters=filters, explain="none"
        )

    whole = _until(answer, lambda found: not found.degraded, "the answers are degraded")  # a fallback scores otherwise
    return {item.item_id: item for item in whole.items}


def _only(client: Client, asker: Asker, at: float, item_id: str) -> tuple[Item, ...]:
    filters: Any = {"candidates": [item_id]}
    return client.recommend(asker.user_id, limit=1, context=asker.context(at), filters=filters).items


def _other(new: Mapping[str, Item], old: Mapping[str, Item], item_id: str) -> bool:
    return item_id in new and abs(new[item_id].score - old[item_id].score) > 1e-6


def _moved(old: Mapping[str, Item], new: Mapping[str, Item], most: int = 5) -> tuple[Moved, ...]:
    both = [item_id for item_id in old if item_id in new]
    other = [item_id for item_id in both if _other(new, old, item_id)]
    ranks = [_ranks({item_id: found[item_id].score for item_id in both}) for found in (old, new)]
    moved = [
        Moved(name_of(old[item]), old[item].score, new[item].score, ranks[0][item], ranks[1][item]) for item in other
    ]
    return tuple(sorted(moved, key=lambda each: -abs(each.after - each.before))[:most])


def _ranks(scores: Mapping[str, float]) -> dict[str, int]:
    return {item_id: place for place, item_id in enumerate(sorted(scores, key=lambda each: -scores[each]), 1)}


def _until(look: Callable[[], Any], enough: Callable[[Any], bool], otherwise: str) -> Any:
    """Look again and again until it is enough.

    Raises:
        HiddenGemsError: If it is not within a minute.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not enough(found := look()):
        if time.monotonic() > deadline:
            raise HiddenGemsError(f"{otherwise} after {PATIENCE_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
    return found
