"""What the calendar and the clock of Istanbul do: slots, sunset, Ramadan, Friday prayer, ferries."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from hidden_gems.catalogue.hours import HOURS_A_WEEK
from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS
from hidden_gems.core.errors import BadInputError
from hidden_gems.features.local_time import LocalTime, local_time
from hidden_gems.simulation.parameters import ContextParameters, PullParameters

TIMEZONE = "Europe/Istanbul"
OFFSET_SECONDS = 3 * HOUR_SECONDS
"""Istanbul has kept UTC+3 all year since 2016."""

Floats = NDArray[np.float32]


def start_of(day: str) -> int:
    """Local midnight of a date as epoch seconds.

    Args:
        day: ISO date such as 2026-03-01; a time of day is not accepted.

    Raises:
        BadInputError: If `day` is not such a date or lies before 2017, when Istanbul still changed its clocks.
    """
    try:
        parsed = date.fromisoformat(day)
    except ValueError as error:
        raise BadInputError(f"the start {day!r} is not a date like 2026-03-01") from error
    if parsed.year < 2017:
        raise BadInputError(f"the start {day} is before 2017, when Istanbul still changed its clocks; take a later one")
    return _day(day) * DAY_SECONDS - OFFSET_SECONDS


def month_of(timestamp: NDArray[np.int64]) -> NDArray[np.int64]:
    """Local month of each moment, January = 0, size B."""
    local = (np.asarray(timestamp, dtype=np.int64) + OFFSET_SECONDS) // DAY_SECONDS
    months = local.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return np.asarray(months % 12, dtype=np.int64)


def hour_of_week(timestamp: NDArray[np.float64]) -> NDArray[np.int64]:
    """Hour of the local week of each moment, 0 to 167, Monday 00:00 to 01:00 is 0; any shape.

    Examples:
        >>> hour_of_week(np.array([1_777_904_999.0])).tolist()  # a Monday, 17:29:59
        [17]
    """
    monday = timestamp + (OFFSET_SECONDS + 3 * DAY_SECONDS)  # 1970-01-01 was a Thursday
    return (monday // HOUR_SECONDS).astype(np.int64) % HOURS_A_WEEK


def sunset_hour(day_of_year: NDArray[np.int64]) -> NDArray[np.float64]:
    """Local hour of sunset in Istanbul, within a quarter of an hour, size B.

    Examples:
        >>> sunset_hour(np.array([172, 355])).round(1).tolist()
        [20.6, 17.6]
    """
    return np.asarray(19.1 + 1.5 * np.sin(2 * np.pi * (day_of_year - 81) / 365.25))


@dataclass(frozen=True)
class Moment:
    """What the clock and the calendar say at B moments."""

    local: LocalTime
    month: NDArray[np.int64]  # January = 0, B
    sunset: Floats  # 1 in the hour around sunset, falling to 0 within another hour, B
    prayer: NDArray[np.bool_]  # Friday noon prayer, B
    ramadan_day: NDArray[np.bool_]  # from dawn to sunset in Ramadan, B
    iftar: NDArray[np.bool_]  # the three hours after sunset in Ramadan, B
    ferries: NDArray[np.bool_]  # ferries run, B


def moment_of(timestamp: NDArray[np.int64], context: ContextParameters, pull: PullParameters) -> Moment:
    """Read the clock and the calendar at B moments."""
    local = local_time(timestamp, TIMEZONE)
    sunset = sunset_hour(local.day_of_year)
    after = local.hour - sunset
    day = (np.asarray(timestamp, dtype=np.int64) + OFFSET_SECONDS) // DAY_SECONDS
    ramadan = np.zeros(day.shape, dtype=bool)
    for first, last in context.ramadan_days:
        ramadan |= (day >= _day(first)) & (day <= _day(last))
    return Moment(
        local=local,
        month=month_of(timestamp),
        sunset=np.clip(1.5 - np.abs(after), 0.0, 1.0).astype(np.float32),
        prayer=(local.weekday == 4) & (local.hour >= 12.5) & (local.hour < 14.0),
        ramadan_day=ramadan & (local.hour >= 5.0) & (after < 0.0),
        iftar=ramadan & (after >= 0.0) & (after < 3.0),
        ferries=(local.hour >= pull.ferry_hours[0]) & (local.hour < pull.ferry_hours[1]),
    )


def _day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days
