"""The time a request has, and what is left of it for a call."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from hidden_gems.core.errors import BadFieldError

HEADER = "x-gems-deadline-ms"
DEFAULT_SECONDS = 0.1
SHORTEST_SECONDS, LONGEST_SECONDS = 0.01, 1.0


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock; never compared with the time of events.

    Examples:
        >>> now = [5.0]
        >>> deadline = Deadline.after(0.1, monotonic=lambda: now[0])
        >>> round(deadline.left(), 3), round(deadline.left(at_most=0.04), 3)
        (0.1, 0.04)
        >>> now[0] = 6.0
        >>> deadline.left()
        0.0
    """

    at: float  # monotonic seconds
    monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> "Deadline":
        """Deadline `seconds` from now."""
        return cls(monotonic() + seconds, monotonic)

    def left(self, at_most: float = float("inf")) -> float:
        """Seconds that are left for a call that may take `at_most` of them; 0 when it is over."""
        return min(at_most, max(0.0, self.at - self.monotonic()))

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return self.left() <= 0.0


def seconds_of(header: str | None, default_seconds: float = DEFAULT_SECONDS) -> float:
    """Seconds that a caller's `x-gems-deadline-ms` grants, kept within 10 ms and 1 s.

    Raises:
        BadFieldError: If it is not a number.

    Examples:
        >>> seconds_of(None), seconds_of("50"), seconds_of("0"), seconds_of("3600000")
        (0.1, 0.05, 0.01, 1.0)
    """
    if header is None:
        return default_seconds
    try:
        asked = float(header) / 1000
    except ValueError as error:
        raise BadFieldError(HEADER, f"expected milliseconds, got {header[:20]!r}") from error
    if asked != asked:
        raise BadFieldError(HEADER, "expected milliseconds, got 'nan'")
    return min(max(asked, SHORTEST_SECONDS), LONGEST_SECONDS)
