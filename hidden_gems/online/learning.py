"""A micro-batch of messages into rows, arms, factors and live items: planned in memory, written so that it counts once.

A batch takes effect in one atomic stroke that writes people's factors, the state of arms and item factors, live items
and a redo record of everything else. Rows of the feature store, marks of what has counted and notes to followers are
written after it, out of the record. All of them are absolute, so that after a crash at any point the record is written
again, and messages that the broker gives once more find their marks. This holds for one learner at a time and while the
store keeps what it has acknowledged.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hidden_gems.core.clock import Clock
from hidden_gems.core.kv import KeyValue
from hidden_gems.core.names import LEARNER_REDO, applied, factors, live_item, moved_today
from hidden_gems.events.records import Interaction, ItemChange, Slate
from hidden_gems.features.item_table import ItemTable
from hidden_gems.features.store import FeatureStore
from hidden_gems.features.stream import LiveRows
from hidden_gems.online.admission import DAILY_CAP, Admitted, Moved, admit, marks_of
from hidden_gems.online.factors import Feedback
from hidden_gems.online.held_back import HeldBackRows
from hidden_gems.online.items import live_changes, with_changes
from hidden_gems.online.redo import Redo
from hidden_gems.online.state import OnlineState, follow, publish

MAX_MESSAGES = 400
"""Messages of a batch: each writes at most two keys, and one stroke has room for 1,000."""


@dataclass(frozen=True)
class Batch:
    """Messages of the three topics, each kind in the order it came."""

    events: Sequence[Interaction] = ()  # checked, see `admission.check`
    slates: Sequence[Slate] = ()
    items: Sequence[ItemChange] = ()


@dataclass(frozen=True)
class World:
    """What a release says that learning needs."""

    columns: Mapping[str, Sequence[Any]]  # item columns
    timezone: str  # IANA name
    order_only: bool  # times are only an order


@dataclass(frozen=True)
class Learned:
    """What a batch came to."""

    outcomes: Counter[str] = field(default_factory=Counter)  # messages by outcome
    newest: float | None = None  # event time of the newest feedback that counted, epoch seconds


class OnlineLearning:
    """Everything that a message moves.

    Args:
        keys: State, people's factors, marks, live items and feeds.
        store: Rows; it must take every row it is given (`overwrite`).
        prior: State to start with where the store has none.
        world: Of the pointed release.
        clock: Rows are true at its second.
        cap: Events by which one person may move one item on one day.

    Raises:
        PartUnavailableError: If a store does not answer; make it again.
    """

    def __init__(
        self,
        keys: KeyValue,
        store: FeatureStore,
        prior: Callable[[], OnlineState],
        world: World,
        clock: Clock,
        cap: int = DAILY_CAP,
    ) -> None:
        self._keys, self._store, self._prior, self._clock, self._cap = keys, store, prior, clock, cap
        self._pending: tuple[dict[str, bytes], Redo] | None = None
        self._world = world
        self.resume()

    def resume(self) -> None:
        """Forget what is in memory and go on from the store, after finishing what another life left half written."""
        self._pending = None
        [left] = self._keys.get([LEARNER_REDO])
        if left is not None:
            Redo.from_json(left).finish(self._keys, self._store)
        stored = follow(self._keys, None)
        self.state = self._prior() if stored is None else stored
        if stored is None:
            publish(self._keys, self.state)
        self.live = live_changes(self._keys)
        self.serve(self._world)

    def serve(self, world: World) -> None:
        """Learn about the gems of a release from now on."""
        self._world = world
        self._rows = LiveRows(
            HeldBackRows(self._store),
            self._table(self.live),
            timezone=world.timezone,
            keys=self._keys,
            order_only=world.order_only,
        )

    def learn(self, batch: Batch) -> Learned:
        """Plan and finish a batch."""
        learned = self.plan(batch)
        self.finish()
        return learned

    def plan(self, batch: Batch) -> Learned:
        """Move everything in memory; nothing is written before `finish`.

        Raises:
            PartUnavailableError: If a store does not answer; nothing has moved, plan it again.
            ValueError: If the batch before has not been finished, or this one is too long.
        """
        if self._pending is not None or len(batch.events) + len(batch.slates) + len(batch.items) > MAX_MESSAGES:
            raise ValueError(f"a batch has at most {MAX_MESSAGES} messages, and the one before must be finished first")
        marked = self._marked(batch)
        people = list(dict.fromkeys(event.user_id for event in batch.events if event.signed))
        held = self._keys.get([*map(factors, people), *map(moved_today, people)])
        vectors = {name: self.state.factors.person(raw) for name, raw in zip(people, held, strict=False)}
        moved = {name: Moved.from_json(raw) for name, raw in zip(people, held[len(people) :], strict=True)}
        admitted, outcomes = admit(batch.events, marked, moved, self._cap)
        slates = _fresh(batch.slates, marked)
        changes = self._newer(batch.items)
        stroke = {live_item(name): change.to_json() for name, change in changes.items()}
        table = self._table({**self.live, **changes}) if changes else self._rows.items

        at = max(1, int(self._clock.now()))
        self._rows.items = table
        rows = self._rows.apply([each.event for each in admitted], [each for each in slates if each.user_id], at)
        self.live |= changes
        if admitted or slates:
            stroke |= self._move(admitted, slates, vectors)
            stroke |= {moved_today(each.event.user_id): moved[each.event.user_id].to_json() for each in admitted}
        marks = [key for each in admitted for key in marks_of(each.event)] + [applied(each.slate_id) for each in slates]
        if admitted or slates or changes:
            redo = Redo(self.state.version, at, rows.users, rows.items, tuple(marks), tuple(changes))
            self._pending = stroke | {LEARNER_REDO: redo.to_json()}, redo
        counts = Counter(outcomes) + Counter(slate=len(slates), item=len(changes))
        counts += Counter(repeated=len(batch.slates) - len(slates), outdated=len(batch.items) - len(changes))
        return Learned(counts, max((each.event.timestamp for each in admitted), default=None))

    def finish(self) -> None:
        """Write what was planned.

        Raises:
            PartUnavailableError: If a store does not answer; finish again, nothing counts twice.
        """
        if self._pending is not None:
            stroke, redo = self._pending
            publish(self._keys, self.state, stroke)
            redo.finish(self._keys, self._store)
            self._pending = None

    def _marked(self, batch: Batch) -> set[str]:
        keys = [key for event in batch.events if event.signed for key in marks_of(event)]
        keys += [applied(slate.slate_id) for slate in batch.slates]
        return {key for key, value in zip(keys, self._keys.get(keys), strict=True) if value is not None}

    def _newer(self, items: Sequence[ItemChange]) -> dict[str, ItemChange]:
        """The newest change of each item, unless a later one is known; the same one again counts as new."""
        newest: dict[str, ItemChange] = {}
        for change in items:
            known = newest.get(change.item_id) or self.live.get(change.item_id)
            if known is None or change.timestamp >= known.timestamp:
                newest[change.item_id] = change
        return newest

    def _move(
        self, admitted: Sequence[Admitted], slates: Sequence[Slate], vectors: Mapping[str, Any]
    ) -> dict[str, bytes]:
        """Move arms and item factors, and tell the people's factors after it, packed, by key."""
        shown = [name for slate in slates for name in dict.fromkeys(place.item_id for place in slate.places)]
        earned = [each.event.item_id for each in admitted]
        exposures = np.repeat([1.0, 0.0], [len(shown), len(earned)])
        rewards = np.concatenate([np.zeros(len(shown)), [each.reward for each in admitted]])
        self.state.arms.learn_many([*shown, *earned], exposures, rewards)
        events = [Feedback(each.event.user_id, each.event.item_id, each.reward) for each in admitted]
        people = self.state.factors.learn_many(vectors, events)
        self.state.version += 1
        return {factors(name): self.state.factors.packed(vector) for name, vector in people.items()}

    def _table(self, changes: Mapping[str, ItemChange]) -> ItemTable:
        return ItemTable(dict(with_changes(self._world.columns, changes.values())))


def _fresh(slates: Sequence[Slate], marked: set[str]) -> list[Slate]:
    fresh = {slate.slate_id: slate for slate in reversed(slates) if applied(slate.slate_id) not in marked}
    return list(reversed(fresh.values()))
