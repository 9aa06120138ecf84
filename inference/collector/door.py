"""Where events wait for the broker: threads of their own, so that nothing else waits with them."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from inference.collector.errors import BusyError
from inference.collector.intake import Intake, Outcome
from inference.collector.turns import Queue

_WRITERS = 16
_PATIENCE_SECONDS = 2.0
"""Longest time a list waits for a writer; a broker that stands still is then answered for at once."""


class Door:
    """Hand lists of events to the intake, at most so many at once.

    Args:
        intake: Writes them.
        queue: Counts what waits.
        monotonic: Seconds on a clock that never jumps.
    """

    def __init__(self, intake: Intake, queue: Queue, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._intake, self._queue, self._monotonic = intake, queue, monotonic
        self._writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="events")

    async def take(self, contents: Sequence[Any]) -> Outcome:
        """What became of a list, after the broker has acknowledged what could be read.

        Raises:
            PartUnavailableError: If the broker does not acknowledge.
            BusyError: If too much waits for it.
        """
        with self._queue.holding(len(contents)):
            came = self._monotonic()
            return await asyncio.get_running_loop().run_in_executor(self._writers, self._begin, contents, came)

    def close(self) -> None:
        """Take nothing more."""
        self._writers.shutdown(wait=False, cancel_futures=True)

    def _begin(self, contents: Sequence[Any], came: float) -> Outcome:
        if self._monotonic() - came > _PATIENCE_SECONDS:
            raise BusyError("the broker is too slow; send the same again")
        return self._intake.take(contents)
