"""Find and load the files of a dataset folder; what is no dataset is said in one sentence."""

import csv
import glob
import gzip
import io
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import duckdb

from hidden_gems.core.errors import NotADatasetError
from hidden_gems.datasets.contract import FILES

SUFFIXES = (".parquet", ".csv", ".csv.gz")
_CHUNK_BYTES = 1 << 20
_SHOWN_COLUMNS = 20
_SHOWN_LENGTH = 40


@dataclass(frozen=True)
class Source:
    """One file of a folder, loaded into the DuckDB table `raw` with the columns `row` (from 1), `c0`, `c1`, …."""

    table: str  # name in the contract
    path: Path
    columns: dict[str, str]  # name in the file -> name in `raw`, in the order of the file
    types: dict[str, str]  # name in the file -> DuckDB type
    rows: int


def find_files(folder: Path) -> dict[str, Path]:
    """The file of each table that is there.

    Raises:
        NotADatasetError: If there is no such folder, no `interactions`, or one table in two files.
    """
    try:
        if not folder.is_dir():
            what = "is a file, a dataset is a folder" if folder.exists() else "does not exist"
            raise NotADatasetError(f"{folder} {what}; expected a folder with interactions{'|'.join(SUFFIXES)}")
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise NotADatasetError(f"{folder} cannot be read: {error.strerror or error}") from error
    found: dict[str, Path] = {}
    for table in FILES:
        candidates = [table + suffix for suffix in SUFFIXES if table + suffix in names]
        if len(candidates) > 1:
            raise NotADatasetError(f"{folder} has {' and '.join(candidates)}; keep one file of the table {table}")
        if candidates:
            found[table] = folder / candidates[0]
    if "interactions" not in found:
        there = ", ".join(sorted(names)[:_SHOWN_COLUMNS]) or "nothing"
        raise NotADatasetError(f"{folder} has no interactions{'|'.join(SUFFIXES)}; found {there}")
    return found


def load(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> Source:
    """Load one file into the table `raw` of `connection`: CSV as text, Parquet with its own types.

    Raises:
        NotADatasetError: If the file is empty, damaged, not UTF-8, ragged, or lacks a required column.
    """
    _check_readable(path)
    is_parquet = path.suffix == ".parquet"
    names, types = _parquet_header(connection, path) if is_parquet else _csv_header(path)
    _check_columns(table, path, names)
    columns = {name: f"c{position}" for position, name in enumerate(names)}
    try:
        connection.execute("DROP TABLE IF EXISTS raw")
        if is_parquet:
            connection.execute(
                "CREATE TEMP TABLE raw AS SELECT row_number() OVER () AS row, t.* "
                f"FROM read_parquet(?) AS t({', '.join(columns.values())})",
                [glob.escape(str(path))],
            )
        else:
            connection.execute(
                "CREATE TEMP TABLE raw AS SELECT row_number() OVER () AS row, * FROM read_csv(?, columns = ?, "
                "auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"')",
                [glob.escape(str(path)), dict.fromkeys(columns.values(), "VARCHAR")],
            )
    except duckdb.Error as error:
        reason = _parquet_reason(str(error)) if is_parquet else _csv_reason(str(error))
        raise NotADatasetError(f"{path.name} in {path.parent}: {reason}") from error
    [rows] = connection.execute("SELECT count(*) FROM raw").fetchone() or (0,)
    return Source(table, path, columns, types, rows)


def _check_readable(path: Path) -> None:
    try:
        if path.is_dir():
            raise NotADatasetError(f"{path.name} in {path.parent} is a folder; expected one file")
        if path.stat().st_size == 0:
            raise NotADatasetError(f"{path.name} in {path.parent} is empty; expected a header and at least one row")
        with path.open("rb") as file:
            file.read(1)
        if path.suffix == ".gz":
            with gzip.open(path) as file:  # DuckDB takes a cut gzip file for a short one
                while file.read(_CHUNK_BYTES):
                    pass
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise NotADatasetError(f"{path.name} in {path.parent} is cut short or no gzip file; pack it again") from error
    except OSError as error:
        raise NotADatasetError(f"{path.name} in {path.parent} cannot be read: {error.strerror or error}") from error


def _parquet_header(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[list[str], dict[str, str]]:
    try:
        rows = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [glob.escape(str(path))]).fetchall()
    except duckdb.Error as error:
        raise NotADatasetError(f"{path.name} in {path.parent}: {_parquet_reason(str(error))}") from error
    return [row[0] for row in rows], {row[0]: row[1] for row in rows}


def _csv_header(path: Path) -> tuple[list[str], dict[str, str]]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            text = io.TextIOWrapper(cast("IO[bytes]", file), encoding="utf-8-sig", newline="")
            names = next(csv.reader(text), [])
    except UnicodeDecodeError as error:
        raise NotADatasetError(f"{path.name} in {path.parent} is not UTF-8; save it as UTF-8") from error
    except csv.Error as error:
        raise NotADatasetError(f"{path.name} in {path.parent} has a header that is no CSV: {error}") from error
    names = [name or f"column{position}" for position, name in enumerate(names)]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise NotADatasetError(f"{path.name} in {path.parent} has the column {twice[0]} twice; rename or drop one")
    return names, dict.fromkeys(names, "VARCHAR")


def _check_columns(table: str, path: Path, names: list[str]) -> None:
    missing = [column.name for column in FILES[table] if column.required and column.name not in names]
    if not missing:
        return
    what = f"the column {missing[0]} is" if len(missing) == 1 else f"the columns {', '.join(missing)} are"
    found = ", ".join(name[:_SHOWN_LENGTH] for name in names[:_SHOWN_COLUMNS]) or "no columns"
    separator = next((mark for mark in ";\t|" if len(names) == 1 and mark in names[0]), None)
    hint = f" (its separator looks like {separator!r}, expected ',')" if separator else ""
    raise NotADatasetError(f"{path.name} in {path.parent}: {what} missing; found {found}{hint}")


def _csv_reason(message: str) -> str:
    """One sentence for a CSV error of DuckDB, without the line itself, which holds people's data."""
    line = re.search(r"CSV Error on Line: (\d+)", message)
    where = f"line {line[1]}" if line else "a line"
    if widths := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message):
        return f"{where} has {widths[2]} columns, expected {widths[1]} as in the header"
    if "not utf-8 encoded" in message:
        return f"{where} is not UTF-8; save the file as UTF-8"
    if "unterminated quote" in message:
        return f"{where} has a quotation mark that is not closed or not doubled"
    if "line size" in message.lower():
        return f"{where} is longer than 2 MB; expected one short row a line"
    return f"{where} cannot be read as CSV with ',' between columns"


def _parquet_reason(message: str) -> str:
    if "UTF" in message or "string encoding" in message:
        return "some text is not UTF-8; write the file again from UTF-8 text"
    return "the file is cut short or no Parquet file; write it again"
