"""Time comes in as an argument: a real clock, or one that starts where and runs as fast as it is told."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

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
