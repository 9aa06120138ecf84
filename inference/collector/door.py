"""Where events wait for the broker: threads of their own, so that nothing else waits with them."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any

from hidden_gems.core.errors import PartUnavailableError
from inference.collector.admission import Admission
from inference.collector.errors import BusyError
from inference.collector.intake import Intake, Outcome
from inference.collector.metrics import Metrics

WRITERS = 3
GROUP_EVENTS = 500
"""Events of a group, unless one list alone has more."""
PATIENCE_SECONDS = 2.0
"""Longest time that a call waits where the broker goes on, and this process is slow."""
_LOOK_SECONDS = 0.02


@dataclass
class _Waiting:
    """The events of one call."""

    contents: Sequence[Any]
    size: int
    came: float
    in_hand: int  # events, with these
    answer: "Future[Outcome]" = field(default_factory=Future)


class Door:
    """Hand events to the intake, those of calls that wait at the same time as one group.

    Args:
        intake: Writes them.
        admission: Bounds what is in hand.
        metrics: Count what is refused.
        listen: Raises where the broker is silent. Events whose call was refused for that may be written all the same,
            later; sent again they are told as repeats.
        monotonic: Seconds on a clock that never jumps.
    """

    def __init__(
        self,
        intake: Intake,
        admission: Admission,
        metrics: Metrics,
        listen: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._intake, self._admission = intake, admission
        self._listen, self._monotonic = listen, monotonic
        self._refused = metrics.refused
        self._queue: deque[_Waiting] = deque()
        self._change = Condition()
        self._open = True
        for number in range(WRITERS):
            Thread(target=self._write, name=f"events-{number}", daemon=True).start()

    async def take(self, contents: Sequence[Any], size: int) -> Outcome:
        """What became of the events of a call, after the broker has acknowledged what could be read.

        Args:
            contents: Any JSON values.
            size: Bytes of the body they came in.

        Raises:
            PartUnavailableError: If the broker does not acknowledge, or says nothing any more.
            BusyError: If too much is in hand, or it takes too long.
        """
        try:
            self._listen()
            in_hand = self._admission.enter(len(contents), size)
            return await self._answer(_Waiting(contents, size, self._monotonic(), in_hand))
        except (BusyError, PartUnavailableError) as error:
            self._refused.labels("busy" if isinstance(error, BusyError) else "broker").inc()
            raise

    async def _answer(self, waiting: _Waiting) -> Outcome:
        with self._change:
            self._queue.append(waiting)
            self._change.notify()
        answer = asyncio.wrap_future(waiting.answer)
        try:
            while not (await asyncio.wait([answer], timeout=_LOOK_SECONDS))[0]:
                self._listen()
                if self._monotonic() - waiting.came > PATIENCE_SECONDS:
                    raise BusyError("it takes too long; send the same again")
            return answer.result()
        finally:
            answer.cancel()

    def close(self) -> None:
        """Take nothing more; what is under way is finished."""
        with self._change:
            self._open = False
            self._change.notify_all()

    def _write(self) -> None:
        while group := self._next_group():
            try:
                outcomes, sending = self._intake.take([each.contents for each in group])
            except Exception as error:
                self._leave(group)
                for each in group:
                    each.answer.set_exception(error)
            else:
                self._admission.answered(group[0].in_hand, self._monotonic() - group[0].came - sending)
                self._leave(group)
                for each, outcome in zip(group, outcomes, strict=True):
                    each.answer.set_result(outcome)

    def _leave(self, group: list[_Waiting]) -> None:
        """Before they are answered: who is answered may send again at once, and finds the room."""
        for each in group:
            self._admission.leave(len(each.contents), each.size)

    def _next_group(self) -> list[_Waiting]:
        """Calls that wait and whose callers wait too; empty once the door is closed."""
        group: list[_Waiting] = []
        events = 0
        with self._change:
            while not group and self._open:
                self._change.wait_for(lambda: self._queue or not self._open)
                while self._queue and (not group or events + len(self._queue[0].contents) <= GROUP_EVENTS):
                    waiting = self._queue.popleft()
                    if waiting.answer.set_running_or_notify_cancel():
                        group.append(waiting)
                        events += len(waiting.contents)
                    else:
                        self._admission.leave(len(waiting.contents), waiting.size)
        return group
