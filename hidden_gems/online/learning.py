"""A micro-batch of messages into rows, arms, factors and live items: planned in memory, written so that it counts once.

A batch takes effect in one atomic stroke that writes people's factors, the state of arms and item factors, live items
and a redo record of everything else. Rows of the feature store, marks of what has counted and notes to followers are
written after it, out of the record. All of them are absolute, so that after a crash at any point the record is written
again, and messages that the broker gives once more find their marks. This holds for one learner at a time. What counted
is in the journal before the stroke, so that a store that lost something is filled again (ADR-0058).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from hidden_gems.core.clock import Clock
from hidden_gems.core.erasures import Erasure, forgot
from hidden_gems.core.kv import KeyValue
from hidden_gems.core.names import (
    ERASURES,
    LEARNER_CROWD,
    LEARNER_ERASURES,
    LEARNER_REDO,
    applied,
    factors,
    live_item,
    moved_today,
)
from hidden_gems.events.records import Interaction, ItemChange, Slate
from hidden_gems.features.hot_store import HotRows
from hidden_gems.features.item_table import ItemTable
from hidden_gems.features.store import FeatureStore
from hidden_gems.features.stream import LiveRows
from hidden_gems.online.admission import DAILY_CAP, SHOWN, Admitted, Moved, admit, marks_of, marks_of_seen
from hidden_gems.online.durable import DurableState
from hidden_gems.online.entries import Entry
from hidden_gems.online.forgetting import LEARNER, allowed, forget, stale
from hidden_gems.online.held_back import HeldBackRows
from hidden_gems.online.history import History, Replayed
from hidden_gems.online.impressions import MOST_SEEN, corrected, shown_of, told_of
from hidden_gems.online.items import live_changes, with_changes
from hidden_gems.online.redo import Redo
from hidden_gems.online.state import Drifted, OnlineState, publish
from hidden_gems.online.votes import Crowd, Standing, Votes

_OVERLAP = 100
"""Notes of a feed that are read again: writers number their notes before they write them."""
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
    received: tuple[float, ...] = ()  # when the collector took each event that counted, epoch seconds
    drifted: tuple[Drifted, ...] = ()  # people whose taste was found to have changed
    slates: tuple[Slate, ...] = ()  # that counted
    admitted: tuple[Admitted, ...] = ()  # feedback that counted
    erased: tuple[str, ...] = ()  # people who are forgotten


@dataclass(frozen=True)
class _Planned:
    stroke: Mapping[str, bytes]
    redo: Redo
    entry: Entry | None  # where the state moves
    gone: tuple[str, ...]  # keys of who was erased
    erased: Mapping[str, int]  # people, with the score of the note


class OnlineLearning:
    """Everything that a message moves.

    Args:
        keys: State, people's factors, marks, live items and feeds.
        store: Rows; it must take every row it is given (`overwrite`).
        prior: State to start with where the store has none.
        world: Of the pointed release.
        history: What was applied; nobody else writes to it.
        clock: Rows are true at its second.
        cap: Events by which one person may move one item on one day.
        votes: How much sudden praise of a gem counts; None counts all of it.

    Raises:
        PartUnavailableError: If a store does not answer; make it again.
    """

    def __init__(
        self,
        keys: KeyValue,
        store: FeatureStore,
        prior: Callable[[], OnlineState],
        world: World,
        history: History,
        clock: Clock,
        cap: int = DAILY_CAP,
        votes: Votes | None = None,
    ) -> None:
        self._keys, self._store, self._clock, self._cap, self._votes = keys, store, clock, cap, votes
        self._pending: _Planned | None = None
        self._world, self.history = world, history
        self._durable = DurableState(keys, history, prior, clock)
        self.resume()

    def resume(self) -> None:
        """Forget what is in memory and go on from the store, after finishing what another life left half written."""
        self._pending = None
        [left] = self._keys.get([LEARNER_REDO])
        if left is not None:
            Redo.from_json(left).finish(self._keys, self._store)
        self._durable.load()
        self._followed: dict[str, int] = {}
        again = stale(self._keys, self.history)
        self._follow({name: score for name, score in self._followed_before().items() if name not in again})
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

    @property
    def state(self) -> OnlineState:
        """Arms and item factors."""
        return self._durable.state

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
        events, kept = allowed(self._keys, batch.events, batch.slates)
        refused = len(batch.events) + len(batch.slates) - len(events) - len(kept)
        batch = Batch(events, kept, batch.items)
        marked = self._marked(batch)
        slates = _fresh(batch.slates, marked.keys())
        tellers = list(dict.fromkeys(event.user_id for event in batch.events if event.signed))
        people = list(dict.fromkeys([*tellers, *(slate.user_id for slate in slates if slate.user_id)]))
        held = self._keys.get([*map(factors, people), *map(moved_today, tellers)])
        erased = self._erased()  # after the vectors: what was read of somebody erased meanwhile is told here
        own = {name: None if name in erased else raw for name, raw in zip(people, held, strict=False)}
        moved = {name: Moved.from_json(raw) for name, raw in zip(tellers, held[len(people) :], strict=True)}
        self._rows.forget(erased)
        standing = self._standing(batch.events)
        admitted, outcomes = admit(batch.events, marked.keys(), moved, self._cap, standing)
        changes = self._newer(batch.items)
        stroke = {live_item(name): change.to_json() for name, change in changes.items()}
        table = self._table({**self.live, **changes}) if changes else self._rows.items

        now = self._clock.now()
        at = max(1, int(now))
        self._rows.items = table
        rows = self._rows.apply([each.event for each in admitted], [each for each in slates if each.user_id], at)
        self.live |= changes
        entry: Entry | None = None
        drifted: tuple[Drifted, ...] = ()
        saw = [event for event, outcome in zip(batch.events, outcomes, strict=True) if outcome == "seen"]
        if admitted or slates or saw or erased:
            shown = shown_of(slates, table)
            told = told_of(admitted, shown, marked, table)
            shown += corrected(saw, shown, marked, table)
            entry = Entry(self.state.version + 1, now, shown, told, tuple(erased))
            learned = self.state.learn(entry.shown, entry.told, own)
            drifted = learned.drifted
            self._durable.moved |= {**dict.fromkeys(erased), **learned.people}
            stroke |= {factors(name): packed for name, packed in learned.people.items()}
            stroke |= {moved_today(name): moved[name].to_json() for name in {each.event.user_id for each in admitted}}
            if standing is not None:
                stroke[LEARNER_CROWD] = standing.crowd.to_json()
            if erased:
                stroke[LEARNER_ERASURES] = str(max(erased.values())).encode()
        if entry or changes:
            marks = entry.marks if entry else {}
            redo = Redo(self.state.version, at, rows.users, rows.items, marks, tuple(changes))
            gone = tuple(key for name in erased for key in (factors(name), moved_today(name), _row_key(name)))
            self._pending = _Planned(stroke | {LEARNER_REDO: redo.to_json()}, redo, entry, gone, erased)
        counts = Counter(outcomes) + Counter(slate=len(slates), item=len(changes))
        counts += Counter(repeated=len(batch.slates) - len(slates), outdated=len(batch.items) - len(changes))
        counts["erased"] = refused
        newest = max((each.event.timestamp for each in admitted), default=None)
        received = tuple(each.event.received for each in admitted)
        return Learned(counts, newest, received, drifted, tuple(slates), tuple(admitted), tuple(erased))

    def finish(self) -> None:
        """Write what was planned.

        Raises:
            PartUnavailableError: If a store does not answer; finish again, nothing counts twice.
        """
        if (planned := self._pending) is not None:
            if planned.entry is not None:
                self._durable.write(planned.entry)
            self._keys.delete(planned.gone)
            publish(self._keys, self.state, planned.stroke)
            planned.redo.finish(self._keys, self._store)
            self._durable.finish(planned.redo.version)
            self._follow(planned.erased)
            self._pending = None

    def snapshot(self) -> None:
        """Keep the state as it is now, if it has moved since the last time.

        Raises:
            PartUnavailableError: If the disk does not take it.
        """
        self._durable.snapshot()

    def take_back(self, back_to: int | None = None, without: Sequence[str] = ()) -> Replayed:
        """Let steps, or what people were shown and told, not have happened; see `DurableState.take_back`."""
        return self._durable.take_back(back_to, without)

    def forget(self) -> list[Erasure]:
        """Let the files beside the state forget whom the state has forgotten; see `forgetting.forget`."""
        return forget(self._keys, self._durable)

    def _follow(self, erased: Mapping[str, int]) -> None:
        forgot(self._keys, LEARNER, [Erasure(name, score, 0.0) for name, score in erased.items()])
        self._followed |= erased

    def _erased(self) -> dict[str, int]:
        """People who were erased and whose erasure was not followed yet, with the score of the note."""
        noted = self._keys.marked_since(ERASURES, max(self._followed.values(), default=0) - _OVERLAP)
        return {name: score for name, score in noted if self._followed.get(name) != score}

    def _followed_before(self) -> dict[str, int]:
        [followed] = self._keys.get([LEARNER_ERASURES])
        noted = self._keys.marked_since(ERASURES, int(followed or 0) - _OVERLAP)
        return {name: score for name, score in noted if score <= int(followed or 0)}

    def _marked(self, batch: Batch) -> dict[str, bytes]:
        """Marks that there are of the batch, and of the slates that its events answer."""
        signed = [event for event in batch.events if event.signed]
        keys = [key for event in signed for key in marks_of(event)]
        keys += [applied(event.slate_id or "") for event in signed]
        for event in signed:
            if event.event_type == SHOWN:
                keys += marks_of_seen(event.slate_id or "", event.items[:MOST_SEEN])
        told = {
            slate.slate_id: marks_of_seen(slate.slate_id, [place.item_id for place in slate.places])
            for slate in batch.slates
        }
        keys += [key for name, (said, *_) in told.items() for key in (applied(name), said)]
        marked = self._held(keys)
        return marked | self._held([key for said, *seen in told.values() if said in marked for key in seen])

    def _held(self, keys: Sequence[str]) -> dict[str, bytes]:
        keys = list(dict.fromkeys(keys))
        found = self._keys.get(keys) if keys else []
        return {key: value for key, value in zip(keys, found, strict=True) if value is not None}

    def _standing(self, events: Sequence[Interaction]) -> Standing | None:
        """Who is a stranger, and what is usual; None where all praise counts. An order has no days."""
        if self._votes is None or self._world.order_only:
            return None
        [crowd] = self._keys.get([LEARNER_CROWD])
        return Standing.of(self._votes, self._rows, events, Crowd.from_json(crowd), self._clock.now())

    def _newer(self, items: Sequence[ItemChange]) -> dict[str, ItemChange]:
        """The newest change of each item, unless a later one is known; the same one again counts as new."""
        newest: dict[str, ItemChange] = {}
        for change in items:
            known = newest.get(change.item_id) or self.live.get(change.item_id)
            if known is None or change.timestamp >= known.timestamp:
                newest[change.item_id] = change
        return newest

    def _table(self, changes: Mapping[str, ItemChange]) -> ItemTable:
        return ItemTable(dict(with_changes(self._world.columns, changes.values())))


def _fresh(slates: Sequence[Slate], marked: Set[str]) -> list[Slate]:
    fresh = {slate.slate_id: slate for slate in reversed(slates) if applied(slate.slate_id) not in marked}
    return list(reversed(fresh.values()))


def _row_key(person: str) -> str:
    return HotRows().user_hash(person)[0].decode()
