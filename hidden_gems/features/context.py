"""The context of a request as a vector: hour, weekday, season, weather."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hidden_gems.datasets.contract import COLD_BELOW_C, HOT_ABOVE_C, WEATHER_ALIASES, WEATHERS
from hidden_gems.features.local_time import local_time

CONTEXT_NAMES = (
    "hour_sin", "hour_cos", "weekday_sin", "weekday_cos", "weekend", "season_sin", "season_cos", "time_known",
    "wet", "weather_known", "hot", "cold", "temperature_known",
)  # fmt: skip
WET_WEATHERS = ("rain", "storm", "snow")

_HOURS, _DAYS, _YEAR_DAYS = 24.0, 7.0, 365.25


def context_vectors(
    timestamp: NDArray[np.int64],
    timezone: str,
    *,
    weather: Sequence[str | None] | None = None,
    temperature_c: ArrayLike | None = None,
    order_only: bool = False,
) -> NDArray[np.float32]:
    """Vector of each request's context, float32, size B X C with the columns of `CONTEXT_NAMES`.

    What is not known is 0, and its flag says so.

    Args:
        timestamp: Epoch seconds, size B.
        timezone: IANA name.
        weather: Word of `datasets.contract.WEATHERS` or an alias, size B; None or any other word is unknown.
        temperature_c: Degrees Celsius, size B; NaN is unknown.
        order_only: Timestamps are an order, so the time is unknown.

    Examples:
        >>> vector = context_vectors(np.array([1_777_904_999]), "Europe/Istanbul", weather=["rain"])[0]
        >>> known = dict(zip(CONTEXT_NAMES, vector.tolist()))
        >>> known["weekend"], known["wet"], known["hot"], known["temperature_known"]
        (0.0, 1.0, 0.0, 0.0)
    """
    vectors = np.zeros((len(timestamp), len(CONTEXT_NAMES)), dtype=np.float32)
    columns = {name: vectors[:, column] for column, name in enumerate(CONTEXT_NAMES)}
    if not order_only:
        at = local_time(timestamp, timezone)
        _circle(columns, "hour", at.hour / _HOURS)
        _circle(columns, "weekday", at.weekday / _DAYS)
        _circle(columns, "season", at.day_of_year / _YEAR_DAYS)
        columns["weekend"][:] = at.weekend
        columns["time_known"][:] = 1.0
    if weather is not None:
        words = [WEATHER_ALIASES.get(word, word) if isinstance(word, str) else None for word in weather]
        columns["wet"][:] = [word in WET_WEATHERS for word in words]
        columns["weather_known"][:] = [word in WEATHERS for word in words]
    if temperature_c is not None:
        degrees = np.asarray(temperature_c, dtype=np.float64)
        columns["hot"][:] = degrees > HOT_ABOVE_C  # NaN compares false
        columns["cold"][:] = degrees < COLD_BELOW_C
        columns["temperature_known"][:] = ~np.isnan(degrees)
    return vectors


def _circle(columns: dict[str, NDArray[np.float32]], name: str, turn: NDArray[np.float64]) -> None:
    columns[f"{name}_sin"][:] = np.sin(2 * np.pi * turn)
    columns[f"{name}_cos"][:] = np.cos(2 * np.pi * turn)
