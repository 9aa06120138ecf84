"""Parquet a part at a time: tables that are larger than memory."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


class PartWriter:
    """One Parquet file that grows by a row group with each frame.

    Args:
        path: The file; an existing one is replaced.
        schema: Columns and types; those of the first frame if there is none.
    """

    def __init__(self, path: Path, schema: pa.Schema | None = None) -> None:
        self.path, self.schema, self.rows = path, schema, 0
        self._writer: pq.ParquetWriter | None = None

    def add(self, frame: pd.DataFrame) -> None:
        """Append rows."""
        table = pa.Table.from_pandas(frame, schema=self.schema, preserve_index=False)
        self.schema = table.schema
        self._open().write_table(table)
        self.rows += len(frame)

    def _open(self) -> pq.ParquetWriter:
        self._writer = self._writer or pq.ParquetWriter(self.path, self.schema, compression="zstd")
        return self._writer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.schema is not None:
            self._open().close()  # a schema without rows is a table too


def write_parts(path: Path, frames: Iterable[pd.DataFrame], schema: pa.Schema | None = None) -> int:
    """Write frames as one Parquet file; returns the rows."""
    with PartWriter(path, schema) as file:
        for frame in frames:
            file.add(frame)
    return file.rows


def read_parts(path: Path, rows: int, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
    """Rows of a Parquet file, or of a folder of files `part-*` in the order of their names.

    Args:
        path: File or folder.
        rows: Rows of each frame; the last one has what is left.
        columns: Those to read; all by default.
    """
    held: list[pd.DataFrame] = []
    count = 0
    for file in sorted(path.glob("part-*.parquet")) if path.is_dir() else [path]:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=rows, columns=columns):
            held.append(batch.to_pandas())
            count += len(held[-1])
            if count >= rows:
                whole = pd.concat(held, ignore_index=True)
                yield whole.iloc[:rows]
                held, count = [whole.iloc[rows:].reset_index(drop=True)], count - rows
    if count:
        yield pd.concat(held, ignore_index=True)
