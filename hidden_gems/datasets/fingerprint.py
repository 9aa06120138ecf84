"""One number for the accepted rows of a dataset, whatever files they came in."""

import hashlib
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hidden_gems.datasets.contract import FILES

_TEXT = ("id", "text")


class Columns(Protocol):
    """A frame, or a table on disk that is read a column at a time."""

    def __len__(self) -> int: ...

    def __getitem__(self, name: str) -> pd.Series: ...


def fingerprint(tables: Mapping[str, Columns]) -> str:
    """SHA-256 over every cell of the contract's columns, in the order of the rows; extra columns do not count.

    Args:
        tables: Columns for every file of the contract, with person ids as they came.

    Returns:
        64 hexadecimal digits, the same for CSV and Parquet, on every machine and under every pseudonym key.
    """
    digest = hashlib.sha256()
    for name, columns in FILES.items():
        table = tables[name]
        digest.update(f"{name}:{len(table)}".encode())
        for column in columns:
            digest.update(column.name.encode())
            parts = _text_parts(table[column.name]) if column.kind in _TEXT else _number_parts(table[column.name])
            for part in parts:
                digest.update(part)
    return digest.hexdigest()


def _text_parts(values: pd.Series) -> tuple[bytes | memoryview, ...]:
    """Which cells are there, how many bytes each has, and the bytes."""
    array = pa.array(values, type=pa.large_string(), from_pandas=True)
    if array.null_count == len(array):
        return (b"empty",)
    array = pa.concat_arrays([array.fill_null("")])
    there = np.packbits(values.notna().to_numpy())
    lengths = pc.binary_length(array).to_numpy(zero_copy_only=False).astype("<i8")
    text = array.buffers()[2]
    size = int(lengths.sum())
    return there.tobytes(), lengths.tobytes(), memoryview(text)[:size] if size else b""


def _number_parts(values: pd.Series) -> tuple[bytes, ...]:
    """Which cells are there, and their values as 8-byte floats; times up to 2^53 are exact."""
    there = values.notna().to_numpy()
    if not there.any():
        return (b"empty",)
    numbers = values.to_numpy(dtype="<f8", na_value=np.nan)
    return np.packbits(there).tobytes(), (np.where(there, numbers, 0.0) + 0.0).tobytes()  # + 0.0: -0 is 0
