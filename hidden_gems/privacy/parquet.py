"""Parquet files that name people: looked into, and written again without some of them."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

PERSON = "user_id"
_ALWAYS_KNOWN = -np.inf


def rows_of(path: Path, person: str) -> pa.Table | None:
    """Rows of somebody in a file; None where it names nobody, or not them."""
    if not _names(path, [person]):
        return None
    table = pq.ParquetFile(path).read()
    return table.filter(pc.equal(table[PERSON], person))


def known_since(table: pa.Table) -> NDArray[np.float64]:
    """Epoch seconds of each row: the twin of `known_since` of the records; before everything where no column says.

    Returns:
        Size N.
    """
    count = len(table)
    if "timestamp" not in table.column_names:
        return np.full(count, _ALWAYS_KNOWN)
    moments = _numbers(table, "timestamp")
    if "received" in table.column_names:
        moments = np.fmin(moments, _numbers(table, "received"))
    if "issued" in table.column_names:
        issued = _numbers(table, "issued")
        moments = np.where(np.isnan(issued), moments, issued)
    return moments


def forget_rows(path: Path, people: Mapping[str, float]) -> int:
    """Write a file again without what was known of people up to a moment, or remove it where nothing is left.

    A file that names none of them is not touched. It is there as it was or as it is to be, never in between.

    Args:
        path: Of the file.
        people: Epoch seconds by person.

    Returns:
        Rows that are gone.

    Raises:
        OSError: If the disk does not take it.
    """
    if not _names(path, list(people)):
        return 0
    table = pq.ParquetFile(path).read()
    until = np.array([people.get(name, -np.inf) for name in table[PERSON].to_pylist()], dtype=np.float64)
    known = np.isin(table[PERSON].to_numpy(zero_copy_only=False).astype(str), list(people))
    gone = known & (known_since(table) <= until)
    if not gone.any():
        return 0
    left = table.filter(pa.array(~gone))
    if len(left):
        _replace(path, left)
    else:
        path.unlink(missing_ok=True)
    return int(gone.sum())


def parquet_files(folder: Path) -> Iterator[Path]:
    """Whole Parquet files below a folder, in order."""
    for path in sorted(folder.rglob("*.parquet")):
        if path.is_file() and not path.name.startswith("."):
            yield path


def as_json(table: pa.Table) -> list[dict[str, Any]]:
    """Rows without nulls and without the name of the person."""
    return [
        {name: value for name, value in row.items() if value is not None and name != PERSON}
        for row in table.to_pylist()
    ]


def _names(path: Path, people: list[str]) -> bool:
    file = pq.ParquetFile(path)
    if PERSON not in file.schema_arrow.names:
        return False
    column = file.read(columns=[PERSON])[PERSON]
    return bool(pc.any(pc.is_in(column.cast(pa.string()), pa.array(people, pa.string()))).as_py())


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(table[name].cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _replace(path: Path, table: pa.Table) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
