"""Stores that are files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hidden_gems.core import addresses
from hidden_gems.core.erasable import Trace
from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.core.kv import KeyValue
from hidden_gems.online.entries import Entry
from hidden_gems.online.journal import Journal
from hidden_gems.online.orders import order_forget
from hidden_gems.online.snapshots import Snapshot
from hidden_gems.privacy.parquet import as_json, forget_rows, known_since, rows_of
from hidden_gems.privacy.promises import HISTORY, JOURNAL, SPOOL, STORE_LOG, TRAINING, promise

_CHUNK = 1 << 24


@dataclass(frozen=True)
class ParquetStore:
    """Tables with people in them: the archive, or what training keeps. Safe beside whoever writes new files."""

    name: str
    folders: Sequence[str | Path]  # any fsspec addresses

    @property
    def what(self) -> str:
        """As receipts have it."""
        return promise(self.name).what

    @property
    def seconds(self) -> float:
        """As receipts have it."""
        return promise(self.name).seconds

    def erase(self, people: Mapping[str, float]) -> None:
        """Write the files that name these people again.

        Raises:
            PartUnavailableError: If the disk, or the bucket, does not take it.
        """
        try:
            with ThreadPoolExecutor(addresses.AT_ONCE) as pool:
                for _ in pool.map(lambda each: forget_rows(each, people), self._files()):
                    pass
        except OSError as error:
            raise PartUnavailableError(self.name, str(error)) from error

    def find(self, person: str, erased_at: float | None) -> list[Trace]:
        """Files with rows of somebody, decoded; other files by their bytes."""
        found = []
        for address in self._files():
            rows = rows_of(address, person)
            if rows is not None:
                before = erased_at is None or bool((known_since(rows) <= erased_at).any())
                found.append(Trace(address, "left" if before else "since"))
            elif holds(address, person):
                found.append(Trace(address))
        return found

    def export(self, person: str) -> Any:
        """Rows of somebody by file."""
        rows = {address: rows_of(address, person) for address in self._files()}
        return {address: as_json(table) for address, table in rows.items() if table is not None} or None

    def _files(self) -> list[str]:
        return [address for folder in self.folders for address in addresses.files_below(folder, ".parquet")]


def archive(folder: str | Path) -> ParquetStore:
    """The history that the archiver writes."""
    return ParquetStore(HISTORY, [folder])


def training_copies(runs: str | Path, feast: str | Path) -> ParquetStore:
    """Checked data of the runs, and the rows that Feast materialized."""
    return ParquetStore(TRAINING, [runs, feast])


@dataclass(frozen=True)
class LearnerFiles:
    """Journal and snapshots; nobody but the learner writes there, so it is asked to."""

    folder: Path
    keys: KeyValue
    name: str = JOURNAL
    what: str = promise(JOURNAL).what
    seconds: float = promise(JOURNAL).seconds

    def erase(self, people: Mapping[str, float]) -> None:
        """Let the running learner forget everybody whose erasure it has followed.

        Raises:
            PartUnavailableError: If it does not answer in time.
        """
        if people:
            order_forget(self.keys)

    def find(self, person: str, erased_at: float | None) -> list[Trace]:
        """Files that name somebody; what was applied after the erasure is that of somebody new."""
        found = [path for path in files_below(self.folder) if holds(path, person)]
        return [
            Trace(str(path), "since" if erased_at is not None and _since(path, person, erased_at) else "left")
            for path in found
        ]

    def export(self, person: str) -> Any:
        """What counted of somebody, in order."""
        told = [
            {"at": entry.at, "item_id": told.item_id, "event_type": told.event_type, "reward": told.reward}
            for entry in Journal(self.folder / "journal").entries()
            for told in entry.told
            if told.user_id == person
        ]
        return told or None


@dataclass(frozen=True)
class PlainFiles:
    """Files that forget by themselves: what is delivered or rotated."""

    name: str
    what: str
    seconds: float
    folder: Path | None  # None where it is on another machine
    apart: Sequence[Path] = ()  # folders below it that are other stores

    def erase(self, people: Mapping[str, float]) -> None:
        """Nothing: they do."""

    def find(self, person: str, erased_at: float | None) -> list[Trace]:
        """Files that name somebody, by their bytes."""
        files = files_below(self.folder) if self.folder is not None else ()
        ours = (path for path in files if not any(path.is_relative_to(each) for each in self.apart))
        return [Trace(str(path)) for path in ours if holds(path, person)]

    def export(self, person: str) -> Any:
        """Names of the files that name somebody."""
        return [trace.where for trace in self.find(person, None)] or None


def _beside_denylist(path: Path, person: str) -> bool:
    """Whether a person's bytes are part of another key than `erased:`, of a row of Feast, or of a JSON text.

    Members of feeds stand alone, and a receipt has the name behind `["`.
    """
    elsewhere = rb"(?:(?<!erased):|\x00|(?<!\[)\")" + re.escape(person.encode())
    return re.search(elsewhere, path.read_bytes()) is not None


def _since(path: Path, person: str, erased_at: float) -> bool:
    """Whether a file of the learner names somebody only for what was applied after their erasure."""
    if path.suffix == ".npz":
        snapshot = Snapshot.from_bytes(path.read_bytes())
        return snapshot.at > erased_at and snapshot.moved.get(person) is not None
    entries = [Entry.from_line(line) for line in path.read_bytes().splitlines(keepends=True)]
    return not any(person in entry.erased or (entry.at <= erased_at and person in entry.people) for entry in entries)


def spool(folder: Path) -> PlainFiles:
    """Slates that wait for the broker."""
    made = promise(SPOOL)
    return PlainFiles(SPOOL, made.what, made.seconds, folder)


@dataclass(frozen=True)
class StoreLog:
    """What the online store writes to disk: also the denylist, which is in the store itself."""

    keys: KeyValue
    folder: Path | None  # None where it is on another machine
    name: str = STORE_LOG
    what: str = promise(STORE_LOG).what
    seconds: float = promise(STORE_LOG).seconds

    def erase(self, people: Mapping[str, float]) -> None:
        """Begin to write it anew, once for everybody."""
        if people:
            self.keys.rewrite_log()

    def find(self, person: str, erased_at: float | None) -> list[Trace]:
        """Files that name somebody; only bytes that are no key or value of the denylist are left."""
        files = files_below(self.folder) if self.folder is not None else ()
        named = [path for path in files if holds(path, person)]
        return [Trace(str(path), "left" if _beside_denylist(path, person) else "denylist") for path in named]

    def export(self, person: str) -> Any:
        """Names of the files that name somebody; what they say is in the online store."""
        return [trace.where for trace in self.find(person, None)] or None


def other_files(home: Path, apart: Sequence[Path]) -> PlainFiles:
    """Everything else below a home: logs, releases, what nobody thought of. Nobody may be named there at any time."""
    return PlainFiles("others", "any other file of this home", 0.0, home, apart=apart)


def files_below(folder: Path) -> Iterator[Path]:
    """Files below a folder, in order; one that is gone meanwhile is left out."""
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def holds(address: str | Path, text: str) -> bool:
    """Whether a file has these bytes in it."""
    wanted, before = text.encode(), b""
    try:
        with addresses.reading(address) as file:
            while chunk := file.read(_CHUNK):
                if wanted in before + chunk:
                    return True
                before = chunk[-len(wanted) :]
    except FileNotFoundError:
        return False
    return False
