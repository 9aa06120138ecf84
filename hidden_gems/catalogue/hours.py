"""When a place is open, from its hours in OpenStreetMap syntax."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from opening_hours.opening_hours import OpeningHours, ParserError

from hidden_gems.core.errors import BadInputError

HOURS_A_WEEK = 168
ORDINARY_MONDAY = date(2026, 5, 4)


def open_at(opening_hours: str | None, timestamp: int, timezone: str) -> bool | None:
    """Whether a place is open at a moment.

    Public holidays and the sun's times are not known: `PH` never applies, and `sunset` is an ordinary hour.

    Args:
        opening_hours: OpenStreetMap syntax, or None.
        timestamp: Epoch seconds.
        timezone: IANA name of the zone the place is in.

    Returns:
        None if there are no hours, or they cannot be read, or they say themselves that it is unknown.

    Examples:
        >>> open_at("Tu-Su 09:00-17:00", 1_777_881_600, "Europe/Istanbul")  # a Monday, 11:00
        False
    """
    parsed = _parse(opening_hours) if isinstance(opening_hours, str) else None
    if parsed is None:
        return None
    moment = datetime.fromtimestamp(timestamp, ZoneInfo(timezone)).replace(tzinfo=None)
    return None if parsed.is_unknown(moment) else bool(parsed.is_open(moment))


def open_hours_of_week(opening_hours: Sequence[str], monday: date = ORDINARY_MONDAY) -> NDArray[np.bool_]:
    """Which hours of a week each place is open, judged at half past.

    Args:
        opening_hours: OpenStreetMap syntax, one text a place.
        monday: First day of the week that is meant; hours may depend on the season.

    Returns:
        Open or not, places X 168; column 0 is Monday 00:00 to 01:00.

    Raises:
        BadInputError: If a text cannot be read.
    """
    start = datetime.combine(monday, time(minute=30))
    moments = [start + timedelta(hours=hour) for hour in range(HOURS_A_WEEK)]
    weeks = {text: _week(text, moments) for text in set(opening_hours)}
    return np.array([weeks[text] for text in opening_hours], dtype=bool).reshape(len(opening_hours), HOURS_A_WEEK)


def _week(text: str, moments: list[datetime]) -> list[bool]:
    parsed = _parse(text)
    if parsed is None:
        raise BadInputError(
            f"opening hours {text!r} cannot be read, expected OpenStreetMap syntax as in 'Tu-Su 09:00-17:00'"
        )
    return [parsed.is_open(moment) for moment in moments]


@lru_cache(maxsize=1 << 14)
def _parse(text: str) -> OpeningHours | None:
    try:
        return OpeningHours(text) if text.strip() else None
    except ParserError:
        return None
