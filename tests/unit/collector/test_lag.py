"""How late the loop is, and that a late loop lets nobody more in."""

import asyncio
import time

from inference.collector.admission import Admission
from inference.collector.entrance import EVENTS, MOST_LAG_SECONDS, Entrance
from inference.collector.lag import TICK_SECONDS, Lag
from inference.collector.metrics import Metrics


def test_a_loop_that_is_held_up_is_late_and_recovers() -> None:
    async def run() -> tuple[float, float, float]:
        lag = Lag()
        lag.request()
        await asyncio.sleep(4 * TICK_SECONDS)
        free = lag.seconds
        time.sleep(0.1)
        await asyncio.sleep(TICK_SECONDS / 10)
        held = lag.seconds
        for _ in range(40):
            await asyncio.sleep(TICK_SECONDS)
        return free, held, lag.seconds

    free, held, later = asyncio.run(run())
    assert held > 0.05
    assert free < held
    assert later < held / 2


def test_a_late_loop_lets_nobody_more_in_while_something_is_in_hand() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        reached.append(1)
        await send({"type": "http.response.start", "status": 202, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    async def call(entrance: Entrance) -> int:
        said: list[dict[str, object]] = []

        async def send(message: dict[str, object]) -> None:
            said.append(message)

        await entrance({"type": "http", "path": EVENTS, "method": "POST"}, None, send)
        return int(said[0]["status"])  # type: ignore[call-overload]

    async def run() -> list[int]:
        admission = Admission()
        entrance = Entrance(app, admission, Metrics())
        found = [await call(entrance)]
        entrance._lag.seconds = 2 * MOST_LAG_SECONDS
        found.append(await call(entrance))
        admission.enter(4, 10)
        found.append(await call(entrance))
        entrance._lag.seconds = 0.0
        found.append(await call(entrance))
        return found

    reached: list[int] = []
    assert asyncio.run(run()) == [202, 202, 503, 202]
    assert len(reached) == 3
