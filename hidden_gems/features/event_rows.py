"""Interactions and impressions as rows of numbers, each from its own event alone: what counting starts from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.datasets.contract import TIMES_OF_DAY
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.events.kinds import CONVERSIONS, KINDS
from hidden_gems.features.item_table import ItemTable
from hidden_gems.features.local_time import local_time
from hidden_gems.features.raw import ATTRIBUTES, MICRO

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]

NIGHT = TIMES_OF_DAY.index("night")
_FEEDBACK = [name for name, kind in KINDS.items() if kind.feedback]


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
    feedback = interactions[interactions["event_type"].isin(_FEEDBACK) & ~_unsigned(interactions)]
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
    item = keys["item"].to_numpy()
    counted = _signs(feedback) | _hours(keys["sec"].to_numpy(), dataset) | _attributes(item, table)
    counted |= _places(feedback, item, table)
    for name in ("weekend_likes", "night_likes", "located", "lat_sum", "lon_sum", *_attribute_columns()):
        counted[name] = np.where(counted["likes"] > 0, counted[name], 0.0)
    return EventRows(**{**vars(rows), "feedback": keys.assign(**counted), "impressions": shown})


def _attribute_columns() -> list[str]:
    return [f"{name}_{what}" for name in ATTRIBUTES for what in ("count", "sum")]


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


def _micro(values: Floats) -> Floats:
    return np.nan_to_num(np.round(values * MICRO), nan=0.0)


def _signs(feedback: pd.DataFrame) -> dict[str, Floats]:
    """What the person thought of it."""
    reward, value = _numbers(feedback, "reward"), _numbers(feedback, "value")
    rated = (feedback["event_type"] == "rating").to_numpy() & np.isfinite(value)
    return {
        "likes": (reward > 0).astype(np.float64),
        "clicks": (reward >= KINDS["click"].reward).astype(np.float64),
        "negatives": (reward < 0).astype(np.float64),
        "reward_sum": _micro(reward),
        "ratings": rated.astype(np.float64),
        "rating_sum": np.where(rated, _micro(value), 0.0),
        "conversions": feedback["event_type"].isin(CONVERSIONS).to_numpy(np.float64),
    }


def _hours(sec: Rows, dataset: Dataset) -> dict[str, Floats]:
    if dataset.about.order_only:
        return {"weekend_likes": np.zeros(len(sec)), "night_likes": np.zeros(len(sec))}
    at = local_time(sec, dataset.about.timezone)
    return {"weekend_likes": at.weekend.astype(np.float64), "night_likes": (at.time_of_day == NIGHT).astype(np.float64)}


def _attributes(item: Rows, table: ItemTable) -> dict[str, Floats]:
    static = table.columns(item)
    known = {f"{name}_count": np.isfinite(static[f"item_{name}"]).astype(np.float64) for name in ATTRIBUTES}
    return known | {f"{name}_sum": _micro(static[f"item_{name}"]) for name in ATTRIBUTES}


def _places(feedback: pd.DataFrame, item: Rows, table: ItemTable) -> dict[str, Floats]:
    """Where it happened: the place that came with the event, else the gem's."""
    static = table.columns(item)
    lat, lon = _numbers(feedback, "lat"), _numbers(feedback, "lon")
    own = np.isfinite(lat) & np.isfinite(lon)
    lat, lon = np.where(own, lat, static["item_lat"]), np.where(own, lon, static["item_lon"])
    located = np.isfinite(lat) & np.isfinite(lon)
    return {
        "located": located.astype(np.float64),
        "lat_sum": np.where(located, _micro(lat), 0.0),
        "lon_sum": np.where(located, _micro(lon), 0.0),
    }
