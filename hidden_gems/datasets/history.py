"""What was archived, back as tables, and joined to the dataset that training started from."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hidden_gems.core.addresses import AT_ONCE, reading
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.archive import SCHEMAS, parts
from hidden_gems.datasets.assemble import complete_items, complete_users, rewards
from hidden_gems.datasets.contract import FILES
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.fingerprint import fingerprint
from hidden_gems.events.kinds import KINDS

LOGGED = ("vector", "score", "release", "feature_service", "state_version", "unseen")
"""Columns of served impressions beside those of the contract; null in a dataset that came as files."""
_KEYS = {"interactions": ["event_id"], "impressions": ["slate_id", "position"]}
_ORDER = {
    "interactions": ["timestamp", "received", "event_id"],
    "impressions": ["timestamp", "slate_id", "position"],
    "items": ["timestamp", "item_id", "columns"],
}
_DTYPES = {
    "id": "object",
    "text": "object",
    "time": "float64",
    "number": "float64",
    "integer": "float64",
    "flag": "boolean",
}


@dataclass(frozen=True)
class History:
    """Archived tables, each message once, sorted by timestamp; people are pseudonyms, times whole epoch seconds.

    `interactions` and `impressions` have the columns of the contract, typed as in `Dataset`, and those of
    `datasets.archive.SCHEMAS` behind them. `items` has every change: item_id, timestamp, closed_until and `columns` (a
    dict, None where the gem closed for good).
    """

    interactions: pd.DataFrame
    impressions: pd.DataFrame
    items: pd.DataFrame


def read_history(folder: str | Path) -> History:
    """Read an archive at any fsspec address; a folder without any gives empty tables."""
    found = {name: _read(folder, name) for name in SCHEMAS}
    for name, key in _KEYS.items():
        found[name] = found[name].drop_duplicates(key, ignore_index=True)
    columns = [None if text is None else json.loads(text) for text in found["items"]["columns"]]
    found["items"]["columns"] = pd.Series(columns, dtype=object)
    return History(**{name: _typed(name, table) for name, table in found.items()})


def read_columns(folder: str | Path, table: str, columns: Sequence[str], since: float, until: float) -> pd.DataFrame:
    """Some columns of what happened in a span of time, each message once, oldest first; the rest stays on the disk.

    Args:
        folder: Of the archive, any fsspec address.
        table: `interactions` or `impressions`.
        columns: Its keys and its timestamp among them.
        since: Epoch seconds, inclusive.
        until: Epoch seconds, exclusive.
    """
    first, last = (datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d") for at in (since, until))
    schema = pa.schema([SCHEMAS[table].field(name) for name in columns])
    found = _tables(parts(folder, table, first, last), list(columns))
    whole = pa.concat_tables([schema.empty_table(), *found], promote_options="default").select(schema.names).to_pandas()
    span = whole[(whole["timestamp"] >= since) & (whole["timestamp"] < until)]
    return span.sort_values([name for name in _ORDER[table] if name in columns], kind="stable").drop_duplicates(
        _KEYS[table], ignore_index=True
    )


def with_history(dataset: Dataset, folder: str | Path) -> Dataset:
    """The dataset and what was archived since, as one.

    Interactions get the column `signed`: whether they quoted a valid token; null for those of the dataset. Impressions
    get the columns `LOGGED`; slates that name nobody (no consent) are left out. Where a signed `shown` event says what
    of a slate was seen, the other gems are `unseen`, and positions are those at which it was seen, these behind. Gems
    have their last attributes; closed ones stay, as history. Without an archive the dataset is the same.

    Args:
        dataset: Its people are pseudonyms under the key of the processes that were archived.
        folder: Of the archive, any fsspec address.

    Raises:
        BadInputError: If the times of the dataset are only an order.
    """
    history = read_history(folder)
    if not sum(map(len, (history.interactions, history.impressions, history.items))):
        return dataset
    if dataset.about.order_only:
        raise BadInputError(
            f"{dataset.about.name} has an order instead of times, so the history in {folder} cannot follow it; "
            "bring timestamps as epoch seconds or ISO 8601"
        )
    interactions = history.interactions[history.interactions["event_type"].isin(list(KINDS))]
    interactions = interactions[~_known(interactions["event_id"], dataset.interactions["event_id"])]
    interactions = interactions.assign(reward=rewards(interactions["event_type"], interactions["value"]))
    shown = history.impressions[history.impressions["user_id"] != ""]
    shown = _as_seen(shown[~_known(shown["slate_id"], dataset.impressions["slate_id"])], history.interactions)
    tables = {
        "interactions": _joined(dataset.interactions, interactions, ("reward", "signed")),
        "impressions": _joined(dataset.impressions, shown, LOGGED),
        "items": _changed(dataset.items, history.items),
        "users": dataset.users,
    }
    tables |= {"items": complete_items(tables), "users": complete_users(tables)}
    mark = hashlib.sha256((dataset.about.fingerprint + fingerprint(tables)).encode()).hexdigest()
    return Dataset(**tables, about=replace(dataset.about, fingerprint=mark))


def _read(folder: str | Path, table: str) -> pd.DataFrame:
    """All rows of a table, in an order that no file name decides about; the same message may come twice."""
    schema = SCHEMAS[table]
    found = _tables(parts(folder, table))
    whole = pa.concat_tables([schema.empty_table(), *found], promote_options="default").select(schema.names)
    return whole.to_pandas().sort_values(_ORDER[table], kind="stable", ignore_index=True)


def _tables(addresses: Sequence[str], columns: list[str] | None = None) -> list[pa.Table]:
    def read(address: str) -> pa.Table:
        with reading(address) as file:
            return pq.ParquetFile(file).read(columns=columns)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(read, addresses))


def _typed(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Columns of the contract first, in the types of a dataset; of `items` the time alone."""
    made = {"timestamp": np.floor(table["timestamp"]).astype(np.int64)}
    if name == "items":
        return table.assign(**made)
    for column in FILES[name]:
        if column.name not in made:
            dtype = "int64" if column.required and column.kind == "integer" else _DTYPES[column.kind]
            found = table[column.name] if column.name in table else _nothing(len(table), dtype)
            made[column.name] = found.astype(dtype)
    if "signed" in table:
        made["signed"] = table["signed"].astype("boolean")
    first = [column.name for column in FILES[name]]
    return table.assign(**made)[[*first, *(each for each in table.columns if each not in first)]]


def _as_seen(shown: pd.DataFrame, interactions: pd.DataFrame) -> pd.DataFrame:
    """Impressions with `unseen`, and with the positions at which people saw them, as far as they told."""
    told = interactions[(interactions["event_type"] == "shown") & interactions["signed"].fillna(False).astype(bool)]
    told = told[["slate_id", "items"]].explode("items").rename(columns={"items": "item_id"})
    told = told.drop_duplicates().assign(order=lambda rows: rows.groupby("slate_id").cumcount())
    order = shown[["slate_id", "item_id"]].merge(told, "left", on=["slate_id", "item_id"])["order"].to_numpy(np.float64)
    known = shown["slate_id"].isin(told["slate_id"]).to_numpy()
    places = shown[["slate_id", "position"]].assign(order=np.nan_to_num(order, nan=np.inf))
    seen_at = places.sort_values(["order", "position"]).groupby("slate_id").cumcount().reindex(shown.index)
    position = shown["position"].where(~known, seen_at.astype(shown["position"].dtype))
    return shown.assign(position=position, unseen=pd.array(known & np.isnan(order), dtype="boolean"))


def _known(ids: pd.Series, before: pd.Series) -> pd.Series:
    return ids.isin(before.dropna())


def _joined(base: pd.DataFrame, new: pd.DataFrame, extra: Sequence[str]) -> pd.DataFrame:
    """Rows of both by timestamp, those of the base first within a second, in the columns of the base and some more."""
    made = {}
    for name in [*base.columns, *(each for each in extra if each not in base)]:
        dtype = (base if name in base and (len(base) or name not in new) else new)[name].dtype
        if dtype.kind in "iub" and dtype != "boolean" and not (name in base and name in new):
            dtype = np.dtype("float64" if dtype.kind in "iu" else "object")  # one that knows of nulls
        parts = [table[name] if name in table else _nothing(len(table), dtype) for table in (base, new)]
        made[str(name)] = pd.concat([part.astype(dtype) for part in parts], ignore_index=True)
    return pd.DataFrame(made).sort_values("timestamp", kind="stable", ignore_index=True)


def _nothing(rows: int, dtype: Any) -> pd.Series:
    return pd.Series([np.nan if dtype == "float64" else None] * rows, dtype=dtype)


def _changed(items: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """Items with the columns of their last change; gems that entered stand behind the others.

    A gem that does not say when it was created keeps what was known, else that is when it entered, as at serving.
    """
    told = changes[changes["columns"].notna()].drop_duplicates("item_id", keep="last")
    if told.empty:
        return items
    rows = {
        column.name: [_cell(each.get(column.name), column.kind) for each in told["columns"]]
        for column in FILES["items"]
    }
    new = pd.DataFrame({"item_id": told["item_id"].tolist()} | {name: rows[name] for name in rows if name != "item_id"})
    held = items.set_index("item_id")["created_at"].reindex(new["item_id"]).reset_index(drop=True)
    entered = told["timestamp"].reset_index(drop=True).astype(np.float64)
    new["created_at"] = new["created_at"].astype(np.float64).fillna(held.astype(np.float64)).fillna(entered)
    where = pd.Series(range(len(items)), index=items["item_id"])
    order = where.reindex(new["item_id"]).fillna(len(items)).to_numpy()
    kept = items[~items["item_id"].isin(new["item_id"])]
    place = np.concatenate([where[kept["item_id"]].to_numpy(), order])
    made = {
        str(name): pd.concat(
            [kept[name], (new[name] if name in new else _nothing(len(new), object)).astype(items[name].dtype)],
            ignore_index=True,
        )
        for name in items.columns
    }
    return pd.DataFrame(made).iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


def _cell(value: Any, kind: str) -> Any:
    """A value of `items.v1` as its column has it; None or NaN for what it cannot be."""
    if kind in ("number", "time"):
        return float(value) if isinstance(value, int | float) else np.nan
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return None if value is None else str(value)
