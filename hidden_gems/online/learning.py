"""A micro-batch of messages into rows, arms, factors and live items: planned in memory, written so that it counts once.

A batch takes effect in one atomic stroke that writes people's factors, the state of arms and item factors, live items
and a redo record of everything else. Rows of the feature store, marks of what has counted and notes to followers are
written after it, out of the record. All of them are absolute, so that after a crash at any point the record is written
again, and messages that the broker gives once more find their marks. This holds for one learner at a time. What counted
is in the journal before the stroke, so that a store that lost something is filled again (ADR-0058).
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hidden_gems.core.clock import Clock
from hidden_gems.core.errors import BadInputError, PartUnavailableError
from hidden_gems.core.kv import BATCH, KeyValue
from hidden_gems.core.names import (
    ERASURES,
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
from hidden_gems.online.admission import DAILY_CAP, Admitted, Moved, admit, marks_of
from hidden_gems.online.held_back import HeldBackRows
from hidden_gems.online.history import History, Replayed, Snapshot
from hidden_gems.online.items import live_changes, with_changes
from hidden_gems.online.journal import Entry, Shown, Told
from hidden_gems.online.redo import MARK_SECONDS, Redo
from hidden_gems.online.state import BadStateError, OnlineState, follow, publish

_log = logging.getLogger("gems")
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
    ) -> None:
        self._keys, self._store, self._prior, self._clock, self._cap = keys, store, prior, clock, cap
        self._pending: _Planned | None = None
        self._world, self.history = world, history
        self._moved: dict[str, bytes | None] = {}  # vectors since the last snapshot
        self.resume()

    def resume(self) -> None:
        """Forget what is in memory and go on from the store, after finishing what another life left half written."""
        self._pending = None
        [left] = self._keys.get([LEARNER_REDO])
        if left is not None:
            Redo.from_json(left).finish(self._keys, self._store)
        self.state = self._state()
        self._followed = self._followed_before()
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
        erased = self._erased()  # after the vectors: what was read of somebody erased meanwhile is told here
        vectors = {
            name: self.state.factors.person(None if name in erased else raw)
            for name, raw in zip(people, held, strict=False)
        }
        moved = {name: Moved.from_json(raw) for name, raw in zip(people, held[len(people) :], strict=True)}
        admitted, outcomes = admit(batch.events, marked, moved, self._cap)
        slates = _fresh(batch.slates, marked)
        changes = self._newer(batch.items)
        stroke = {live_item(name): change.to_json() for name, change in changes.items()}
        table = self._table({**self.live, **changes}) if changes else self._rows.items

        now = self._clock.now()
        at = max(1, int(now))
        self._rows.items = table
        self._rows.forget(erased)
        rows = self._rows.apply([each.event for each in admitted], [each for each in slates if each.user_id], at)
        self.live |= changes
        entry = None
        if admitted or slates or erased:
            entry = Entry(self.state.version + 1, now, _shown(slates), _told(admitted), tuple(erased))
            learned = self.state.learn(entry.shown, entry.told, vectors)
            packed = {name: self.state.factors.packed(vector) for name, vector in learned.items()}
            self._moved |= {**dict.fromkeys(erased), **packed}
            stroke |= {factors(name): vector for name, vector in packed.items()}
            stroke |= {moved_today(each.event.user_id): moved[each.event.user_id].to_json() for each in admitted}
            if erased:
                stroke[LEARNER_ERASURES] = str(max(erased.values())).encode()
        if entry or changes:
            marks = entry.marks if entry else ()
            redo = Redo(self.state.version, at, rows.users, rows.items, marks, tuple(changes))
            gone = tuple(key for name in erased for key in (factors(name), moved_today(name), _row_key(name)))
            self._pending = _Planned(stroke | {LEARNER_REDO: redo.to_json()}, redo, entry, gone, erased)
        counts = Counter(outcomes) + Counter(slate=len(slates), item=len(changes))
        counts += Counter(repeated=len(batch.slates) - len(slates), outdated=len(batch.items) - len(changes))
        newest = max((each.event.timestamp for each in admitted), default=None)
        return Learned(counts, newest, tuple(each.event.received for each in admitted))

    def finish(self) -> None:
        """Write what was planned.

        Raises:
            PartUnavailableError: If a store does not answer; finish again, nothing counts twice.
        """
        if (planned := self._pending) is not None:
            if planned.entry is not None and planned.entry.version > self._written:
                self._write(planned.entry)
            self._keys.delete(planned.gone)
            publish(self._keys, self.state, planned.stroke)
            planned.redo.finish(self._keys, self._store)
            self._followed |= planned.erased
            self._pending = None

    def snapshot(self) -> None:
        """Keep the state as it is now, if it has moved since the last time.

        Raises:
            PartUnavailableError: If the disk does not take it.
        """
        if self._moved or self.state.version not in self.history.versions():
            self._keep(Snapshot(self._clock.now(), self.state, dict(self._moved)))
            self._moved = {}

    def take_back(self, back_to: int | None = None, without: Sequence[str] = ()) -> Replayed:
        """Let steps, or what people were shown and told, not have happened; the state goes on from there.

        Args:
            back_to: Version after which steps do not count.
            without: People.

        Raises:
            PartUnavailableError: If a store or the disk does not answer; say it again.
            BadInputError: If no snapshot is as old as the version, or the state has not come so far.
        """
        self.snapshot()
        oldest = min(self.history.versions())
        if back_to is not None and not oldest <= back_to <= self.state.version:
            raise BadInputError(f"the state can go back to versions {oldest} to {self.state.version}, not to {back_to}")
        entry = Entry(self.state.version + 1, self._clock.now(), back_to=back_to, without=tuple(without))
        found = self.history.replay(then=[entry])
        self._write(entry)
        self._drop_taken_back(entry)
        self._restore(found)
        return found

    def _drop_taken_back(self, entry: Entry | None) -> None:
        """Drop the snapshots that hold what the last entry takes back."""
        if entry is not None and entry.without:
            self.history.drop_after(min(self.history.versions()))
        elif entry is not None and entry.back_to is not None:
            self.history.drop_after(entry.back_to)

    def _state(self) -> OnlineState:
        """The state that the store and the journal agree on; see ADR-0058."""
        versions, last = self.history.versions(), self.history.journal.last()
        try:
            stored = follow(self._keys, None)
        except BadStateError as error:
            if not versions:
                raise
            _log.warning("%s", error)
            stored = None
        head = last.version if last else max(versions, default=-1)
        if (
            stored is not None
            and stored.version == head - 1
            and last
            and not (last.without or last.back_to is not None)
        ):
            head = stored.version  # the last entry had no effect
        if stored is not None and stored.version == head and versions:
            self.history.journal.cut_after(head)
            self._moved, self._written = self._since(max(versions)), head
        elif versions and (stored is None or stored.version < head):
            _log.warning("the store does not have version %d: it is filled from the journal", head)
            found = self.history.replay()
            self._drop_taken_back(last)
            self._restore(found)
            return self.state
        else:  # the first life of the journal
            state = self._prior() if stored is None else stored
            if stored is None:
                publish(self._keys, state)
            elif state.version:
                _log.warning("there is no journal up to version %d: it begins here", state.version)
            whole = stored is None or state.version == 0
            try:
                self.history.begin(Snapshot(self._clock.now(), state, {}, whole))
            except OSError as error:
                raise PartUnavailableError("journal", str(error)) from error
            self._moved, self._written = {}, state.version
            return state
        return stored

    def _since(self, version: int) -> dict[str, bytes | None]:
        """Vectors of the people who moved after a snapshot, as the store has them."""
        entries = list(self.history.journal.entries(version))
        people = list(dict.fromkeys(name for entry in entries for name in (*entry.erased, *_people(entry))))
        return dict(zip(people, self._keys.get(list(map(factors, people))), strict=True))

    def _restore(self, found: Replayed) -> None:
        """Write a replayed state as if its last entry had just been applied, and keep a snapshot of it."""
        self._keys.delete([LEARNER_REDO, *map(factors, found.gone)])
        self._keys.put({factors(name): vector for name, vector in found.people.items()})
        for start in range(0, len(found.marks), BATCH):
            self._keys.claim(dict.fromkeys(found.marks[start : start + BATCH], b"1"), MARK_SECONDS)
        publish(self._keys, found.state)
        self.state, self._written = found.state, found.state.version
        self._keep(Snapshot(self._clock.now(), found.state, {**found.people, **dict.fromkeys(found.gone)}))
        self._moved = {}

    def _keep(self, snapshot: Snapshot) -> None:
        try:
            self.history.keep(snapshot)
            self.history.thin(snapshot.at)
        except OSError as error:
            raise PartUnavailableError("journal", str(error)) from error

    def _write(self, entry: Entry) -> None:
        try:
            self.history.journal.append(entry)
        except OSError as error:
            raise PartUnavailableError("journal", str(error)) from error
        self._written = entry.version

    def _erased(self) -> dict[str, int]:
        """People who were erased and whose erasure was not followed yet, with the score of the note."""
        noted = self._keys.marked_since(ERASURES, max(self._followed.values(), default=0) - _OVERLAP)
        return {name: score for name, score in noted if self._followed.get(name) != score}

    def _followed_before(self) -> dict[str, int]:
        [followed] = self._keys.get([LEARNER_ERASURES])
        noted = self._keys.marked_since(ERASURES, int(followed or 0) - _OVERLAP)
        return {name: score for name, score in noted if score <= int(followed or 0)}

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

    def _table(self, changes: Mapping[str, ItemChange]) -> ItemTable:
        return ItemTable(dict(with_changes(self._world.columns, changes.values())))


def _fresh(slates: Sequence[Slate], marked: set[str]) -> list[Slate]:
    fresh = {slate.slate_id: slate for slate in reversed(slates) if applied(slate.slate_id) not in marked}
    return list(reversed(fresh.values()))


def _shown(slates: Sequence[Slate]) -> tuple[Shown, ...]:
    return tuple(
        Shown(slate.slate_id, slate.user_id, tuple(dict.fromkeys(place.item_id for place in slate.places)))
        for slate in slates
    )


def _told(admitted: Sequence[Admitted]) -> tuple[Told, ...]:
    return tuple(
        Told(event.event_id, event.user_id, event.item_id, event.event_type, event.slate_id or "", reward)
        for event, reward in admitted
    )


def _people(entry: Entry) -> list[str]:
    return [each.user_id for each in entry.told]


def _row_key(person: str) -> str:
    return HotRows().user_hash(person)[0].decode()
