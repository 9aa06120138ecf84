"""Raw columns of a dataset as of any marks, counted by DuckDB or Spark."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import About, Dataset
from hidden_gems.features import expressions as ex
from hidden_gems.features.engines import Engine, EngineConfig, Table, engine_of
from hidden_gems.features.event_columns import Rows
from hidden_gems.features.event_rows import Coding, EventRows, event_rows
from hidden_gems.features.raw import CONTEXT, MICRO, NEEDS_TIME, RAW_COLUMNS, Raw, context_columns

MARK_COLUMNS = ("user_id", "item_id", "timestamp")
IN_MICRO = ("user_last_lat", "user_last_lon", "own_best_reward")


@dataclass(frozen=True)
class Counts:
    """Events in an engine, ready to be counted as of any marks."""

    engine: Engine
    feedback: Table  # with everything that depends on earlier events
    impressions: Table
    order_only: bool

    def states(self, marks: Table) -> list[tuple[Table, list[str]]]:
        """State of every kind of key as of the marks, with the columns to join it by."""
        feedback, shown = self.feedback, self.impressions
        return [
            (ex.user_state(feedback, marks), ["user", "sec"]),
            (ex.item_state(feedback, shown, marks, self.order_only), ["item", "sec"]),
            (ex.own_state(feedback, marks), ["user", "item", "sec"]),
            (ex.type_state(feedback, shown, marks), ["user", "type", "sec"]),
            (ex.neighborhood_state(feedback, marks), ["user", "neighborhood", "sec"]),
        ]


@dataclass(frozen=True)
class Counter(Counts):
    """Events of a dataset, and what their rows stand for."""

    rows: EventRows
    dataset: Dataset


@contextmanager
def counting(dataset: Dataset, config: EngineConfig | None = None) -> Iterator[Counter]:
    """Load the events of a dataset into an engine.

    Args:
        dataset: A checked dataset.
        config: Which engine, and what it may use; DuckDB as it comes if there is none.
    """
    rows = event_rows(dataset)
    with engine_of(config) as engine:
        shown = engine.load("impressions", rows.impressions)
        feedback = engine.keep("feedback", ex.with_firsts(engine.load("events", rows.feedback)))
        yield Counter(engine, feedback, shown, dataset.about.order_only, rows, dataset)


def raw_columns(dataset: Dataset, marks: pd.DataFrame, config: EngineConfig | None = None) -> pd.DataFrame:
    """Everything the vector is made from, as of marks: only what happened strictly before a mark's second.

    Args:
        dataset: Interactions, impressions and items; it may hold later events than the marks.
        marks: M rows with user_id, item_id and timestamp (epoch seconds, or an order); optional lat, lon, weather and
            temperature_c of the request. People and gems that the dataset does not know are new ones.
        config: Which engine counts, and what it may use; DuckDB as it comes if there is none.

    Returns:
        `RAW_COLUMNS` as float64 with NaN for missing, M rows in the order of the marks.

    Raises:
        BadInputError: If a column of the marks is missing.
    """
    if missing := [name for name in MARK_COLUMNS if name not in marks]:
        raise BadInputError(f"marks need the columns {', '.join(MARK_COLUMNS)}; missing: {', '.join(missing)}")
    with counting(dataset, config) as counter:
        rows = mark_rows(counter.rows.coding, marks)
        table = counter.engine.load("marks", rows)
        found = [
            _in_order(counter.engine.frame(ex.beside_marks(table, state, keys)))
            for state, keys in counter.states(table)
        ]
        return assembled(found, counter.rows.coding, marks, rows["item"].to_numpy(), not dataset.impressions.empty)


def assembled(
    found: Sequence[pd.DataFrame], coding: Coding, marks: pd.DataFrame, item: Rows, impressions: bool
) -> pd.DataFrame:
    """Raw columns of marks, M rows, from what was counted and what is fixed about a gem and a moment.

    Args:
        found: What `Counts.states` has beside each mark, in the order of the marks, M rows each.
        coding: Of the dataset.
        marks: timestamp and the context that is known, M rows.
        item: Row of the item of each mark, M.
        impressions: Whether the dataset has any.
    """
    raw: Raw = {str(n): frame[n].to_numpy(np.float64, na_value=np.nan) for frame in found for n in frame.columns}
    about = coding.about
    raw |= coding.table.columns(item, about.order_only) | _context(marks, about)
    return pd.DataFrame(finished(raw, about.order_only, impressions))


def mark_rows(coding: Coding, marks: pd.DataFrame) -> pd.DataFrame:
    """Marks as rows of numbers: mark, user, item, type, neighborhood, sec."""
    keys = coding.keys(marks).rename(columns={"seq": "mark"})
    return keys[["mark", "user", "item", "type", "neighborhood", "sec"]]


def _in_order(found: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of the marks: sorting numbers here is cheaper than whole rows there."""
    return found.iloc[np.argsort(found["mark"].to_numpy())]


def finished(raw: Raw, order_only: bool, impressions: bool) -> Raw:
    """Say what is missing rather than nought, and undo the millionths of what is no sum.

    Without impressions nothing is known about clicks per impression; without times nothing has an age.
    """
    raw |= {name: raw[name] / MICRO for name in IN_MICRO if name in raw}
    unknown = () if impressions else ("item_impressions", "item_answers")
    raw |= {name: np.full(len(raw[name]), np.nan) for name in unknown if name in raw}
    if order_only:
        raw |= {name: np.full(len(raw[name]), np.nan) for name in NEEDS_TIME if name in raw}
    return {name: raw[name] for name in RAW_COLUMNS if name in raw}


def _context(marks: pd.DataFrame, about: About) -> Raw:
    def column(name: str) -> pd.Series:
        return marks[name] if name in marks else pd.Series(np.nan, index=marks.index)

    lat, lon, temperature = (np.asarray(pd.to_numeric(column(name)), float) for name in ("lat", "lon", "temperature_c"))
    found = context_columns(
        marks["timestamp"].to_numpy(np.int64),
        about.timezone,
        order_only=about.order_only,
        weather=column("weather").tolist(),
        temperature_c=temperature.tolist(),
        place=(lat.tolist(), lon.tolist()),
    )
    return {name: found[name] for name in CONTEXT}
