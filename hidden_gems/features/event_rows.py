"""Interactions and impressions as rows of numbers, each from its own event alone: what counting starts from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.datasets.dataset import Dataset
from hidden_gems.events.kinds import KINDS
from hidden_gems.features.event_columns import Feedback, Floats, Rows, event_columns
from hidden_gems.features.item_table import ItemTable

FEEDBACK = [name for name, kind in KINDS.items() if kind.feedback]
"""Event types that are counted."""


class Codes:
    """Row number of every word; 0 stands for none and for words that are not known."""

    def __init__(self, words: pd.Series) -> None:
        self.words = pd.Index(words.dropna().unique())

    def rows(self, words: pd.Series) -> Rows:
        """Row of each word, int64, size B."""
        return np.asarray(self.words.get_indexer(words), dtype=np.int64) + 1


@dataclass(frozen=True)
class EventRows:
    """Events of a dataset in numbers.

    `feedback` has user, item, type, neighborhood, slate (rows, 0 = none), sec, seq (order within a second) and one
    float64 column for each thing that is counted or summed; `impressions` has user, item, type, sec and seq.
    """

    feedback: pd.DataFrame
    impressions: pd.DataFrame
    users: Codes
    types: Codes
    neighborhoods: Codes
    table: ItemTable
    item_type: Rows  # row of the type of each row of `table`
    item_neighborhood: Rows


def item_table(items: pd.DataFrame) -> ItemTable:
    """Attributes of the gems in an `items` table."""
    return ItemTable({str(name): items[name].tolist() for name in items.columns})


def event_rows(dataset: Dataset) -> EventRows:
    """Turn the events of a dataset into numbers.

    Live feedback that quoted no valid token moves no counts; imported history, which could quote none, does.
    """
    interactions = dataset.interactions
    feedback = interactions[interactions["event_type"].isin(FEEDBACK) & ~_unsigned(interactions)]
    feedback = feedback.reset_index(drop=True)
    table = item_table(dataset.items)
    words = {name: pd.Series(getattr(table, name), dtype=object) for name in ("type", "neighborhood")}
    rows = EventRows(
        feedback=pd.DataFrame(),
        impressions=pd.DataFrame(),
        users=Codes(pd.concat([t["user_id"].astype(object) for t in (dataset.users, feedback, dataset.impressions)])),
        types=Codes(words["type"]),
        neighborhoods=Codes(words["neighborhood"]),
        table=table,
        item_type=Codes(words["type"]).rows(words["type"]),
        item_neighborhood=Codes(words["neighborhood"]).rows(words["neighborhood"]),
    )
    shown = _keys(dataset.impressions, rows)
    keys = _keys(feedback, rows)
    slates = _column(feedback, "slate_id")
    keys["slate"] = Codes(slates).rows(slates)
    told = Feedback(
        kind=feedback["event_type"].tolist(),
        sec=keys["sec"].to_numpy(),
        item=keys["item"].to_numpy(),
        **{name: _numbers(feedback, name) for name in ("reward", "value", "lat", "lon")},
    )
    about = dataset.about
    counted = event_columns(told, table, about.timezone, order_only=about.order_only)
    return EventRows(**{**vars(rows), "feedback": keys.assign(**counted), "impressions": shown})


def _keys(events: pd.DataFrame, rows: EventRows) -> pd.DataFrame:
    item = rows.table.rows(events["item_id"].tolist())
    return pd.DataFrame(
        {
            "user": rows.users.rows(events["user_id"]),
            "item": item,
            "type": rows.item_type[item],
            "neighborhood": rows.item_neighborhood[item],
            "sec": events["timestamp"].to_numpy(np.int64),
            "seq": np.arange(len(events), dtype=np.int64),
        }
    )


def _column(events: pd.DataFrame, name: str) -> pd.Series:
    return events[name] if name in events else pd.Series(None, index=events.index, dtype=object)


def _unsigned(events: pd.DataFrame) -> NDArray[np.bool_]:
    """Where the column `signed` says no, size B; a null says nothing."""
    return np.array([value is False or value is np.False_ for value in _column(events, "signed").tolist()], dtype=bool)


def _numbers(events: pd.DataFrame, name: str) -> Floats:
    return np.asarray(pd.to_numeric(_column(events, name)), dtype=np.float64)
