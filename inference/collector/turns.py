"""One turn at a time for each event id."""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from threading import Condition

from inference.collector.errors import BusyError

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
