"""Names of the raw columns: the counts, sums and times that the vector is made from, and the context beside them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.contract import WEATHER_ALIASES
from hidden_gems.features.local_time import local_time

Raw = dict[str, NDArray[np.float64]]
"""Columns of one row a mark, float64, NaN = missing. Counts are whole, times are epoch seconds."""

MICRO = 1_000_000
"""Sums are whole numbers of millionths, so that the order of adding never shows."""

ATTRIBUTES = ("authenticity", "tourist_ratio", "crowd_level", "hidden_factor", "price_level")
"""Attributes a taste is made of."""

RECENT_DAYS = (7, 30)

USER_SUMS = (
    "likes", "items", "type_likes", "type_squares", "neighborhood_likes", "neighborhood_squares", "ratings",
    "rating_sum", "conversions", "negatives", "weekend_likes", "night_likes", "located", "lat_sum", "lon_sum",
    *(f"{name}_{what}" for name in ATTRIBUTES for what in ("count", "sum")),
)  # fmt: skip
ITEM_SUMS = ("likes", "users", "ratings", "rating_sum", "conversions", "negatives", "reward_sum", "answers")
TYPE_SUMS = ("likes", "reward_sum")

USER = tuple(
    f"user_{name}"
    for name in ("interactions", *USER_SUMS, "first_time", "last_time", "likes_7d", "likes_30d", "last_lat", "last_lon")
)
ITEM = tuple(
    f"item_{name}"
    for name in (
        "interactions", *ITEM_SUMS, "impressions", "first_time", "last_time", "likes_7d", "likes_30d", "top_likes",
    )
)  # fmt: skip
OWN = ("own_likes", "own_last_time", "own_best_reward")
TYPE = ("type_interactions", "type_likes", "type_reward_sum", "type_impressions")
NEIGHBORHOOD = ("neighborhood_likes",)
STATIC = (
    *(f"item_{name}" for name in ATTRIBUTES), "item_setting", "item_lat", "item_lon", "item_created_at",
    "item_has_type", "item_has_neighborhood",
)  # fmt: skip
CONTEXT = ("timestamp", "local_hour", "weekday", "day_of_year", "weather", "temperature_c", "lat", "lon")
RAW_COLUMNS = (*USER, *ITEM, *OWN, *TYPE, *NEIGHBORHOOD, *STATIC, *CONTEXT)

NEEDS_TIME = frozenset(
    name
    for name in (*USER, *ITEM, *OWN)
    if name.endswith(("_first_time", "_last_time", "_7d", "_30d", "weekend_likes", "night_likes"))
)
"""Columns that say nothing where times are only an order."""

WEATHER_SEVERITY = {
    "clear": 0.0, "partly_cloudy": 0.15, "cloudy": 0.3, "wind": 0.45, "fog": 0.5, "rain": 0.75, "snow": 0.9,
    "storm": 1.0,
}  # fmt: skip


def weather_severity(words: Sequence[object]) -> NDArray[np.float64]:
    """How much the weather keeps people indoors, 0 clear to 1 storm, size B; NaN for none and other words.

    Examples:
        >>> weather_severity(["sunny", "storm", None]).tolist()
        [0.0, 1.0, nan]
    """
    return np.array([WEATHER_SEVERITY.get(WEATHER_ALIASES.get(str(word), str(word)), np.nan) for word in words])


def context_columns(
    timestamp: NDArray[np.int64],
    timezone: str,
    *,
    order_only: bool,
    weather: Sequence[object],
    temperature_c: Sequence[float],
    place: tuple[Sequence[float], Sequence[float]],
) -> Raw:
    """Raw columns `CONTEXT` of B moments, each float64, size B.

    Args:
        timestamp: Epoch seconds, or an order, size B.
        timezone: IANA name.
        order_only: Times are only an order, so there are no hours and no days.
        weather: Word of the contract or None, size B.
        temperature_c: Degrees Celsius or NaN, size B.
        place: Latitudes and longitudes of where the person asks from, or NaN, size B each.
    """
    nothing = np.full(len(timestamp), np.nan)
    at = None if order_only else local_time(timestamp, timezone)
    return {
        "timestamp": np.asarray(timestamp, dtype=np.float64),
        "local_hour": at.hour if at else nothing,
        "weekday": at.weekday.astype(np.float64) if at else nothing,
        "day_of_year": at.day_of_year.astype(np.float64) if at else nothing,
        "weather": weather_severity(weather),
        "temperature_c": np.asarray(temperature_c, dtype=np.float64),
        "lat": np.asarray(place[0], dtype=np.float64),
        "lon": np.asarray(place[1], dtype=np.float64),
    }
