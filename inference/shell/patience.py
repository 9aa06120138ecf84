"""Wait for a part that is away, as long as it takes."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from hidden_gems.core.errors import PartUnavailableError

Found = TypeVar("Found")
_log = logging.getLogger("gems")


class StoppedError(Exception):
    """The process was told to stop while it waited; what it waited for was not done."""


@dataclass
class Patience:
    """Do something again until the parts it needs answer: one log line when they are gone, one when they are back.

    Args:
        first_seconds: Pause after the first failure; each next one is twice as long.
        longest_seconds: Longest pause.
        stopping: Ends the waiting.
    """

    first_seconds: float = 0.05
    longest_seconds: float = 1.0
    stopping: threading.Event = field(default_factory=threading.Event)

    def persist(self, action: Callable[[], Found]) -> Found:
        """What the action gives once it succeeds.

        Raises:
            StoppedError: If the process is to stop and the action has not succeeded.
        """
        pause, failed = self.first_seconds, False
        while True:
            try:
                found = action()
            except PartUnavailableError as error:
                if not failed:
                    _log.warning("%s; trying again until it answers", error)
                failed = True
                if self.stopping.wait(pause):
                    raise StoppedError from error
                pause = min(2.0 * pause, self.longest_seconds)
            else:
                if failed:
                    _log.warning("it answers again")
                return found
