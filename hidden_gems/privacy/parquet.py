"""Parquet files that name people: looked into, and written again without some of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hidden_gems.core.addresses import reading, remove, write_whole

PERSON = "user_id"
_ALWAYS_KNOWN = -np.inf


def rows_of(address: str | Path, person: str) -> pa.Table | None:
    """Rows of somebody in a file; None where it names nobody, or not them."""
    with reading(address) as file:
        parquet = pq.ParquetFile(file)
        if not _names(parquet, [person]):
            return None
        table = parquet.read()
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


def forget_rows(address: str | Path, people: Mapping[str, float]) -> int:
    """Write a file again without what was known of people up to a moment, or remove it where nothing is left.

    A file that names none of them is not touched. It is there as it was or as it is to be, never in between.

    Args:
        address: Of the file.
        people: Epoch seconds by person.

    Returns:
        Rows that are gone.

    Raises:
        OSError: If the disk, or the bucket, does not take it.
    """
    with reading(address) as file:
        parquet = pq.ParquetFile(file)
        if not _names(parquet, list(people)):
            return 0
        table = parquet.read()
    until = np.array([people.get(name, -np.inf) for name in table[PERSON].to_pylist()], dtype=np.float64)
    known = np.isin(table[PERSON].to_numpy(zero_copy_only=False).astype(str), list(people))
    gone = known & (known_since(table) <= until)
    if not gone.any():
        return 0
    left = table.filter(pa.array(~gone))
    if len(left):
        write_whole(address, lambda file: pq.write_table(left, file, compression="zstd"))
    else:
        remove(address)
    return int(gone.sum())


def as_json(table: pa.Table) -> list[dict[str, Any]]:
    """Rows without nulls and without the name of the person."""
    return [
        {name: value for name, value in row.items() if value is not None and name != PERSON}
        for row in table.to_pylist()
    ]


def _names(file: pq.ParquetFile, people: list[str]) -> bool:
    if PERSON not in file.schema_arrow.names:
        return False
    column = file.read(columns=[PERSON])[PERSON]
    return bool(pc.any(pc.is_in(column.cast(pa.string()), pa.array(people, pa.string()))).as_py())


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(table[name].cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
