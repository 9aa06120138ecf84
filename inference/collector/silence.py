"""Whether the broker still says anything."""

import time
from collections.abc import Callable, Sequence
from threading import Lock

from hidden_gems.streaming.broker import Message, Producer


class WatchedProducer:
    """A producer that knows for how long a broker that was sent something has acknowledged nothing.

    Args:
        inner: Sends.
        monotonic: Seconds on a clock that never jumps.
    """

    def __init__(self, inner: Producer, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._inner, self._monotonic = inner, monotonic
        self._under_way = 0
        self._since = 0.0
        self._lock = Lock()

    def send(self, messages: Sequence[Message]) -> None:
        """See `Producer.send`."""
        with self._lock:
            if not self._under_way:
                self._since = self._monotonic()
            self._under_way += 1
        try:
            self._inner.send(messages)
            self._since = self._monotonic()
        finally:
            with self._lock:
                self._under_way -= 1

    def close(self) -> None:
        """Let go of the connection."""
        self._inner.close()

    def silent_seconds(self) -> float:
        """Seconds since the last acknowledgement, or since something was sent after it; 0 where nothing waits."""
        return self._monotonic() - self._since if self._under_way else 0.0
