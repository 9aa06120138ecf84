"""How much is taken: sizes of bodies, and events of one key in a minute."""

import math
import time
from collections.abc import Callable
from threading import Lock

MAX_EVENTS = 500
MAX_EVENT_BYTES = 1_000_000
MAX_OTHER_BYTES = 64_000
BODY_SECONDS = 10.0
"""Longest time a body may take to arrive."""

_WINDOW_SECONDS = 60.0


class RateLimit:
    """At most so many events of one key in a window of a minute.

    Examples:
        >>> limit = RateLimit(2, monotonic=lambda: 15.0)
        >>> [limit.wait("key", 1), limit.wait("key", 1), limit.wait("key", 1), limit.wait("other", 2)]
        [0, 0, 45, 0]
    """

    def __init__(self, events: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._events = events
        self._monotonic = monotonic
        self._window = -1
        self._taken: dict[str, int] = {}
        self._lock = Lock()

    def wait(self, key: str, events: int) -> int:
        """Take room for these events.

        Returns:
            0 where there was room; else nothing was taken, and the whole seconds until there is room again.
        """
        now = self._monotonic()
        window = int(now // _WINDOW_SECONDS)
        with self._lock:
            if window != self._window:
                self._window, self._taken = window, {}
            taken = self._taken.get(key, 0) + events
            if taken > self._events:
                return max(1, math.ceil((window + 1) * _WINDOW_SECONDS - now))
            self._taken[key] = taken
        return 0
