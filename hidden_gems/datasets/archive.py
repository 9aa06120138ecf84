"""The archive: what the topics said, as Parquet files by table and day; written here, read by `datasets.history`."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hidden_gems.core.addresses import files_below, write_whole
from hidden_gems.events.records import BadRecordError, Interaction, ItemChange, Slate

Row = dict[str, Any]

_CONTEXT: dict[str, pa.DataType] = {
    "session_id": pa.string(),
    "weather": pa.string(),
    "temperature_c": pa.float64(),
    "mood": pa.string(),
    "companions": pa.string(),
    "language": pa.string(),
    "lat": pa.float64(),
    "lon": pa.float64(),
}
SCHEMAS: dict[str, pa.Schema] = {
    "interactions": pa.schema(
        {
            "event_id": pa.string(),
            "user_id": pa.string(),
            "item_id": pa.string(),
            "event_type": pa.string(),
            "timestamp": pa.float64(),
            "received": pa.float64(),
            "value": pa.float64(),
            "slate_id": pa.string(),
            "position": pa.int64(),
            "signed": pa.bool_(),
            "propensity": pa.float64(),
            "items": pa.list_(pa.string()),
            "variant": pa.string(),
            **_CONTEXT,
        }
    ),
    "impressions": pa.schema(
        {
            "slate_id": pa.string(),
            "user_id": pa.string(),
            "timestamp": pa.float64(),
            "item_id": pa.string(),
            "position": pa.int64(),
            "policy": pa.string(),
            "propensity": pa.float64(),
            "score": pa.float64(),
            "release": pa.string(),
            "feature_service": pa.string(),
            "state_version": pa.int64(),
            "sources": pa.list_(pa.string()),
            "degraded": pa.list_(pa.string()),
            "vector": pa.list_(pa.float32()),
            "constraints": pa.list_(pa.string()),
            "variant": pa.string(),
            "issued": pa.float64(),
            **_CONTEXT,
        }
    ),
    "items": pa.schema(
        {
            "item_id": pa.string(),
            "timestamp": pa.float64(),
            "columns": pa.string(),  # JSON of the item's columns; null where the gem closed for good
            "closed_until": pa.float64(),
        }
    ),
}
"""Columns of each table. Times are epoch seconds; rows of `impressions` are places of slates."""


def interaction_rows(event: Interaction) -> list[Row]:
    """The one row of an event."""
    plain = {name: getattr(event, name) for name in SCHEMAS["interactions"].names if name not in _CONTEXT}
    return [plain | {"items": list(event.items)} | _context(event.context)]


def impression_rows(slate: Slate) -> list[Row]:
    """A row for each place of a slate."""
    of_slate = (
        "slate_id", "user_id", "timestamp", "policy", "release", "feature_service", "state_version", "variant", "issued"
    )  # fmt: skip
    same = {name: getattr(slate, name) for name in of_slate}
    same |= {"degraded": list(slate.degraded)} | _context(slate.context)
    return [
        same
        | {name: getattr(place, name) for name in ("item_id", "position", "propensity", "score")}
        | {"sources": list(place.sources), "vector": list(place.vector), "constraints": list(place.constraints)}
        for place in slate.places
    ]


def item_rows(change: ItemChange) -> list[Row]:
    """The one row of a change."""
    columns = None if change.columns is None else json.dumps(dict(change.columns), ensure_ascii=False)
    row = {name: getattr(change, name) for name in ("item_id", "timestamp", "closed_until")}
    return [row | {"columns": columns}]


def known_since(row: Row) -> float:
    """Epoch seconds; somebody who was erased at this moment or later is erased with this row. See `events.records`."""
    if row.get("issued") is not None:
        return float(row["issued"])
    return float(min(row["timestamp"], row.get("received", row["timestamp"])))


def checked_rows(table: str, rows: Sequence[Row]) -> list[Row]:
    """The same rows, once they are known to fit their table.

    Raises:
        BadRecordError: If a value has another type than its column.
    """
    try:
        pa.Table.from_pylist(list(rows), schema=SCHEMAS[table])
        for row in rows:
            _day(row)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, OSError) as error:
        raise BadRecordError(f"does not fit the table {table}: {error}") from error
    return list(rows)


def write_parts(folder: str | Path, table: str, rows: Sequence[Row]) -> list[str]:
    """Write rows as one new file for each day they happened on (UTC); a file is there whole or not at all.

    Args:
        folder: Of the archive, any fsspec address.
        table: Name out of `SCHEMAS`.
        rows: As `checked_rows` gave them.

    Returns:
        Addresses `folder/table/day=YYYY-MM-DD/part-….parquet`, one for each day.
    """
    by_day: dict[str, list[Row]] = {}
    for row in rows:
        by_day.setdefault(_day(row), []).append(row)
    return [
        _write(f"{str(folder).rstrip('/')}/{table}/day={day}", pa.Table.from_pylist(part, SCHEMAS[table]))
        for day, part in by_day.items()
    ]


def parts(folder: str | Path, table: str, first: str = "", last: str = "9") -> list[str]:
    """Addresses of the files of a table.

    Args:
        folder: Of the archive, any fsspec address.
        table: Name out of `SCHEMAS`.
        first: Day YYYY-MM-DD, inclusive.
        last: Day, inclusive.
    """
    found = files_below(f"{str(folder).rstrip('/')}/{table}", ".parquet")
    days = [each.rpartition("/day=")[2].partition("/part-")[0] for each in found]
    return [each for each, day in zip(found, days, strict=True) if first <= day <= last]


def _write(folder: str, table: pa.Table) -> str:
    address = f"{folder}/part-{uuid.uuid4().hex}.parquet"
    write_whole(address, lambda file: pq.write_table(table, file, compression="zstd"))
    return address


def _day(row: Row) -> str:
    return datetime.fromtimestamp(row["timestamp"], UTC).strftime("%Y-%m-%d")


def _context(context: Mapping[str, Any]) -> Row:
    return {name: context.get(name) for name in _CONTEXT}
