"""What the online state was, and would be: snapshots and the journal, learned again."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS
from hidden_gems.core.errors import BadInputError
from hidden_gems.online.entries import BadJournalError, Entry, effective
from hidden_gems.online.journal import Journal, write_whole
from hidden_gems.online.renaming import Renaming
from hidden_gems.online.snapshots import Snapshot
from hidden_gems.online.state import BadStateError, OnlineState

_log = logging.getLogger("gems")
_SUFFIX = ".npz"
_STEPS = ((HOUR_SECONDS, 0.0), (DAY_SECONDS, HOUR_SECONDS), (7 * DAY_SECONDS, DAY_SECONDS))
"""Up to this age one snapshot is kept in every so many seconds."""


@dataclass
class Replayed:
    """A state that was learned again."""

    state: OnlineState
    people: dict[str, bytes]  # packed vectors by pseudonym
    start: int  # version of the snapshot that it began with
    entries: int = 0  # that counted
    whole: bool = True  # everybody's vector is known since the oldest snapshot
    at: float = 0.0  # epoch seconds of the last entry, or of the snapshot
    gone: set[str] = field(default_factory=set)  # people who were there at some time and have no vector now
    marks: dict[str, str] = field(default_factory=dict)  # keys of what has counted, with their values

    @property
    def digest(self) -> str:
        """See `digest`."""
        return digest(self.state, self.people)


class History:
    """Snapshots and journal of one learner, in a folder.

    Args:
        folder: Made where it is not there.
        generation: Of the journal's writer; 0 for one that reads, or is alone.
    """

    def __init__(self, folder: Path, generation: int = 0) -> None:
        self.journal = Journal(folder / "journal", generation)
        self.damaged = 0  # snapshots that `mend` had to drop
        self._folder = folder / "snapshots"
        self._folder.mkdir(exist_ok=True)
        self._times: dict[int, float] = {}

    def versions(self) -> list[int]:
        """Versions with a snapshot, oldest first."""
        return sorted(int(path.stem) for path in self._folder.glob(f"*{_SUFFIX}"))

    def snapshot(self, version: int) -> Snapshot:
        """Read one.

        Raises:
            BadInputError: If there is none of this version.
            BadStateError: If it is torn.
        """
        path = self._path(version)
        if not path.exists():
            raise BadInputError(f"there is no snapshot of version {version}; there are {self.versions()}")
        try:
            return Snapshot.from_bytes(path.read_bytes())
        except BadStateError as error:
            raise BadStateError(f"{path}: {error}") from error

    def keep(self, snapshot: Snapshot) -> None:
        """Write a snapshot, and let the journal go on in a new file.

        Raises:
            OSError: If the disk does not take it.
        """
        write_whole(self._path(snapshot.state.version), snapshot.to_bytes())
        self.journal.turn(snapshot.state.version)

    def begin(self, snapshot: Snapshot) -> None:
        """Forget everything and begin with a snapshot.

        Raises:
            OSError: If the disk does not take it.
        """
        self.journal.clear()
        for version in self.versions():
            self._path(version).unlink()
        self.keep(snapshot)

    def mend(self) -> int:
        """Drop damaged snapshots, and all that stand on one, for they have only who moved since; how many.

        Entries after the newest good one make up for them. Where the oldest is damaged there is none before it: the
        rest stays, and does not know everybody.

        Raises:
            OSError: If the disk does not take it.
        """
        for torn in self._folder.glob(".*"):
            torn.unlink()
        versions = self.versions()
        good = [self._is_good(version) for version in versions]
        start = good.index(True) if True in good else len(good)
        stop = good.index(False, start) if False in good[start:] else len(good)
        for version in [*versions[:start], *versions[stop:]]:
            self._path(version).unlink()
        if 0 < start < stop:
            first = self.snapshot(versions[start])
            write_whole(self._path(versions[start]), replace(first, whole=False).to_bytes())
        self.damaged += (dropped := len(versions) - (stop - start))
        return dropped

    def _is_good(self, version: int) -> bool:
        try:
            self.snapshot(version)
        except BadStateError as error:
            _log.error("%s", error)
            return False
        return True

    def drop_after(self, version: int) -> None:
        """Drop the snapshots after a version: they hold what has been taken back."""
        for each in self.versions():
            if each > version:
                self._path(each).unlink()

    def thin(self, now: float) -> int:
        """Drop snapshots that are too old or too many for their age, and the journal before the oldest; how many."""
        versions, dropped = self.versions(), 0
        kept: list[int] = []
        times = {version: self._time(version) for version in versions}
        for version, following in pairwise(versions):
            step = next((step for age, step in _STEPS if now - times[version] <= age), None)
            if step is not None and (not kept or times[version] - times[kept[-1]] >= step):
                kept.append(version)
            else:
                self._hand_on(version, following)
                dropped += 1
        if dropped:
            self.journal.drop_before(self.versions()[0])
        return dropped

    def replay(
        self,
        *,
        to: int | None = None,
        until: float | None = None,
        without: Sequence[str] = (),
        oldest: bool = False,
        then: Sequence[Entry] = (),
    ) -> Replayed:
        """Learn the entries again.

        Args:
            to: Version to stop after.
            until: Epoch seconds on the learner's clock to stop after.
            without: People who never were.
            oldest: Begin with the oldest snapshot even where a newer one would do.
            then: Entries as if they followed.

        Raises:
            BadInputError: If there is no snapshot to begin with.
            BadJournalError: If the journal is broken, or entries are missing.
            BadStateError: If a snapshot is torn.
        """
        versions = self.versions()
        wanted = [version for version in versions if to is None or version <= to]
        if not wanted:
            raise BadInputError(f"no snapshot is as old as version {to}; the oldest is {min(versions, default='none')}")
        entries = [
            entry
            for entry in self.journal.entries(wanted[0])
            if (to is None or entry.version <= to) and (until is None or entry.at <= until)
        ] + list(then)
        start = wanted[0] if oldest or without else self._start(wanted, entries, until)
        return self._learned(start, [entry for entry in entries if entry.version > start], without)

    def rename(self, people: Sequence[str]) -> int:
        """Put a random name in the place of each of these people, in journal and snapshots; how many files changed.

        Whoever was erased is renamed up to the erasure: the same name later is somebody new. What a replay gives stays
        the same, but for the name.
        """
        renaming, versions = Renaming.of(people, self.journal.entries()), self.versions()
        changed = self.journal.rename(renaming.entry)
        for version in versions:
            found = self.snapshot(version)
            moved = renaming.moved(found.moved, version, versions)
            if moved != found.moved:
                write_whole(self._path(version), Snapshot(found.at, found.state, moved, found.whole).to_bytes())
                changed += 1
        return changed

    def _start(self, versions: Sequence[int], entries: Sequence[Entry], until: float | None) -> int:
        """The newest snapshot that no later entry looks behind."""
        for version in reversed(versions[1:]):
            later = [entry for entry in entries if entry.version > version]
            reach = any(entry.without or (entry.back_to is not None and entry.back_to < version) for entry in later)
            if not reach and (until is None or self._time(version) <= until):
                return version
        return versions[0]

    def _learned(self, start: int, entries: Sequence[Entry], without: Sequence[str]) -> Replayed:
        people, whole = self._people(start)
        first = self.snapshot(start)
        found = Replayed(first.state, {**people}, start, whole=whole, at=first.at)
        at = start
        for entry in entries:
            if entry.version != at + 1:
                raise BadJournalError(f"the journal has no entry of version {at + 1}")
            at = entry.version
        found.gone = {*people, *(name for entry in entries for name in entry.people)}
        for entry in effective(entries, without):
            for person in entry.erased:
                found.people.pop(person, None)
            found.people |= found.state.learn(entry.shown, entry.told, found.people).people
            found.marks |= entry.marks
            found.entries, found.at = found.entries + 1, entry.at
        found.state.version = at
        found.gone -= found.people.keys()
        return found

    def _people(self, version: int) -> tuple[dict[str, bytes], bool]:
        """Vectors of everybody at a snapshot, and whether everybody is known."""
        people: dict[str, bytes] = {}
        whole = True
        for each in self.versions():
            if each <= version:
                snapshot = self.snapshot(each)
                whole &= snapshot.whole
                people |= {name: vector for name, vector in snapshot.moved.items() if vector is not None}
                for name in [name for name, vector in snapshot.moved.items() if vector is None]:
                    people.pop(name, None)
        return people, whole

    def _hand_on(self, version: int, following: int) -> None:
        """Drop a snapshot; its people go into the next one."""
        before, after = self.snapshot(version), self.snapshot(following)
        merged = Snapshot(after.at, after.state, {**before.moved, **after.moved}, before.whole and after.whole)
        write_whole(self._path(following), merged.to_bytes())
        self._path(version).unlink()

    def _time(self, version: int) -> float:
        if version not in self._times:
            self._times[version] = self.snapshot(version).at
        return self._times[version]

    def _path(self, version: int) -> Path:
        return self._folder / f"{version:020d}{_SUFFIX}"


def digest(state: OnlineState, people: Mapping[str, bytes]) -> str:
    """SHA-256 of everything learned, in an order that does not depend on when anything was met; not of the version."""
    hashed = hashlib.sha256()
    arms, linear = state.arms.arrays(), state.linear.arrays()
    rows = {
        "arms": (state.arms.index, np.concatenate([arms["priors"], arms["learned"]], axis=1)),
        "factors": (state.factors.index, state.factors.table()),
        "linear": (state.linear.index, linear["shown"]),
    }
    hashed.update(linear["gram"].tobytes() + linear["earned"].tobytes() + state.cohorts.table().tobytes())
    for name, (index, numbers) in rows.items():
        hashed.update(name.encode() + numbers[0].tobytes())
        for row, item in sorted(enumerate(index.ids, 1), key=lambda pair: pair[1]):
            hashed.update(item.encode() + b"\0" + numbers[row].tobytes())
    for person in sorted(people):
        hashed.update(person.encode() + b"\0" + people[person])
    return hashed.hexdigest()
