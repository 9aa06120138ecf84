"""Time comes in as an argument: a real clock, or one that starts where and runs as fast as it is told."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from hidden_gems.core.errors import BadInputError

HOUR_SECONDS = 3600
DAY_SECONDS = 86_400
ORDER_ONLY_BELOW = 10**8
"""Timestamps that are all below this are an order, not times (contract §1)."""


class Clock(Protocol):
    """Anything that tells the time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        ...


@dataclass(frozen=True)
class WallClock:
    """The clock of the machine."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()


@dataclass
class SimulatedClock:
    """A clock that starts at `start` and runs `rate` times as fast as the machine's; at rate 0 it moves by hand.

    Examples:
        >>> clock = SimulatedClock(start=1_000.0, rate=0.0)
        >>> clock.advance(5)
        >>> clock.now()
        1005.0
    """

    start: float  # seconds since the epoch
    rate: float = 0.0  # simulated seconds a real second
    monotonic: Callable[[], float] = time.monotonic
    _began: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._began = self.monotonic()

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return self.start + self.rate * (self.monotonic() - self._began)

    def advance(self, seconds: float) -> None:
        """Move the clock ahead by `seconds`."""
        self.start += seconds


@dataclass(frozen=True)
class ShiftedClock:
    """The machine's clock told from another moment and at another speed, alike in every process of a machine."""

    start: float  # seconds since the epoch that it tells at `origin`
    rate: float  # its seconds a real second
    origin: float  # seconds since the epoch on the machine's clock

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return self.start + self.rate * (time.time() - self.origin)


def clock_from(setting: str) -> Clock:
    """Clock of `GEMS_CLOCK`: "start,rate,origin", "start,rate" for an origin of now, empty for the machine's own.

    Raises:
        BadInputError: If it is none of these.

    Examples:
        >>> clock_from("1000,0,5").now()
        1000.0
    """
    if not setting:
        return WallClock()
    try:
        start, rate, *origin = (float(part) for part in setting.split(","))
        [at] = origin or [time.time()]
    except ValueError as error:
        raise BadInputError(
            f"GEMS_CLOCK is {setting!r}; expected start,rate or start,rate,origin in seconds"
        ) from error
    return ShiftedClock(start, rate, at)


def seconds_of(text: str) -> float:
    """A duration with its unit: `90s`, `10m`, `1.5h`.

    Raises:
        BadInputError: If it is none, or not above 0.

    Examples:
        >>> seconds_of("10m")
        600.0
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    try:
        seconds = float(text[:-1]) * units[text[-1:]]
    except (ValueError, KeyError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise BadInputError(f"{text!r} is no duration; expected a number with s, m or h, as 10m")
    return seconds
