"""What the learner applied, in order: lines in files, written before their effect."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hidden_gems.online.entries import BadJournalError, Entry

_SUFFIX = ".jsonl"
_FINISHED = "finished"


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


def _generation(path: Path) -> int:
    return int(path.stem.partition("-")[2] or 0)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
