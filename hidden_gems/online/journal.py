"""What the learner applied, in order: lines in files, written before their effect."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.core.names import applied, counted

_HASH_DIGITS = 16
_SUFFIX = ".jsonl"
_FINISHED = "finished"


class BadJournalError(HiddenGemsError):
    """A journal holds a line that was changed, or lines are missing; says where."""


class Shown(NamedTuple):
    """A slate that counted: one impression of each of its gems."""

    slate_id: str
    user_id: str  # pseudonym; empty where the answer was nobody's
    items: tuple[str, ...]
    kinds: tuple[int, ...] = ()  # of taste, of each item, see `drift.taste.kind_of`
    seen: str = ""  # see `online.seen.Seen`; empty where the slate did not say
    at: float = 0.0  # when it was asked for, epoch seconds

    @property
    def marks(self) -> dict[str, str]:
        """Keys that tell that it has counted, and what later feedback needs of it."""
        return {applied(self.slate_id): self.remembered} if self.slate_id else {}

    @property
    def remembered(self) -> str:
        """Items and what they looked like, as JSON; `recalled` reads it."""
        return json.dumps([self.items, self.seen], ensure_ascii=False, separators=(",", ":"))


class Told(NamedTuple):
    """Feedback that counted, and what it was worth."""

    event_id: str
    user_id: str  # pseudonym
    item_id: str
    event_type: str
    slate_id: str
    reward: float  # -0.5 to 1
    kind: int = 0  # of taste, of the item
    seen: str = ""  # the item's place of its slate, see `online.seen.Seen`; empty where the slate is not known

    @property
    def marks(self) -> dict[str, str]:
        """Keys that tell that it has counted."""
        if not self.event_id:
            return {}
        return {applied(self.event_id): "1", counted(self.slate_id, self.item_id, self.event_type): "1"}


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
    def marks(self) -> dict[str, str]:
        """Keys that tell what of it has counted, with their values."""
        parts: list[Shown | Told] = [*self.shown, *self.told]
        return {key: value for each in parts for key, value in each.marks.items()}

    @property
    def people(self) -> set[str]:
        """Everybody whose own state it moves."""
        parts: list[Shown | Told] = [*self.shown, *self.told]
        return {each.user_id for each in parts if each.user_id}

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
                "shown": tuple(map(_shown, content.get("shown", ()))),
                "told": tuple(Told(*each) for each in content.get("told", ())),
                "erased": tuple(content.get("erased", ())),
                "without": tuple(content.get("without", ())),
            }
        )


class Journal:
    """Entries in files, each named after the first version it may hold and the generation of its writer.

    A generation begins a file of its own and never writes to another's: what a writer that was thought dead still
    appends lies behind the beginning of its successor's, and is not read.

    Args:
        folder: Made where it is not there.
        generation: Of the writer, see `online.lease`; 0 for one that reads, or is alone.
    """

    def __init__(self, folder: Path, generation: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._generation = folder, generation

    def append(self, entry: Entry) -> None:
        """Write an entry behind all others; back only when the disk has it.

        Raises:
            OSError: If the disk does not take it.
        """
        own = [path for path in self._files() if _generation(path) == self._generation]
        path = own[-1] if own else self._file(entry.version)
        with path.open("ab") as file:
            whole = file.tell()
            try:
                file.write(entry.to_line())
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), whole)
                raise
        if not own:
            _sync(self._folder)

    def finish(self, version: int) -> None:
        """Note that an entry has had all of its effect; the next `append` brings it to the disk.

        Raises:
            OSError: If the disk does not take it.
        """
        with (self._folder / _FINISHED).open("w") as file:
            file.write(f"{version:020d}")

    def finished(self) -> int:
        """Version of the last entry that is known to have had all of its effect; -1 where none is."""
        path = self._folder / _FINISHED
        return int((path.read_text() if path.exists() else "") or -1)

    def entries(self, after: int = -1) -> Iterator[Entry]:
        """Entries whose version is above `after`, in order; a torn last line was never finished and is left out.

        Raises:
            BadJournalError: If any other line is torn or was changed.
        """
        for path, last in self._ranges():
            if last is None or last > after:
                yield from (entry for entry in self._read(path, last) if entry.version > after)

    def newest_generation(self) -> int:
        """Of all writers so far."""
        return max(map(_generation, self._files()), default=0)

    def last(self) -> Entry | None:
        """The newest entry."""
        for path, last in reversed(self._ranges()):
            if found := self._read(path, last):
                return found[-1]
        return None

    def cut_after(self, version: int) -> None:
        """Remove the entries above a version, and torn last lines; what follows begins a file of our generation."""
        for path, last in reversed(self._ranges()):
            kept = [entry for entry in self._read(path, last) if entry.version <= version]
            if kept:
                _rewrite(path, kept)
                break
            path.unlink()
        self.turn(version)

    def clear(self) -> None:
        """Remove everything."""
        for path in self._files():
            path.unlink()
        (self._folder / _FINISHED).unlink(missing_ok=True)

    def turn(self, version: int) -> None:
        """Let the entries after a version begin a new file."""
        self._file(version + 1).touch()
        _sync(self._folder)

    def drop_before(self, version: int) -> None:
        """Remove the files that hold nothing above a version."""
        for path, last in self._ranges():
            if last is not None and last <= version:
                path.unlink()

    def rename(self, renamed: Callable[[Entry], Entry]) -> int:
        """Put other entries in the place of entries; how many files changed."""
        changed = 0
        for path, last in self._ranges():
            entries = self._read(path, last)
            others = list(map(renamed, entries))
            if others != entries:
                _rewrite(path, others)
                changed += 1
        return changed

    def _read(self, path: Path, last: int | None) -> list[Entry]:
        """Entries of a file up to a version; its last line may be torn where no newer file is of its generation."""
        lines = path.read_bytes().splitlines(keepends=True)
        newest = [each for each in self._files() if _generation(each) == _generation(path)][-1]
        entries = []
        for number, line in enumerate(lines, 1):
            try:
                entries.append(Entry.from_line(line))
            except BadJournalError as error:
                if path == newest and number == len(lines):
                    break
                raise BadJournalError(f"{path}, line {number}: {error}") from error
        return [entry for entry in entries if last is None or entry.version <= last]

    def _ranges(self) -> list[tuple[Path, int | None]]:
        """Files in order, each with the last version that counts in it: the one before the next writer's first."""
        files = self._files()
        firsts = [int(path.stem.partition("-")[0]) for path in files]
        return [(path, min(firsts[at:]) - 1 if firsts[at:] else None) for at, path in enumerate(files, 1)]

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_SUFFIX}"), key=lambda path: (_generation(path), path.stem))

    def _file(self, version: int) -> Path:
        return self._folder / f"{version:020d}-{self._generation:010d}{_SUFFIX}"


def recalled(text: bytes) -> tuple[list[str], str]:
    """Items of a slate and what they looked like, out of what `Shown.remembered` wrote; nothing for any other mark."""
    try:
        found = json.loads(text)
        items, seen = found if isinstance(found, list) else ([], "")
    except ValueError:
        return [], ""
    return list(items), str(seen)


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


def _shown(told: Sequence[Any]) -> Shown:
    slate, person, items, *more = told
    kinds, *looked = more or ((),)
    return Shown(slate, person, tuple(items), tuple(kinds), *looked)


def _rewrite(path: Path, entries: Sequence[Entry]) -> None:
    write_whole(path, b"".join(entry.to_line() for entry in entries))


def _untold(entry: Entry, people: Sequence[str]) -> Entry:
    gone = set(people)
    return replace(
        entry,
        shown=tuple(each for each in entry.shown if each.user_id not in gone),
        told=tuple(each for each in entry.told if each.user_id not in gone),
    )


def _generation(path: Path) -> int:
    return int(path.stem.partition("-")[2] or 0)


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:_HASH_DIGITS].encode()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
