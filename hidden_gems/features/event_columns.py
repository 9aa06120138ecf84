"""What one piece of feedback says in numbers: the same columns for a history that is counted and for the stream."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.contract import TIMES_OF_DAY
from hidden_gems.events.kinds import CONVERSIONS, KINDS
from hidden_gems.features.item_table import ItemTable
from hidden_gems.features.local_time import local_time
from hidden_gems.features.raw import ATTRIBUTES, MICRO

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]

_NIGHT = TIMES_OF_DAY.index("night")
_ONLY_LIKED = (
    "weekend_likes", "night_likes", "located", "lat_sum", "lon_sum",
    *(f"{name}_{what}" for name in ATTRIBUTES for what in ("count", "sum")),
)  # fmt: skip


@dataclass(frozen=True)
class Feedback:
    """B events as columns, each of size B."""

    kind: Sequence[str]  # canonical event types
    reward: Floats
    value: Floats  # NaN where there is none
    sec: Rows  # epoch seconds, or an order
    item: Rows  # of the item table
    lat: Floats  # of the place that came with the event, or NaN
    lon: Floats


def event_columns(feedback: Feedback, table: ItemTable, timezone: str, *, order_only: bool) -> dict[str, Floats]:
    """What each event counts and adds, as whole float64 numbers, size B each.

    Args:
        feedback: The events.
        table: Attributes of the gems.
        timezone: IANA name, for nights and weekends.
        order_only: Times are only an order, so there are none.
    """
    found = _signs(feedback) | _hours(feedback.sec, timezone, order_only)
    found |= _attributes(feedback.item, table) | _places(feedback, table)
    return found | {name: np.where(found["likes"] > 0, found[name], 0.0) for name in _ONLY_LIKED}


def _micro(values: Floats) -> Floats:
    return np.nan_to_num(np.round(values * MICRO), nan=0.0)


def _signs(feedback: Feedback) -> dict[str, Floats]:
    """What the person thought of it."""
    kind, reward, value = np.asarray(feedback.kind, dtype=object), feedback.reward, feedback.value
    rated = (kind == "rating") & np.isfinite(value)
    return {
        "likes": (reward > 0).astype(np.float64),
        "clicks": (reward >= KINDS["click"].reward).astype(np.float64),
        "negatives": (reward < 0).astype(np.float64),
        "reward_sum": _micro(reward),
        "ratings": rated.astype(np.float64),
        "rating_sum": np.where(rated, _micro(value), 0.0),
        "conversions": np.array([name in CONVERSIONS for name in feedback.kind], dtype=np.float64),
    }


def _hours(sec: Rows, timezone: str, order_only: bool) -> dict[str, Floats]:
    if order_only:
        return {"weekend_likes": np.zeros(len(sec)), "night_likes": np.zeros(len(sec))}
    at = local_time(sec, timezone)
    return {
        "weekend_likes": at.weekend.astype(np.float64),
        "night_likes": (at.time_of_day == _NIGHT).astype(np.float64),
    }


def _attributes(item: Rows, table: ItemTable) -> dict[str, Floats]:
    static = table.columns(item)
    known = {f"{name}_count": np.isfinite(static[f"item_{name}"]).astype(np.float64) for name in ATTRIBUTES}
    return known | {f"{name}_sum": _micro(static[f"item_{name}"]) for name in ATTRIBUTES}


def _places(feedback: Feedback, table: ItemTable) -> dict[str, Floats]:
    """Where it happened: the place that came with the event, else the gem's."""
    static, lat, lon = table.columns(feedback.item), feedback.lat, feedback.lon
    own = np.isfinite(lat) & np.isfinite(lon)
    lat, lon = np.where(own, lat, static["item_lat"]), np.where(own, lon, static["item_lon"])
    located = np.isfinite(lat) & np.isfinite(lon)
    return {
        "located": located.astype(np.float64),
        "lat_sum": np.where(located, _micro(lat), 0.0),
        "lon_sum": np.where(located, _micro(lon), 0.0),
    }
