"""Raw columns of a dataset as of any marks, counted by DuckDB."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd

from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.features import expressions as ex
from hidden_gems.features.event_rows import EventRows, event_rows
from hidden_gems.features.raw import CONTEXT, MICRO, NEEDS_TIME, RAW_COLUMNS, Raw, context_columns

MARK_COLUMNS = ("user_id", "item_id", "timestamp")
IN_MICRO = ("user_last_lat", "user_last_lon", "own_best_reward")


@dataclass(frozen=True)
class Counter:
    """Events of a dataset loaded into an engine, ready to be counted as of any marks."""

    engine: Any  # an Ibis connection
    rows: EventRows
    dataset: Dataset

    @property
    def feedback(self) -> Any:
        """Feedback with everything that depends on earlier events."""
        return self.engine.table("feedback")

    @property
    def impressions(self) -> Any:
        """Impressions."""
        return self.engine.table("impressions")

    def states(self, marks: Any) -> list[tuple[Any, list[str]]]:
        """State of every kind of key as of the marks, with the columns to join it by."""
        feedback, shown = self.feedback, self.impressions
        return [
            (ex.user_state(feedback, marks), ["user", "sec"]),
            (ex.item_state(feedback, shown, marks, self.dataset.about.order_only), ["item", "sec"]),
            (ex.own_state(feedback, marks), ["user", "item", "sec"]),
            (ex.type_state(feedback, shown, marks), ["user", "type", "sec"]),
            (ex.neighborhood_state(feedback, marks), ["user", "neighborhood", "sec"]),
        ]

    def load(self, name: str, frame: pd.DataFrame) -> Any:
        """Put a frame into the engine under a name."""
        self.engine.con.register(f"{name}_frame", frame)
        return self.engine.create_table(name, self.engine.table(f"{name}_frame"))


@contextmanager
def counting(dataset: Dataset, threads: int | None = None) -> Iterator[Counter]:
    """Load the events of a dataset into DuckDB.

    Args:
        dataset: A checked dataset.
        threads: Threads of DuckDB; its own choice by default.
    """
    rows = event_rows(dataset)
    engine = ibis.duckdb.connect(**({"threads": threads} if threads else {}))
    try:
        counter = Counter(engine, rows, dataset)
        counter.load("impressions", rows.impressions)
        engine.create_table("feedback", ex.with_firsts(counter.load("events", rows.feedback)))
        yield counter
    finally:
        engine.disconnect()


def raw_columns(dataset: Dataset, marks: pd.DataFrame, *, threads: int | None = None) -> pd.DataFrame:
    """Everything the vector is made from, as of marks: only what happened strictly before a mark's second.

    Args:
        dataset: Interactions, impressions and items; it may hold later events than the marks.
        marks: M rows with user_id, item_id and timestamp (epoch seconds, or an order); optional lat, lon, weather and
            temperature_c of the request. People and gems that the dataset does not know are new ones.
        threads: Threads of DuckDB; its own choice by default.

    Returns:
        `RAW_COLUMNS` as float64 with NaN for missing, M rows in the order of the marks.

    Raises:
        BadInputError: If a column of the marks is missing.
    """
    if missing := [name for name in MARK_COLUMNS if name not in marks]:
        raise BadInputError(f"marks need the columns {', '.join(MARK_COLUMNS)}; missing: {', '.join(missing)}")
    with counting(dataset, threads) as counter:
        rows = counter.rows
        item = rows.table.rows(marks["item_id"].tolist())
        table = counter.load("marks", mark_rows(rows, marks, item))
        raw: Raw = {}
        for state, keys in counter.states(table):
            raw |= _in_order(ex.beside_marks(table, state, keys).to_pandas())
    raw |= rows.table.columns(item, dataset.about.order_only) | _context(marks, dataset)
    return pd.DataFrame(finished(raw, dataset, len(marks)))


def mark_rows(rows: EventRows, marks: pd.DataFrame, item: Any) -> pd.DataFrame:
    """Marks as rows of numbers: mark, user, item, type, neighborhood, sec."""
    return pd.DataFrame(
        {
            "mark": np.arange(len(marks), dtype=np.int64),
            "user": rows.users.rows(marks["user_id"]),
            "item": item,
            "type": rows.item_type[item],
            "neighborhood": rows.item_neighborhood[item],
            "sec": marks["timestamp"].to_numpy(np.int64),
        }
    )


def _in_order(found: pd.DataFrame) -> Raw:
    """Columns in the order of the marks: sorting numbers here is cheaper than whole rows there."""
    order = np.argsort(found["mark"].to_numpy())
    return {str(name): found[name].to_numpy(np.float64, na_value=np.nan)[order] for name in found.columns}


def finished(raw: Raw, dataset: Dataset, count: int) -> Raw:
    """Say what is missing rather than nought, and undo the millionths of what is no sum.

    Without impressions nothing is known about clicks per impression; without times nothing has an age.
    """
    nothing = np.full(count, np.nan)
    raw |= {name: raw[name] / MICRO for name in IN_MICRO if name in raw}
    if dataset.impressions.empty:
        raw |= {name: nothing for name in ("item_impressions", "item_answers") if name in raw}
    if dataset.about.order_only:
        raw |= {name: nothing for name in NEEDS_TIME if name in raw}
    return {name: raw[name] for name in RAW_COLUMNS if name in raw}


def _context(marks: pd.DataFrame, dataset: Dataset) -> Raw:
    def column(name: str) -> pd.Series:
        return marks[name] if name in marks else pd.Series(np.nan, index=marks.index)

    lat, lon, temperature = (np.asarray(pd.to_numeric(column(name)), float) for name in ("lat", "lon", "temperature_c"))
    found = context_columns(
        marks["timestamp"].to_numpy(np.int64),
        dataset.about.timezone,
        order_only=dataset.about.order_only,
        weather=column("weather").tolist(),
        temperature_c=temperature.tolist(),
        place=(lat.tolist(), lon.tolist()),
    )
    return {name: found[name] for name in CONTEXT}
