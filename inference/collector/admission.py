"""How much is let in: no more than can be held, and no more than can be answered soon."""

from threading import Lock

from inference.collector.errors import BusyError

MOST_EVENTS = 10_000
MOST_BYTES = 16_000_000
"""Of bodies whose events are not written yet."""
OWN_SECONDS = 0.025
"""Longest time that an answer should take beyond the broker's own."""
FIRST_EVENTS, LEAST_EVENTS = 500.0, 10.0
_SHRINK, _GROW = 0.5, 1.1


class Admission:
    """Bounds what is in hand, so that what is let in is answered soon and everything else at once.

    The bound on events follows the answers: it shrinks with the share by which one took too long, and grows while some
    are refused and answers are fast. The time of the broker does not count, so that a slow one does not close the door;
    a broker that stands still fills it. Whoever comes while nothing is in hand is let in. For any number of threads.

    Source: the gradient limits of Netflix' concurrency-limits, on a target instead of the least time seen.
    """

    def __init__(self) -> None:
        self._events = self._bytes = 0
        self._most = FIRST_EVENTS
        self._refused = False
        self._lock = Lock()

    @property
    def events(self) -> int:
        """Events in hand."""
        return self._events

    def full(self) -> bool:
        """Whether the next caller would be refused whatever they bring; cheap enough to ask before a body is read."""
        full = self._events >= self._most or self._bytes >= MOST_BYTES
        self._refused |= full
        return full

    def enter(self, events: int, size: int) -> None:
        """Let these events in.

        Args:
            events: How many.
            size: Bytes of their body.

        Raises:
            BusyError: If too much is in hand.
        """
        with self._lock:
            if self._events and (self._events + events > self._most or self._bytes + size > MOST_BYTES):
                self._refused = True
                raise BusyError("more events come than can be written now; send them again")
            self._events += events
            self._bytes += size

    def leave(self, events: int, size: int) -> None:
        """These events are in hand no more."""
        with self._lock:
            self._events -= events
            self._bytes -= size

    def answered(self, own_seconds: float) -> None:
        """Move the bound by how long an answer took beyond the broker's own time."""
        with self._lock:
            if own_seconds > OWN_SECONDS:
                self._most = max(LEAST_EVENTS, self._most * max(_SHRINK, OWN_SECONDS / own_seconds))
            elif self._refused:
                self._most = min(MOST_EVENTS, self._most * _GROW + 1.0)
            self._refused = False
