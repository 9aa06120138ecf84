"""What the learner applied, in order: lines in files, written before their effect."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.core.names import applied, counted

_HASH_DIGITS = 16
_SUFFIX = ".jsonl"


class BadJournalError(HiddenGemsError):
    """A journal holds a line that was changed, or lines are missing; says where."""


class Shown(NamedTuple):
    """A slate that counted: one impression of each of its gems."""

    slate_id: str
    user_id: str  # pseudonym; empty where the answer was nobody's
    items: tuple[str, ...]

    @property
    def marks(self) -> tuple[str, ...]:
        """Keys that tell that it has counted."""
        return (applied(self.slate_id),) if self.slate_id else ()


class Told(NamedTuple):
    """Feedback that counted, and what it was worth."""

    event_id: str
    user_id: str  # pseudonym
    item_id: str
    event_type: str
    slate_id: str
    reward: float  # -0.5 to 1

    @property
    def marks(self) -> tuple[str, ...]:
        """Keys that tell that it has counted."""
        if not self.event_id:
            return ()
        return applied(self.event_id), counted(self.slate_id, self.item_id, self.event_type)


@dataclass(frozen=True)
class Entry:
    """One step of the state: a batch that it learned, or something said about the steps before."""

    version: int  # of the state after it
    at: float  # epoch seconds on the learner's clock
    shown: tuple[Shown, ...] = ()
    told: tuple[Told, ...] = ()
    erased: tuple[str, ...] = ()  # people whose vectors are new before this batch
    back_to: int | None = None  # steps after this version, up to here, do not count
    without: tuple[str, ...] = ()  # what these people were shown and told, up to here, does not count

    @property
    def marks(self) -> tuple[str, ...]:
        """Keys that tell what of it has counted."""
        slates = [mark for slate in self.shown for mark in slate.marks]
        return (*slates, *(mark for told in self.told for mark in told.marks))

    @property
    def takes_back(self) -> bool:
        """Whether it says something about the steps before it."""
        return bool(self.without) or self.back_to is not None

    def to_line(self) -> bytes:
        """Hash, JSON, end of line."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        content = {name: value for name, value in named.items() if value not in ((), None)}
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        return _digest(text) + b" " + text + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Entry":
        """Read what `to_line` wrote.

        Raises:
            BadJournalError: If the line is torn or was changed.
        """
        digest, _, text = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or _digest(text) != digest:
            raise BadJournalError("a line of the journal does not match its hash")
        content = json.loads(text)
        return cls(
            **content
            | {
                "shown": tuple(Shown(slate, person, tuple(items)) for slate, person, items in content.get("shown", ())),
                "told": tuple(Told(*each) for each in content.get("told", ())),
                "erased": tuple(content.get("erased", ())),
                "without": tuple(content.get("without", ())),
            }
        )


class Journal:
    """Entries in files, each named after the first version it may hold; for one writer.

    Args:
        folder: Made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def append(self, entry: Entry) -> None:
        """Write an entry behind all others; back only when the disk has it.

        Raises:
            OSError: If the disk does not take it.
        """
        path = max(self._files(), default=self._file(entry.version))
        new = not path.exists()
        with path.open("ab") as file:
            whole = file.tell()
            try:
                file.write(entry.to_line())
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), whole)
                raise
        if new:
            _sync(self._folder)

    def entries(self, after: int = -1) -> Iterator[Entry]:
        """Entries whose version is above `after`, in order; a torn last line was never finished and is left out.

        Raises:
            BadJournalError: If any other line is torn or was changed.
        """
        files = sorted(self._files())
        firsts = [*map(self._first, files), None]
        for path, next_first in zip(files, firsts[1:], strict=True):
            if next_first is not None and next_first - 1 <= after:
                continue
            lines = path.read_bytes().splitlines(keepends=True)
            for number, line in enumerate(lines, 1):
                try:
                    entry = Entry.from_line(line)
                except BadJournalError as error:
                    if next_first is None and number == len(lines):
                        return
                    raise BadJournalError(f"{path}, line {number}: {error}") from error
                if entry.version > after:
                    yield entry

    def last(self) -> Entry | None:
        """The newest entry."""
        for path in sorted(self._files(), reverse=True):
            if found := list(self.entries(self._first(path) - 1)):
                return found[-1]
        return None

    def cut_after(self, version: int) -> None:
        """Remove the entries above a version, and a torn last line."""
        for path in sorted(self._files(), reverse=True):
            kept = [entry for entry in self.entries(self._first(path) - 1) if entry.version <= version]
            if kept:
                _rewrite(path, kept)
                return
            path.unlink()

    def clear(self) -> None:
        """Remove everything."""
        for path in self._files():
            path.unlink()

    def turn(self, version: int) -> None:
        """Let the entries after a version begin a new file."""
        path = self._file(version + 1)
        path.touch()
        _sync(self._folder)

    def drop_before(self, version: int) -> None:
        """Remove the files that hold nothing above a version."""
        files = sorted(self._files())
        for path, following in pairwise(files):
            if self._first(following) - 1 <= version:
                path.unlink()

    def rename(self, renamed: Callable[[Entry], Entry]) -> int:
        """Put other entries in the place of entries; how many files changed."""
        changed = 0
        for path in sorted(self._files()):
            entries = [Entry.from_line(line) for line in path.read_bytes().splitlines(keepends=True)]
            others = list(map(renamed, entries))
            if others != entries:
                _rewrite(path, others)
                changed += 1
        return changed

    def _files(self) -> list[Path]:
        return list(self._folder.glob(f"*{_SUFFIX}"))

    def _file(self, version: int) -> Path:
        return self._folder / f"{version:020d}{_SUFFIX}"

    @staticmethod
    def _first(path: Path) -> int:
        return int(path.stem)


def effective(entries: Iterable[Entry], without: Sequence[str] = ()) -> list[Entry]:
    """The entries that are left when what later entries take back is taken out, each without its own say on others.

    Args:
        entries: In order.
        without: People whose feedback does not count either.

    Examples:
        >>> click = Told("e1", "ada", "balat-cafe", "click", "s1", 0.3)
        >>> steps = [Entry(1, 0.0, told=(click,)), Entry(2, 1.0, told=(click,)), Entry(3, 2.0, back_to=1)]
        >>> [entry.version for entry in effective(steps)]
        [1, 3]
    """
    kept: list[Entry] = []
    for entry in entries:
        if entry.back_to is not None:
            undone = [each for each in kept if each.version > entry.back_to]
            kept = [each for each in kept if each.version <= entry.back_to]
            erased = dict.fromkeys(name for each in (*undone, entry) for name in each.erased)
            entry = replace(entry, erased=tuple(erased))  # nobody comes back with the state
        if entry.without:
            kept = [_untold(each, entry.without) for each in kept]
        kept.append(replace(entry, back_to=None, without=()))
    return [_untold(each, without) for each in kept]


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there as a whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync(path.parent)


def _rewrite(path: Path, entries: Sequence[Entry]) -> None:
    write_whole(path, b"".join(entry.to_line() for entry in entries))


def _untold(entry: Entry, people: Sequence[str]) -> Entry:
    gone = set(people)
    return replace(
        entry,
        shown=tuple(each for each in entry.shown if each.user_id not in gone),
        told=tuple(each for each in entry.told if each.user_id not in gone),
    )


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:_HASH_DIGITS].encode()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
