"""The learner's state in the store and, so that it can be learned again, in journal and snapshots (ADR-0058)."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from hidden_gems.core.clock import Clock
from hidden_gems.core.errors import BadInputError, PartUnavailableError
from hidden_gems.core.kv import BATCH, KeyValue
from hidden_gems.core.names import LEARNER_REDO, factors
from hidden_gems.online.entries import Entry
from hidden_gems.online.history import History, Replayed
from hidden_gems.online.redo import MARK_SECONDS
from hidden_gems.online.snapshots import Snapshot
from hidden_gems.online.state import BadStateError, OnlineState, follow, publish

_log = logging.getLogger("gems")


class DurableState:
    """One state that outlives the process, the store and mistakes.

    Args:
        keys: Holds the state, people's factors and marks for everybody who reads.
        history: Holds how it came to be.
        prior: State to start with where there is none.
        clock: Of entries and snapshots.
    """

    state: OnlineState

    def __init__(self, keys: KeyValue, history: History, prior: Callable[[], OnlineState], clock: Clock) -> None:
        self._keys, self.history, self._prior, self._clock = keys, history, prior, clock
        self.moved: dict[str, bytes | None] = {}  # vectors of people since the last snapshot
        self._written = -1  # version of the last entry

    def snapshot(self) -> None:
        """Keep the state as it is now, if it has moved since the last time.

        Raises:
            PartUnavailableError: If the disk does not take it.
        """
        if self.moved or self.state.version not in self.history.versions():
            self._keep(Snapshot(self._clock.now(), self.state, dict(self.moved)))

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
        self.write(entry)
        self._drop_taken_back(entry)
        self._restore(found)
        return found

    def forget(self, people: Sequence[str]) -> None:
        """Put a random name in the place of each of these people in journal and snapshots, up to their erasure.

        Raises:
            PartUnavailableError: If the disk does not take it.
        """
        self.snapshot()
        try:
            self.history.rename(people)
        except OSError as error:
            raise PartUnavailableError("journal", str(error)) from error

    def _drop_taken_back(self, entry: Entry | None) -> None:
        """Drop the snapshots that hold what the last entry takes back."""
        if entry is not None and entry.without:
            self.history.drop_after(min(self.history.versions()))
        elif entry is not None and entry.back_to is not None:
            self.history.drop_after(entry.back_to)

    def load(self) -> None:
        """Bring store and journal to one state, and hold it; see ADR-0058 and ADR-0065.

        Raises:
            PartUnavailableError: If a store or the disk does not answer.
        """
        self._drop_damaged()
        self.state = self._agreed()

    def _drop_damaged(self) -> None:
        try:
            dropped = self.history.mend()
        except OSError as error:
            raise PartUnavailableError("journal", str(error)) from error
        if dropped:
            left = self.history.versions()
            instead = f"the journal makes up for them from version {max(left)} on" if left else "none is left"
            _log.error("%d snapshots are damaged, or stand on one that is, and were dropped; %s", dropped, instead)

    def _agreed(self) -> OnlineState:
        versions, last = self.history.versions(), self.history.journal.last()
        try:
            stored = follow(self._keys, None)
        except BadStateError as error:
            _log.error("%s", error)
            stored = None
        head = last.version if last else max(versions, default=-1)
        unfinished = last is not None and not last.takes_back and self.history.journal.finished() < head
        if stored is not None and stored.version == head - 1 and unfinished:
            head = stored.version  # the last entry had no effect
        if stored is not None and stored.version == head and versions:
            self.history.journal.cut_after(head)
            self.moved, self._written = self._since(max(versions)), head
        elif versions and (stored is None or stored.version < head):
            _log.warning("the store does not have version %d: it is filled from the journal", head)
            found = self.history.replay()
            self._drop_taken_back(last)
            self._restore(found)
            return self.state
        else:  # the first life of the journal
            state = self._prior() if stored is None else stored
            if stored is None:
                _log.info("neither store nor snapshots have a state: it begins with the priors of the release")
                publish(self._keys, state)
            elif state.version:
                _log.warning("there is no journal up to version %d: it begins here", state.version)
            whole = state.version == 0 and not self.history.damaged
            try:
                self.history.begin(Snapshot(self._clock.now(), state, {}, whole))
            except OSError as error:
                raise PartUnavailableError("journal", str(error)) from error
            self.moved, self._written = {}, state.version
            return state
        return stored

    def _since(self, version: int) -> dict[str, bytes | None]:
        """Vectors of the people who moved after a snapshot, as the store has them."""
        entries = list(self.history.journal.entries(version))
        people = list(dict.fromkeys(name for entry in entries for name in (*entry.erased, *sorted(entry.people))))
        return dict(zip(people, self._keys.get(list(map(factors, people))), strict=True))

    def _restore(self, found: Replayed) -> None:
        """Write a replayed state as if its last entry had just been applied, and keep a snapshot of it."""
        self._keys.delete([LEARNER_REDO, *map(factors, found.gone)])
        self._keys.put({factors(name): vector for name, vector in found.people.items()})
        marks = list(found.marks.items())
        for start in range(0, len(marks), BATCH):
            self._keys.claim({key: said.encode() for key, said in marks[start : start + BATCH]}, MARK_SECONDS)
        publish(self._keys, found.state)
        self.state, self._written = found.state, found.state.version
        self.history.journal.cut_after(self._written)
        self.finish(self._written)
        self._keep(Snapshot(self._clock.now(), found.state, {**found.people, **dict.fromkeys(found.gone)}))

    def _keep(self, snapshot: Snapshot) -> None:
        try:
            self.history.keep(snapshot)
            self.moved = {}
            self.history.thin(snapshot.at)
        except OSError as error:
            raise PartUnavailableError("journal", str(error)) from error
        except BadStateError:  # one was damaged after it had been written
            self._drop_damaged()
            if not (left := self.history.versions()):
                self.history.begin(replace(snapshot, moved={}, whole=False))
            else:
                self.moved = self._since(max(left))

    def write(self, entry: Entry) -> None:
        """Have an entry in the journal; once, however often it is said.

        Raises:
            PartUnavailableError: If the disk does not take it.
        """
        if entry.version <= self._written:
            return
        try:
            self.history.journal.append(entry)
        except OSError as error:
            raise PartUnavailableError("journal", str(error)) from error
        self._written = entry.version

    def finish(self, version: int) -> None:
        """Note that an entry has had all of its effect: a store that is behind it has lost it.

        Raises:
            PartUnavailableError: If the disk does not take it.
        """
        try:
            self.history.journal.finish(version)
        except OSError as error:
            raise PartUnavailableError("journal", str(error)) from error
