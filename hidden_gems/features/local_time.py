"""Local hour, weekday and day of the year of many moments at once."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS
from hidden_gems.datasets.contract import TIMES_OF_DAY

_OFFSET_STEP_SECONDS = 900  # offsets change on quarter hours


@dataclass(frozen=True)
class LocalTime:
    """Local wall-clock parts of B moments."""

    hour: NDArray[np.float64]  # 0 to 24, B
    weekday: NDArray[np.int64]  # Monday = 0, B
    day_of_year: NDArray[np.int64]  # 1 to 366, B

    @property
    def time_of_day(self) -> NDArray[np.int64]:
        """Index into `TIMES_OF_DAY`: morning 06-12, afternoon 12-17, evening 17-22, night 22-06, size B."""
        night = TIMES_OF_DAY.index("night")
        return np.array([night, 0, 1, 2, night])[np.digitize(self.hour, [6, 12, 17, 22])]

    @property
    def weekend(self) -> NDArray[np.bool_]:
        """Saturday or Sunday, size B."""
        return self.weekday >= 5


def local_time(timestamp: NDArray[np.int64], timezone: str) -> LocalTime:
    """Wall-clock parts of moments.

    Args:
        timestamp: Epoch seconds, size B.
        timezone: IANA name.

    Examples:
        >>> at = local_time(np.array([1_777_904_999]), "Europe/Istanbul")
        >>> int(at.hour[0]), int(at.weekday[0]), TIMES_OF_DAY[at.time_of_day[0]]
        (17, 0, 'evening')
    """
    timestamp = np.asarray(timestamp, dtype=np.int64)
    steps, inverse = np.unique(timestamp // _OFFSET_STEP_SECONDS, return_inverse=True)
    offsets = np.array([_offset_seconds(int(step), timezone) for step in steps], dtype=np.int64)
    local = timestamp + offsets[inverse]
    days = local // DAY_SECONDS
    dates = days.astype("datetime64[D]")
    return LocalTime(
        hour=(local - days * DAY_SECONDS) / HOUR_SECONDS,
        weekday=(days + 3) % 7,  # 1970-01-01 was a Thursday
        day_of_year=(dates - dates.astype("datetime64[Y]")).astype(np.int64) + 1,
    )


@lru_cache(maxsize=1 << 16)
def _offset_seconds(step: int, timezone: str) -> int:
    offset = datetime.fromtimestamp(step * _OFFSET_STEP_SECONDS, UTC).astimezone(ZoneInfo(timezone)).utcoffset()
    return int(offset.total_seconds()) if offset else 0
