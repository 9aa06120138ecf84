"""One turn at a time for each event id, and a bound on what waits."""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from threading import Condition

from inference.collector.errors import BusyError

MAX_WAITING = 10_000
"""Events that may wait for the broker at once."""
TURN_SECONDS = 5.0


class Turns:
    """Let no two lists that share an event id be under way at once, so that the second sees what became of the first.

    Without it both would find the id free, and both would be written: a repeat twice, a conflict as if it were none.
    """

    def __init__(self, turn_seconds: float = TURN_SECONDS) -> None:
        self._busy: set[str] = set()
        self._change = Condition()
        self._seconds = turn_seconds

    @contextmanager
    def of(self, event_ids: Set[str]) -> Iterator[None]:
        """Wait until none of these ids is under way, and hold them.

        Raises:
            BusyError: If another list holds one of them for too long.
        """
        with self._change:
            if not self._change.wait_for(lambda: self._busy.isdisjoint(event_ids), self._seconds):
                raise BusyError("the same event is still being written; send it again")
            self._busy |= event_ids
        try:
            yield
        finally:
            with self._change:
                self._busy -= event_ids
                self._change.notify_all()


class Queue:
    """Count events that wait; refuse those above the bound."""

    def __init__(self, most: int = MAX_WAITING) -> None:
        self._most = most
        self._waiting = 0
        self._change = Condition()

    @property
    def waiting(self) -> int:
        """Events that wait now."""
        return self._waiting

    @contextmanager
    def holding(self, events: int) -> Iterator[None]:
        """Let these events wait.

        Raises:
            BusyError: If too many wait already.
        """
        with self._change:
            if self._waiting + events > self._most:
                raise BusyError("too many events wait for the broker; send them again")
            self._waiting += events
        try:
            yield
        finally:
            with self._change:
                self._waiting -= events
