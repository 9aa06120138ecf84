"""The context of a request as a vector: hour, weekday, season, weather, mood."""

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.contract import COLD_BELOW_C, HOT_ABOVE_C, MOODS, WEATHERS
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.local_time import local_time

CONTEXT_NAMES = (
    "hour_sin", "hour_cos", "weekday_sin", "weekday_cos", "weekend", "season_sin", "season_cos", "time_known",
    "wet", "weather_known", "hot", "cold", "temperature_known", *(f"mood={mood}" for mood in MOODS),
)  # fmt: skip
WET_WEATHERS = ("rain", "storm", "snow")

_HOURS, _DAYS, _YEAR_DAYS = 24.0, 7.0, 365.25
_WET_CODES = tuple(WEATHERS.index(word) + 1 for word in WET_WEATHERS)


def context_vectors(moments: Moments, timezone: str, *, order_only: bool = False) -> NDArray[np.float32]:
    """Vector of each moment's context, float32, size B X C with the columns of `CONTEXT_NAMES`.

    What is not known is 0, and its flag says so; of the moods at most one is 1.

    Args:
        moments: Moments of B requests.
        timezone: IANA name.
        order_only: Timestamps are an order, so the time is unknown.

    Examples:
        >>> vector = context_vectors(Moments.at(np.array([1_777_904_999]), weather=["rain"]), "Europe/Istanbul")[0]
        >>> known = dict(zip(CONTEXT_NAMES, vector.tolist()))
        >>> known["weekend"], known["wet"], known["hot"], known["temperature_known"]
        (0.0, 1.0, 0.0, 0.0)
    """
    vectors = np.zeros((len(moments), len(CONTEXT_NAMES)), dtype=np.float32)
    columns = {name: vectors[:, column] for column, name in enumerate(CONTEXT_NAMES)}
    if not order_only:
        at = local_time(moments.timestamp, timezone)
        _circle(columns, "hour", at.hour / _HOURS)
        _circle(columns, "weekday", at.weekday / _DAYS)
        _circle(columns, "season", at.day_of_year / _YEAR_DAYS)
        columns["weekend"][:] = at.weekend
        columns["time_known"][:] = 1.0
    columns["wet"][:] = np.isin(moments.weather, _WET_CODES)
    columns["weather_known"][:] = moments.weather > 0
    columns["hot"][:] = moments.temperature_c > HOT_ABOVE_C  # NaN compares false
    columns["cold"][:] = moments.temperature_c < COLD_BELOW_C
    columns["temperature_known"][:] = ~np.isnan(moments.temperature_c)
    for code, mood in enumerate(MOODS, 1):
        columns[f"mood={mood}"][:] = moments.mood == code
    return vectors


def _circle(columns: dict[str, NDArray[np.float32]], name: str, turn: NDArray[np.float64]) -> None:
    columns[f"{name}_sin"][:] = np.sin(2 * np.pi * turn)
    columns[f"{name}_cos"][:] = np.cos(2 * np.pi * turn)
