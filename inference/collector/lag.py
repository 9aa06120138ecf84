"""How late the event loop is: what a new answer would wait before anything is done for it."""

import asyncio

TICK_SECONDS = 0.005
_IDLE_TICKS = 200
"""Ticks without a request after which nobody looks any more."""
_KEEP = 0.7


class Lag:
    """Seconds by which a timer of the loop comes late, the last few ticks together; looked at while requests come."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._due = 0.0
        self._idle = _IDLE_TICKS

    def request(self) -> None:
        """A request has come; call it on the loop."""
        if self._idle >= _IDLE_TICKS:
            self.seconds = 0.0
            self._next(asyncio.get_running_loop())
        self._idle = 0

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + TICK_SECONDS
        loop.call_at(self._due, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        late = max(0.0, loop.time() - self._due)
        self.seconds = max(late, _KEEP * self.seconds + (1.0 - _KEEP) * late)
        self._idle += 1
        if self._idle < _IDLE_TICKS:
            self._next(loop)
