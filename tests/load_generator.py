"""The generator of `tests.collector_load`, a process of its own: sends signed events over HTTP and keeps count.

Bodies are made before the clock starts. Without a rate every connection sends its next request when the last one is
answered (closed loop); with one, requests leave on schedule whatever became of those before (open loop), and the time
of an answer counts from the moment the schedule names. What is refused goes to the end of the queue and is sent again.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httptools
import numpy as np
import uvloop

from hidden_gems.core.ids import Pseudonyms
from hidden_gems.events.tokens import Claim, Tokens

PEOPLE, GEMS, KINDS = 5_000, 300, ("click", "save", "dwell", "dismiss", "view")
PSEUDONYM_KEY, TOKEN_KEY, API_KEY = "load", "load-token", "load-key"
REPEATS = 0.01
"""Share of the requests that repeat one that was acknowledged before: all of their events are duplicates."""
REFUSED_SECONDS = 0.05
"""Pause of a connection of a closed loop after a refusal; shorter than Retry-After, which only knows whole seconds."""


@dataclass
class Load:
    """What to send."""

    port: int
    name: str  # of the phase, the beginning of its event ids
    events: int  # a request; 1 is a single event, not a list
    connections: int
    seconds: float
    rate: float  # requests a second; 0 is a closed loop
    bodies: int  # different ones, made beforehand
    seed: int


@dataclass
class Count:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)  # accepted, unsigned, duplicates, rejected
    unanswered: int = 0
    without_retry_after: int = 0
    acknowledged: list[int] = field(default_factory=list)  # numbers of bodies
    seconds: dict[int, list[float]] = field(default_factory=dict)  # of answers, by status
    late_seconds: list[float] = field(default_factory=list)  # how long after its moment a request left


def event_id(name: str, body: int, place: int) -> str:
    """Id of one event."""
    return f"{name}-{body}-{place}"


def bodies(load: Load) -> list[bytes]:
    """Requests as bytes: events of many people, each with the token that a slate would have had."""
    random = np.random.default_rng(load.seed)
    pseudonyms, tokens = Pseudonyms(PSEUDONYM_KEY.encode()), Tokens([TOKEN_KEY.encode()])
    people = [(name := f"u{number}", pseudonyms.of(name)) for number in range(PEOPLE)]
    now = time.time()
    found = []
    for body in range(load.bodies):
        events = []
        who, what, kind, position = (
            random.integers(most, size=load.events).tolist() for most in (PEOPLE, GEMS, len(KINDS), 10)
        )
        for place in range(load.events):
            (person, pseudonym), gem, slate = people[who[place]], f"g{what[place]}", f"s-{load.name}-{body}-{place}"
            event = {
                "event_id": event_id(load.name, body, place), "user_id": person, "item_id": gem,
                "event_type": KINDS[kind[place]], "timestamp": now, "slate_id": slate, "position": position[place],
                "impression_token": tokens.sign(Claim(pseudonym, slate, gem, position[place], 0.25, now)),
                "context": {"weather": "rain", "language": "tr"},
            }  # fmt: skip
            events.append(event | {"value": 30} if KINDS[kind[place]] == "dwell" else event)
        found.append(_request(json.dumps(events[0] if load.events == 1 else events).encode()))
    return found


def _request(body: bytes) -> bytes:
    head = (
        "POST /v1/events HTTP/1.1\r\nhost: collector\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {API_KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One keep-alive connection: a request at a time."""

    def __init__(self) -> None:
        self._parser: Any = None
        self._answer: asyncio.Future[tuple[int, bytes, bool]] | None = None
        self._transport: Any = None

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed by the server"))

    async def ask(self, request: bytes) -> tuple[int, bytes, bool]:
        """Status, body, and whether the answer said when to come again."""
        self._parser = httptools.HttpResponseParser(self)
        self._body, self._retry_after = b"", False
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._retry_after |= name.lower() == b"retry-after"

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), self._body, self._retry_after))


class Generator:
    """Sends the bodies of a load."""

    def __init__(self, load: Load) -> None:
        self._load, self._count, self._bodies = load, Count(), bodies(load)
        self._waiting = deque(range(len(self._bodies)))
        self._random = np.random.default_rng(load.seed + 1)

    async def run(self) -> dict[str, Any]:
        """Send for the length of the load; what was counted."""
        loop = asyncio.get_running_loop()
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for _ in range(self._load.connections):
            free.put_nowait((await loop.create_connection(Connection, "127.0.0.1", self._load.port))[1])
        processor, began = time.process_time(), time.monotonic()
        schedule = self._moments(began)
        under_way: set[asyncio.Task[None]] = set()
        for due in schedule:
            if (ahead := due - time.monotonic()) > 0:
                await asyncio.sleep(ahead)
            connection = await free.get()
            if not self._load.rate:
                due = time.monotonic()
                if due - began > self._load.seconds:
                    break
            self._count.late_seconds.append(time.monotonic() - due)
            task = asyncio.create_task(self._send(connection, due, free))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
        seconds = time.monotonic() - began
        return self._summary(seconds, time.process_time() - processor)

    def _moments(self, began: float) -> Iterator[float]:
        if not self._load.rate:
            while True:
                yield 0.0
        for number in range(int(self._load.rate * self._load.seconds)):
            yield began + number / self._load.rate

    def _next(self) -> int:
        done = self._count.acknowledged
        if done and self._random.random() < REPEATS:
            return done[int(self._random.integers(len(done)))]
        if not self._waiting:
            raise SystemExit("the bodies have run out: give more of them")
        return self._waiting.popleft()

    async def _send(self, connection: Connection, due: float, free: "asyncio.Queue[Connection]") -> None:
        count, body = self._count, self._next()
        try:
            status, text, retry_after = await connection.ask(self._bodies[body])
        except OSError:
            count.unanswered += 1
            self._waiting.append(body)
            _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", self._load.port)
        else:
            count.statuses[status] += 1
            count.seconds.setdefault(status, []).append(time.monotonic() - due)
            count.without_retry_after += status in (429, 503) and not retry_after
            if status == 202:
                count.acknowledged.append(body)
                answer = json.loads(text)
                count.said.update({name: answer[name] for name in ("accepted", "unsigned", "duplicates")})
                count.said["rejected"] += len(answer["rejected"])
            else:
                self._waiting.append(body)
                if not self._load.rate:
                    await asyncio.sleep(REFUSED_SECONDS)
        free.put_nowait(connection)

    def _summary(self, seconds: float, processor_seconds: float) -> dict[str, Any]:
        count = self._count
        first = list(dict.fromkeys(count.acknowledged))
        return {
            "seconds": round(seconds, 2),
            "generator_processor_seconds": round(processor_seconds, 2),
            "requests_sent": sum(count.statuses.values()) + count.unanswered,
            "statuses": dict(sorted(count.statuses.items())),
            "unanswered": count.unanswered,
            "refused_without_retry_after": count.without_retry_after,
            **{name: count.said[name] for name in ("accepted", "unsigned", "duplicates", "rejected")},
            "expected_duplicates": (len(count.acknowledged) - len(first)) * self._load.events,
            "client_ms": {str(status): _percentiles(took) for status, took in sorted(count.seconds.items())},
            "late_ms": _percentiles(count.late_seconds),
            "acknowledged": first,
        }


def _percentiles(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    p50, p99 = np.quantile(seconds, [0.5, 0.99]) * 1_000
    return {"p50": round(float(p50), 1), "p99": round(float(p99), 1), "max": round(1_000 * max(seconds), 1)}


def main() -> None:
    """Send, then print what was counted as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in Load.__annotations__.items():
        parser.add_argument(f"--{name}", type=kind, required=True)
    load = Load(**vars(parser.parse_args()))
    print(json.dumps(uvloop.run(Generator(load).run())))


if __name__ == "__main__":
    sys.exit(main())
