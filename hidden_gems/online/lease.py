"""Who may learn: one process at a time, and a process that was thought dead writes nothing more (ADR-0064)."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from hidden_gems.core.errors import FencedError, PartUnavailableError
from hidden_gems.core.fence import Fence
from hidden_gems.core.kv import KeyValue
from hidden_gems.core.names import LEARNER_BEAT, LEARNER_GENERATION

LEASE_SECONDS = 3.0
"""A learner that has shown no life for so long is taken for dead."""
BEATS = 6
"""Signs of life in that time."""
_log = logging.getLogger("gems")


@dataclass
class Lease:
    """The right to write what the learner writes, as one process sees it.

    The store holds a generation and a beat. The active learner moves the beat; who stands by looks at it, and takes the
    next generation when the beat has stood still for `seconds` of its own clock: no two clocks are compared. Everything
    the active learner writes is behind a fence of its generation, so that being wrong about a death costs work, and
    nothing else.

    Args:
        keys: The store, without a fence.
        seconds: How long the beat may stand still.
        monotonic: Seconds of this process.
    """

    keys: KeyValue
    seconds: float = LEASE_SECONDS
    monotonic: Callable[[], float] = time.monotonic
    _seen: tuple[bytes | None, bytes | None] = (None, b"")
    _since: float = field(init=False, default=0.0)

    def free(self) -> bool:
        """Whether nobody shows life; to be asked again and again.

        Raises:
            PartUnavailableError: If the store does not answer.
        """
        number, beat = self.keys.get([LEARNER_GENERATION, LEARNER_BEAT])
        if (number, beat) != self._seen:
            self._seen, self._since = (number, beat), self.monotonic()
        return beat is None or self.monotonic() - self._since >= self.seconds

    def take(self, above: int = 0) -> Fence | None:
        """Take the next generation; None where somebody else was faster since `free`.

        Args:
            above: Generation that is known from elsewhere, for a store that has lost its own.

        Raises:
            PartUnavailableError: If the store does not answer.
        """
        held, beat = self._seen
        token = str(max(int(held or 0), above) + 1).encode()
        beats = str(int(beat or 0) + 1).encode()
        taken = self.keys.put_if(LEARNER_GENERATION, held, {LEARNER_GENERATION: token, LEARNER_BEAT: beats})
        return Fence(LEARNER_GENERATION, token) if taken else None

    @contextmanager
    def held(self, fence: Fence) -> Iterator[None]:
        """Show life while the block runs, and none after it: whoever stands by need not wait."""
        keys, done = self.keys.behind(fence), threading.Event()
        thread = threading.Thread(target=_beat, args=(keys, done, self.seconds / BEATS), name="beat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            with suppress(FencedError, PartUnavailableError):
                keys.delete([LEARNER_BEAT])

    def check(self, fence: Fence) -> None:
        """See that the generation is still ours.

        Raises:
            FencedError: If it is not.
            PartUnavailableError: If the store does not answer.
        """
        [held] = self.keys.get([fence.key])
        fence.check(held)


def _beat(keys: KeyValue, done: threading.Event, seconds: float) -> None:
    while not done.wait(seconds):
        try:
            keys.count(LEARNER_BEAT)
        except PartUnavailableError as error:
            _log.debug("no sign of life: %s", error)  # the learner itself says so
        except FencedError:
            return
