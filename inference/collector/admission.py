"""How much is let in: no more than can be held, and no more than can be answered soon."""

from threading import Lock

from inference.collector.errors import BusyError

MOST_EVENTS = 10_000
MOST_BYTES = 16_000_000
"""Of bodies whose events are not written yet."""
OWN_SECONDS = 0.03
"""Longest time that an answer should take beyond the broker's own."""
LEAST_EVENTS = 10
"""So few in hand are no reason to refuse anybody."""
_ALONE_SECONDS = 0.002
"""What an answer takes however little there is to do: round trips to the store."""
_GUESS_SECONDS = 0.0003
"""Of an event, until there are answers."""
_KEEP = 0.98


class Pace:
    """What an event in hand adds to the time of an answer, by the last fifty answers or so.

    Least squares of the seconds on the events in hand when the call came, its own among them, through a fixed start;
    answers under load say most.

    Examples:
        >>> pace = Pace()
        >>> for events, seconds in 200 * [(10, 0.004), (110, 0.024)]:
        ...     pace.answered(events, seconds)
        >>> round(pace.seconds(60), 4)
        0.014
    """

    def __init__(self) -> None:
        self._xx = 1_000.0
        self._xy = _GUESS_SECONDS * self._xx

    def answered(self, events: int, seconds: float) -> None:
        """An answer took so many seconds, to a call that came when there were so many events."""
        self._xx = _KEEP * self._xx + events * events
        self._xy = _KEEP * self._xy + events * max(0.0, seconds - _ALONE_SECONDS)

    def seconds(self, events: int) -> float:
        """Seconds that the answer to a call will take that makes it so many events."""
        return _ALONE_SECONDS + events * self._xy / self._xx


class Admission:
    """Bounds what is in hand, so that what is let in is answered soon, and everything else at once.

    Let in is what will be answered in `OWN_SECONDS`, as the answers before say. The time of the broker does not count:
    a slow one does not close the door; one that stands still fills it. For any number of threads.
    """

    def __init__(self) -> None:
        self._events = self._bytes = 0
        self._pace = Pace()
        self._lock = Lock()

    @property
    def events(self) -> int:
        """Events in hand."""
        return self._events

    def full(self) -> bool:
        """Whether the next call would be refused whatever it brings; cheap enough to ask before a body is read."""
        return not self._fits(1, 1)

    def enter(self, events: int, size: int) -> int:
        """Let these events in.

        Args:
            events: How many.
            size: Bytes of their body.

        Returns:
            Events in hand with these.

        Raises:
            BusyError: If too much is in hand.
        """
        with self._lock:
            if not self._fits(events, size):
                raise BusyError("more events come than can be written now; send them again")
            self._events += events
            self._bytes += size
            return self._events

    def leave(self, events: int, size: int) -> None:
        """These events are in hand no more."""
        with self._lock:
            self._events -= events
            self._bytes -= size

    def answered(self, events: int, own_seconds: float) -> None:
        """Learn from an answer: what was in hand when its call came, and how long it took beyond the broker's time."""
        with self._lock:
            self._pace.answered(events, own_seconds)

    def _fits(self, events: int, size: int) -> bool:
        wanted = self._events + events
        if not self._events:
            return True
        if wanted > MOST_EVENTS or self._bytes + size > MOST_BYTES:
            return False
        return wanted <= LEAST_EVENTS or self._pace.seconds(wanted) <= OWN_SECONDS
