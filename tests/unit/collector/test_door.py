"""What is let in, what is refused at once, and what is written together."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.streaming.broker import Message
from inference.collector.admission import LEAST_EVENTS, MOST_BYTES, MOST_EVENTS, Admission
from inference.collector.door import WRITERS, Door
from inference.collector.errors import BusyError
from inference.collector.intake import Intake, Outcome
from inference.collector.metrics import Metrics
from inference.collector.silence import WatchedProducer
from tests.unit.collector.world import World, event


class Slow(Intake):
    """Takes everything once it may."""

    def __init__(self, fails: bool = False) -> None:
        self.groups: list[list[int]] = []
        self.may = threading.Event()
        self.fails = fails

    def take(self, calls: Sequence[Sequence[Any]]) -> tuple[list[Outcome], float]:
        self.groups.append([len(each) for each in calls])
        assert self.may.wait(5)
        if self.fails:
            raise PartUnavailableError("broker", "gone")
        return [Outcome(accepted=len(each)) for each in calls], 0.0


async def _until(done: Any) -> None:
    async with asyncio.timeout(5):
        while not done():
            await asyncio.sleep(0.005)


async def _occupy(door: Door, slow: Slow) -> list[asyncio.Task[Outcome]]:
    """Give each writer a group of one event."""
    busy = []
    for number in range(1, WRITERS + 1):
        busy.append(asyncio.create_task(door.take([0], 1)))
        await _until(lambda number=number: len(slow.groups) == number)
    return busy


def test_what_waits_together_is_written_together() -> None:
    slow, admission = Slow(), Admission()
    door = Door(slow, admission, Metrics(), lambda: None)

    async def run() -> list[Outcome]:
        busy = await _occupy(door, slow)
        many = [asyncio.create_task(door.take([0] * events, 1)) for events in (1, 2, 40)]
        await asyncio.sleep(0.05)
        slow.may.set()
        return await asyncio.gather(*busy, *many)

    try:
        found = asyncio.run(run())
    finally:
        door.close()
    assert [each.accepted for each in found] == [1] * WRITERS + [1, 2, 40]
    assert slow.groups == [[1]] * WRITERS + [[1, 2, 40]]
    assert admission.events == 0


def test_a_failed_write_fails_every_call_of_its_group() -> None:
    slow, admission = Slow(fails=True), Admission()
    slow.may.set()
    door = Door(slow, admission, Metrics(), lambda: None)
    try:
        with pytest.raises(PartUnavailableError):
            asyncio.run(door.take([0], 1))
    finally:
        door.close()
    assert admission.events == 0


def test_nobody_waits_for_a_silent_broker_and_what_nobody_waits_for_is_not_written() -> None:
    slow, admission = Slow(), Admission()
    silent = False

    def listen() -> None:
        if silent:
            raise PartUnavailableError("broker", "silent")

    door = Door(slow, admission, Metrics(), listen)

    async def run() -> None:
        nonlocal silent
        waiting = [*await _occupy(door, slow), *(asyncio.create_task(door.take([0], 1)) for _ in range(2))]
        await asyncio.sleep(0.1)
        assert not any(each.done() for each in waiting)
        silent = True
        for each in waiting:
            with pytest.raises(PartUnavailableError, match="silent"):
                await asyncio.wait_for(each, 5)
        with pytest.raises(PartUnavailableError):
            await door.take([0], 1)

    try:
        asyncio.run(run())
        assert admission.events == WRITERS + 2  # what a writer holds may still be written
        slow.may.set()
        asyncio.run(_until(lambda: admission.events == 0))
    finally:
        door.close()
    assert len(slow.groups) == WRITERS


def test_a_call_that_takes_too_long_is_told() -> None:
    slow, admission = Slow(), Admission()
    times = iter([10.0, 12.1, 20.0, 20.0])
    door = Door(slow, admission, Metrics(), lambda: None, monotonic=lambda: next(times))
    try:
        with pytest.raises(BusyError, match="too long"):
            asyncio.run(door.take([0], 1))
        slow.may.set()
        asyncio.run(_until(lambda: admission.events == 0))
    finally:
        door.close()


def test_a_broker_is_silent_from_what_it_was_sent_until_it_acknowledges() -> None:
    now = 10.0

    class Inner:
        def send(self, messages: Sequence[Message]) -> None:
            nonlocal now
            now += 1.0
            watched.listen()
            now += 0.1
            with pytest.raises(PartUnavailableError, match="nothing for 1 seconds"):
                watched.listen()
            if not messages:
                raise PartUnavailableError("broker", "gone")

        def close(self) -> None:
            pass

    watched = WatchedProducer(Inner(), 1.0, lambda: now)
    watched.listen()
    watched.send([Message("topic", "key", b"")])
    now += 5.0
    watched.listen()  # nothing waits
    with pytest.raises(PartUnavailableError, match="gone"):
        watched.send([])
    watched.listen()


def test_what_is_in_hand_is_bounded() -> None:
    admission = Admission()
    admission.enter(MOST_EVENTS, 10)  # nothing was in hand
    assert admission.full()
    with pytest.raises(BusyError):
        admission.enter(1, 1)
    admission.leave(MOST_EVENTS, 10)
    admission.enter(1, MOST_BYTES)
    assert admission.full()
    admission.leave(1, MOST_BYTES)
    assert not admission.full()
    assert admission.events == 0


def _room(admission: Admission) -> int:
    """Single events that are let in one after the other."""
    entered = 0
    try:
        while not admission.full():
            entered = admission.enter(1, 1)
    finally:
        admission.leave(entered, entered)
    return entered


def test_the_bound_follows_how_long_answers_take() -> None:
    admission = Admission()
    assert LEAST_EVENTS < _room(admission) < 200
    for _ in range(300):
        admission.answered(20, 0.004)
    assert _room(admission) == pytest.approx(280, abs=5)  # 2 ms and 0.1 ms an event, within 30 ms
    for _ in range(1_000):
        admission.answered(1, 0.003)
    assert _room(admission) == pytest.approx(28, abs=2)  # nothing else is known by now
    for _ in range(20):
        admission.answered(28, 0.0076)
    assert _room(admission) == pytest.approx(140, abs=5)
    admission.enter(100, 1)
    with pytest.raises(BusyError, match="more events come"):
        admission.enter(100, 1)
    admission.leave(100, 1)
    for _ in range(300):
        admission.answered(10, 60.0)
    assert _room(admission) == LEAST_EVENTS
    assert admission.enter(500, 1) == 500  # nothing is in hand
    admission.leave(500, 1)
    for _ in range(2_000):
        admission.answered(10, 0.0)
    assert _room(admission) == MOST_EVENTS


def test_too_much_is_refused_before_its_body_is_read(tmp_path: Path) -> None:
    world = World(tmp_path / "home", settings={"silent_seconds": 0.05})
    stalled = threading.Event()

    class Still:
        def send(self, messages: Any) -> None:
            stalled.wait(5)

        def close(self) -> None:
            pass

    world.producer.inner = Still()
    first = world.post([event(event_id=str(number)) for number in range(500)])
    assert (first.status_code, first.json()["error"]["code"]) == (503, "unavailable")
    refused = world.post(b"not even JSON", key=None)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["error"]["code"] == "busy"
    assert world.metric("gems_collector_refused_total", why="busy") == 1
    assert world.metric("gems_collector_request_seconds_count", status="503") == 2
    stalled.set()


def test_a_refusal_can_be_read_by_a_browser_of_a_known_origin(tmp_path: Path) -> None:
    world = World(tmp_path / "home", settings={"cors_origins": "https://gems.example", "silent_seconds": 0.05})
    stalled = threading.Event()
    world.producer.send = lambda messages: stalled.wait(5) and None  # type: ignore[method-assign]
    world.post([event(event_id=str(number)) for number in range(500)])
    refused = world.post(event(), "browser-key", headers={"Origin": "https://gems.example"})
    assert refused.status_code == 503
    assert refused.headers["access-control-allow-origin"] == "https://gems.example"
    stalled.set()
