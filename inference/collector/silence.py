"""Whether the broker still says anything."""

import time
from collections.abc import Callable, Sequence
from threading import Lock

from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.streaming.broker import Message, Producer


class WatchedProducer:
    """A producer that knows for how long a broker that was sent something has acknowledged nothing.

    Args:
        inner: Sends.
        most_seconds: A broker that is silent for longer is away: nobody should wait for it.
        monotonic: Seconds on a clock that never jumps.
    """

    def __init__(self, inner: Producer, most_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._inner, self._most, self._monotonic = inner, most_seconds, monotonic
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

    def listen(self) -> None:
        """Go on while the broker does.

        Raises:
            PartUnavailableError: If it has acknowledged nothing for too long, and something waits for it.
        """
        if self._under_way and self._monotonic() - self._since > self._most:
            raise PartUnavailableError("broker", f"it has acknowledged nothing for {self._most:g} seconds")
