"""The rows of one file: parsed, judged, the bad ones set aside with a reason."""

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import pandas as pd
import pyarrow as pa

from hidden_gems.core.clock import ORDER_ONLY_BELOW
from hidden_gems.core.errors import NotADatasetError
from hidden_gems.datasets.cells import Cell, Rule, cell, literal, literals, outside, plain_word, quoted
from hidden_gems.datasets.contract import FILES, OTHER, VOCABULARIES, Column
from hidden_gems.datasets.report import frequent_reasons
from hidden_gems.datasets.source import Source
from hidden_gems.events.kinds import ALIASES, KINDS

REJECTED_COLUMNS = ("file", "row", "column", "reason", "value")
_SQL_TYPES = {"id": "VARCHAR", "text": "VARCHAR", "time": "DOUBLE", "number": "DOUBLE", "integer": "DOUBLE"}
_KEYS = {"interactions": "event_id", "items": "item_id", "users": "user_id"}
"""What must not come twice in a file; the first row wins."""
_DEFAULT_EVENT = "visit"
_SHOWN_VALUE = 80  # characters of a bad value that are kept
_SHOWN_WORDS = 5


@dataclass(frozen=True)
class Rows:
    """What one file held: good rows in the order of time and file, bad ones, and what a person should know."""

    frame: pd.DataFrame
    rejected: pd.DataFrame
    read: int
    duplicates: int  # rows dropped because the same event, item or person came before
    warnings: tuple[str, ...]


class TooManyBadRowsError(NotADatasetError):
    """More bad rows than allowed in one file; `rejected` holds them with their reasons."""

    def __init__(self, message: str, rejected: pd.DataFrame) -> None:
        super().__init__(message)
        self.rejected = rejected


def is_order_only(connection: duckdb.DuckDBPyConnection, source: Source) -> bool:
    """Whether all timestamps of the file in `raw` are below 10^8: an order, not times."""
    column = next(column for column in FILES[source.table] if column.name == "timestamp")
    parsed = _made(source, column, None, whole=False)
    [last] = connection.execute(f"SELECT max({parsed.value}) FROM raw").fetchone() or (None,)
    return last is not None and last < ORDER_ONLY_BELOW


@dataclass(frozen=True)
class Judged:
    """What one file held; the good rows are what `query` finds, in the order of time and file."""

    query: str
    rejected: pd.DataFrame
    read: int
    duplicates: int
    warnings: tuple[str, ...]


def check_rows(connection: duckdb.DuckDBPyConnection, source: Source, now: float | None, most_bad: float) -> Rows:
    """Judge every row of the file that lies in `raw`, and bring the good ones into memory; see `judge`."""
    found = judge(connection, source, now, most_bad)
    frame = _frame(connection, source.table, found.query)
    connection.execute("DROP TABLE judged")
    return Rows(frame, found.rejected, found.read, found.duplicates, found.warnings)


def judge(connection: duckdb.DuckDBPyConnection, source: Source, now: float | None, most_bad: float) -> Judged:
    """Judge every row of the file that lies in `raw`; the good ones can be asked for until the next file is judged.

    Args:
        connection: Holds the table `raw` of `source`.
        source: The file.
        now: Epoch seconds after which a time is in the future; None where times are only an order.
        most_bad: Largest share of bad rows, 0 to 1.

    Raises:
        NotADatasetError: If a column has a type that cannot hold what is expected.
        TooManyBadRowsError: If more than `most_bad` of the rows are bad.
    """
    present, warnings = _usable_columns(source)
    cells = {column.name: _cell_of(connection, source, column, now) for column in present}
    rules = [rule for made in cells.values() for rule in made.rules] + _row_rules(source.table, set(cells))
    values = ", ".join(f"{made.value} AS {quoted(name)}" for name, made in cells.items())
    problem = " ".join(f"WHEN {rule.when} THEN {number}" for number, rule in enumerate(rules))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE judged AS SELECT *, CASE {problem} END AS problem "
        f"FROM (SELECT raw.*, {values} FROM raw)"
    )
    connection.execute("DROP TABLE raw")
    rejected = _rejected(connection, source, rules)
    _refuse_too_many(source, rejected, most_bad)
    warnings += _unknown_words(connection, source, cells)
    duplicates, differing = _mark_duplicates(connection, source.table, list(cells))
    if duplicates:
        key = _KEYS[source.table]
        but = f" ({differing:,} of them with other content)" if differing else ""
        warnings.append(
            f"{source.path.name}: {duplicates:,} rows repeat the {key} of an earlier row and are dropped{but}."
        )
    return Judged(_good_rows(source, set(cells)), rejected, source.rows, duplicates, tuple(warnings))


def empty_frame(table: str) -> pd.DataFrame:
    """No rows, with every column of a table in its type."""
    with duckdb.connect() as connection:
        columns = ", ".join(_typed(column, False) for column in FILES[table])
        return _frame(connection, table, f"SELECT {columns} LIMIT 0")


def rejected_frame(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Bad rows of several files as one table, in the order of the files."""
    kept = [part for part in parts if len(part)]
    if kept:
        return pd.concat(kept, ignore_index=True)
    return pd.DataFrame({name: pd.Series(dtype="int64" if name == "row" else object) for name in REJECTED_COLUMNS})


def _usable_columns(source: Source) -> tuple[list[Column], list[str]]:
    """Columns of the contract that the file has, and warnings about the others."""
    present = [column for column in FILES[source.table] if column.name in source.columns]
    names = {column.name for column in present}
    warnings = []
    if extra := [name for name in source.columns if name not in {column.name for column in FILES[source.table]}]:
        warnings.append(f"{source.path.name}: {len(extra)} extra columns are kept and ignored: {', '.join(extra)}.")
    for one, other in (("lat", "lon"), ("lon", "lat")):
        if one in names and other not in names:
            warnings.append(f"{source.path.name}: the column {one} is not used because there is no column {other}.")
            present = [column for column in present if column.name != one]
    return present, warnings


def _cell_of(connection: duckdb.DuckDBPyConnection, source: Source, column: Column, now: float | None) -> Cell:
    raw = source.columns[column.name]
    whole = False
    if column.kind == "id" and source.types[column.name] == "VARCHAR":
        ends = rf"regexp_full_match({raw}, '-?\d+\.0+')"
        [whole] = connection.execute(f"SELECT coalesce(bool_and({ends}), false) FROM raw WHERE {raw} <> ''").fetchone()
    made = _made(source, column, now, whole)
    if (source.table, column.name) == ("interactions", "event_type"):
        return _event_type(made)
    return made


def _made(source: Source, column: Column, now: float | None, whole: bool) -> Cell:
    try:
        return cell(column, source.columns[column.name], source.types[column.name], now=now, whole=whole)
    except NotADatasetError as error:
        raise NotADatasetError(f"{source.path.name} in {source.path.parent}: {error}") from error


def _event_type(text: Cell) -> Cell:
    plain = plain_word(text.value)
    cases = " ".join(f"WHEN {literal(alias)} THEN {literal(kind)}" for alias, kind in ALIASES.items())
    value = f"coalesce(CASE {plain} {cases} ELSE {plain} END, '{_DEFAULT_EVENT}')"
    unknown = Rule("event_type", f"event_type NOT IN {literals(tuple(KINDS))}", f"none of {', '.join(KINDS)}")
    return Cell(value, (unknown,))


def _row_rules(table: str, names: set[str]) -> list[Rule]:
    """What several columns of a row must agree on."""
    rules = []
    if {"lat", "lon"} <= names:
        rules += [Rule("lat", "lat IS NULL AND lon IS NOT NULL", "half a coordinate")]
        rules += [Rule("lon", "lon IS NULL AND lat IS NOT NULL", "half a coordinate")]
    if table != "interactions" or "event_type" not in names:
        return rules
    for name, kind in KINDS.items():
        if "value" in names and (kind.needs_value or name == "view"):
            for when, reason in outside('"value"', kind.low, kind.high):
                rules.append(Rule("value", f"event_type = '{name}' AND ({when})", f"{name} {reason}"))
        if kind.needs_value:
            absent = '"value" IS NULL' if "value" in names else "true"
            rules.append(Rule("value", f"event_type = '{name}' AND {absent}", f"{name} without a value"))
    return rules


def _rejected(connection: duckdb.DuckDBPyConnection, source: Source, rules: list[Rule]) -> pd.DataFrame:
    def shown(rule: Rule) -> str:
        if rule.column not in source.columns:
            return "NULL"
        raw = source.columns[rule.column]
        if rule.column == "user_id":
            return f"length(CAST({raw} AS VARCHAR)) || ' characters'"
        return f"left(CAST({raw} AS VARCHAR), {_SHOWN_VALUE})"

    value = " ".join(f"WHEN {number} THEN {shown(rule)}" for number, rule in enumerate(rules))
    found = connection.execute(
        f"SELECT row, problem, CASE problem {value} END FROM judged WHERE problem IS NOT NULL ORDER BY row"
    ).fetchall()
    return pd.DataFrame(
        {
            "file": [source.path.name] * len(found),
            "row": pd.Series([row for row, _, _ in found], dtype="int64"),
            "column": [rules[problem].column for _, problem, _ in found],
            "reason": [rules[problem].reason for _, problem, _ in found],
            "value": pd.Series([text for _, _, text in found], dtype=object),
        }
    )


def _refuse_too_many(source: Source, rejected: pd.DataFrame, most_bad: float) -> None:
    if not len(rejected) or len(rejected) / source.rows <= most_bad:
        return
    [(_, column, reason, _)] = frequent_reasons(rejected, most=1)
    example = rejected[(rejected["column"] == column) & (rejected["reason"] == reason)].iloc[0]
    value = "" if example["value"] is None else f" ({example['value']!r})"
    raise TooManyBadRowsError(
        f"{source.path.name} in {source.path.parent}: {len(rejected):,} of {source.rows:,} rows are bad "
        f"({len(rejected) / source.rows:.2%}, at most {most_bad:.2%} may be); most often {column}: {reason}, "
        f"for example in row {example['row']}{value}",
        rejected,
    )


def _unknown_words(connection: duckdb.DuckDBPyConnection, source: Source, cells: dict[str, Cell]) -> list[str]:
    warnings = []
    for name in VOCABULARIES:
        if name not in cells:
            continue
        plain = plain_word(f"CAST({source.columns[name]} AS VARCHAR)")
        found = connection.execute(
            f"SELECT {plain} AS word, count(*) AS times FROM judged WHERE problem IS NULL "
            f"AND {quoted(name)} = '{OTHER}' AND {plain} <> '{OTHER}' GROUP BY word ORDER BY times DESC, word"
        ).fetchall()
        if found:
            words = ", ".join(f"{word[:_SHOWN_VALUE]} ({times:,})" for word, times in found[:_SHOWN_WORDS])
            more = ", …" if len(found) > _SHOWN_WORDS else ""
            total = sum(times for _, times in found)
            warnings.append(f"{source.path.name}: {total:,} unknown words of {name} are kept as other: {words}{more}.")
    return warnings


def _mark_duplicates(connection: duckdb.DuckDBPyConnection, table: str, names: list[str]) -> tuple[int, int]:
    """Note the good rows that repeat a key in the table `repeated`; how many, and how many differ from the first."""
    key = _KEYS.get(table)
    connection.execute("CREATE OR REPLACE TEMP TABLE repeated (row BIGINT, differs BOOLEAN)")
    if key in names:
        content = f"hash({', '.join(map(quoted, names))})"
        connection.execute(
            f"INSERT INTO repeated SELECT row, content <> original FROM (SELECT row, {content} AS content, "
            f"first_value({content}) OVER same AS original, row_number() OVER same AS place FROM judged WHERE "
            f"problem IS NULL AND {key} IS NOT NULL WINDOW same AS (PARTITION BY {key} ORDER BY row)) WHERE place > 1"
        )
    counts = connection.execute("SELECT count(*), count(*) FILTER (differs) FROM repeated").fetchone()
    return counts or (0, 0)


def _typed(column: Column, present: bool) -> str:
    name = quoted(column.name)
    if column.kind == "flag":
        return f"{name if present else 'NULL'}::BOOLEAN AS {name}"
    if column.name == "event_type" and not present:
        return f"'{_DEFAULT_EVENT}' AS {name}"
    value = f"floor({name})" if column.kind == "time" and present else name if present else "NULL"
    whole = column.required and column.kind in ("time", "integer")
    return f"CAST({value} AS {'BIGINT' if whole else _SQL_TYPES[column.kind]}) AS {name}"


def _good_rows(source: Source, names: set[str]) -> str:
    columns = [_typed(column, column.name in names) for column in FILES[source.table]]
    known = {column.name for column in FILES[source.table]} | {"reward"}
    plain = ("VARCHAR", "DOUBLE", "FLOAT", "BOOLEAN", "INTEGER", "BIGINT")
    for name, raw in source.columns.items():
        if name not in known:
            columns.append(f"{raw if source.types[name] in plain else f'CAST({raw} AS VARCHAR)'} AS {quoted(name)}")
    order = '"timestamp", row' if "timestamp" in names else "row"
    return (
        f"SELECT {', '.join(columns)} FROM judged WHERE problem IS NULL "
        f"AND row NOT IN (SELECT row FROM repeated) ORDER BY {order}"
    )


def _frame(connection: duckdb.DuckDBPyConnection, table: str, query: str) -> pd.DataFrame:
    # Arrow gives equal texts one object, DuckDB's own way one a cell
    return typed(table, connection.execute(query).to_arrow_table())


def typed(table: str, rows: pa.Table) -> pd.DataFrame:
    """Good rows of a table of the contract as a frame."""
    frame: pd.DataFrame = rows.to_pandas()
    return frame.astype({column.name: "boolean" for column in FILES[table] if column.kind == "flag"})
