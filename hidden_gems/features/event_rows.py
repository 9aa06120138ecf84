"""Interactions and impressions as rows of numbers, each from its own event alone: what counting starts from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.datasets.dataset import About, Dataset
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


def item_table(items: pd.DataFrame) -> ItemTable:
    """Attributes of the gems in an `items` table."""
    return ItemTable({str(name): items[name].tolist() for name in items.columns})


@dataclass(frozen=True)
class Coding:
    """Row numbers of everyone and everything in a dataset: what turns its events into numbers, all at once or in parts.

    Feedback has user, item, type, neighborhood, slate (0 = none), sec, seq (order within a second) and one float64
    column for each thing that is counted or summed; impressions have user, item, type, neighborhood, slate, sec and
    seq.
    """

    users: Codes
    types: Codes
    neighborhoods: Codes
    table: ItemTable
    item_type: Rows  # row of the type of each row of `table`
    item_neighborhood: Rows
    about: About

    @classmethod
    def of(cls, items: pd.DataFrame, user_ids: pd.Series, about: About) -> "Coding":
        """Number the items of an `items` table and everyone in `user_ids`, who may come more than once."""
        table = item_table(items)
        words = {name: pd.Series(getattr(table, name), dtype=object) for name in ("type", "neighborhood")}
        types, neighborhoods = Codes(words["type"]), Codes(words["neighborhood"])
        return cls(
            users=Codes(user_ids),
            types=types,
            neighborhoods=neighborhoods,
            table=table,
            item_type=types.rows(words["type"]),
            item_neighborhood=neighborhoods.rows(words["neighborhood"]),
            about=about,
        )

    def feedback(self, interactions: pd.DataFrame, seq: int = 0) -> pd.DataFrame:
        """Rows of the interactions that are counted, `seq` the number of the first.

        Live feedback that quoted no valid token moves no counts; imported history, which could quote none, does.
        """
        counts = interactions["event_type"].isin(FEEDBACK) & ~_unsigned(interactions)
        told = interactions[counts].reset_index(drop=True)
        keys = self.keys(told, seq)
        feedback = Feedback(
            kind=told["event_type"].tolist(),
            sec=keys["sec"].to_numpy(),
            item=keys["item"].to_numpy(),
            **{name: _numbers(told, name) for name in ("reward", "value", "lat", "lon")},
        )
        about = self.about
        return keys.assign(**event_columns(feedback, self.table, about.timezone, order_only=about.order_only))

    def keys(self, events: pd.DataFrame, seq: int = 0) -> pd.DataFrame:
        """Who, what, in which slate and when, as rows of numbers; `seq` is the number of the first."""
        item = self.table.rows(events["item_id"].tolist())
        return pd.DataFrame(
            {
                "user": self.users.rows(events["user_id"]),
                "item": item,
                "type": self.item_type[item],
                "neighborhood": self.item_neighborhood[item],
                "slate": slate_rows(_column(events, "slate_id")),
                "sec": events["timestamp"].to_numpy(np.int64),
                "seq": np.arange(seq, seq + len(events), dtype=np.int64),
            }
        )


@dataclass(frozen=True)
class EventRows:
    """Events of a dataset in numbers; columns as in `Coding`."""

    feedback: pd.DataFrame
    impressions: pd.DataFrame
    coding: Coding


def event_rows(dataset: Dataset) -> EventRows:
    """Turn the events of a dataset into numbers."""
    people = (dataset.users, dataset.interactions, dataset.impressions)
    coding = Coding.of(dataset.items, pd.concat([t["user_id"].astype(object) for t in people]), dataset.about)
    return EventRows(coding.feedback(dataset.interactions), coding.keys(dataset.impressions), coding)


def slate_rows(slate_ids: pd.Series) -> Rows:
    """A number above 0 for each slate and 0 for none, int64, size B: the same in every part of a dataset.

    It is the upper 63 bits of a hash; where two slates had the same one, their person and item would still differ.
    """
    there = slate_ids.notna().to_numpy()
    numbers = np.zeros(len(slate_ids), dtype=np.int64)
    hashed = pd.util.hash_array(slate_ids[there].to_numpy(object))
    numbers[there] = np.maximum((hashed >> np.uint64(1)).astype(np.int64), 1)
    return numbers


def _column(events: pd.DataFrame, name: str) -> pd.Series:
    return events[name] if name in events else pd.Series(None, index=events.index, dtype=object)


def _unsigned(events: pd.DataFrame) -> NDArray[np.bool_]:
    """Where the column `signed` says no, size B; a null says nothing."""
    return np.array([value is False or value is np.False_ for value in _column(events, "signed").tolist()], dtype=bool)


def _numbers(events: pd.DataFrame, name: str) -> Floats:
    return np.asarray(pd.to_numeric(_column(events, name)), dtype=np.float64)
