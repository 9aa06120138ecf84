"""The collector as a process of its own, before a real broker and a real Redis that come and go."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from hidden_gems.cli.processes import child, free_port, kafka_broker, redis_server
from hidden_gems.core import names
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.events.records import Interaction, ItemChange
from hidden_gems.events.topics import INTERACTIONS, ITEMS
from hidden_gems.streaming.broker import Received
from hidden_gems.streaming.kafka import KafkaConsumer
from hidden_gems.streaming.reach import answers
from tests.integration.servers import PYTHON

PERSON = Pseudonyms(b"test").of("u1")


@dataclass
class Running:
    """A collector that runs, and the servers behind it."""

    client: httpx.Client
    process: subprocess.Popen[str]
    kafka_port: int
    redis_port: int
    folder: Path
    broker: ExitStack
    redis: ExitStack

    def post(self, content: Any, key: str = "server-key") -> httpx.Response:
        return self.client.post("/v1/events", json=content, headers={"Authorization": f"Bearer {key}"})

    def start_broker(self) -> None:
        self.broker.enter_context(kafka_broker(self.folder / "kafka", self.kafka_port))

    def messages(self, topic: str, at_least: int) -> list[Received]:
        """Everything in a topic, once there is so much of it."""
        consumer = KafkaConsumer(f"127.0.0.1:{self.kafka_port}", f"test-{time.monotonic()}", [topic])
        found: list[Received] = []
        end = time.monotonic() + 15
        try:
            while len(found) < at_least and time.monotonic() < end:
                found += consumer.poll(0.5, 1_000)
        finally:
            consumer.close()
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("collector")
    kafka_port, redis_port, port = free_port(), free_port(), free_port()
    with ExitStack() as stack:
        broker, redis = stack.enter_context(ExitStack()), stack.enter_context(ExitStack())
        redis.enter_context(redis_server(folder / "redis", redis_port))
        broker.enter_context(kafka_broker(folder / "kafka", kafka_port))
        process = stack.enter_context(_collector(folder, port, kafka_port, redis_port))
        client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10))
        _wait(lambda: client.get("/readyz").status_code == 200, 15)
        yield Running(client, process, kafka_port, redis_port, folder, broker, redis)


@contextmanager
def _collector(folder: Path, port: int, kafka_port: int, redis_port: int) -> Iterator[subprocess.Popen[str]]:
    environment = {
        "GEMS_HOME": str(folder / "home"),
        "GEMS_PSEUDONYM_KEY": "test",
        "GEMS_PORT": str(port),
        "GEMS_KAFKA": f"127.0.0.1:{kafka_port}",
        "GEMS_REDIS": f"127.0.0.1:{redis_port}",
        "GEMS_API_KEYS": "ingest:browser-key,backend:server-key,admin:editor-key",
    }
    command = [PYTHON, "-m", "inference.collector"]
    with (folder / "collector.log").open("w") as log, child(command, log, environment) as process:
        yield process


def _wait(done: Any, seconds: float) -> float:
    """Seconds until something is true."""
    began = time.monotonic()
    while True:
        try:
            if done():
                return time.monotonic() - began
        except httpx.TransportError:
            pass
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.05)


def _event(event_id: str, **more: Any) -> dict[str, Any]:
    content = {"event_id": event_id, "user_id": "u1", "item_id": "g1", "event_type": "click", "timestamp": time.time()}
    return content | more


def test_events_reach_the_topic_and_the_store(running: Running) -> None:
    said = [_event("a"), _event("b", event_type="dismiss", item_id="g2"), _event("c", event_type="stare")]
    answer = running.post(said)
    assert answer.status_code == 202
    assert (answer.json()["accepted"], len(answer.json()["rejected"])) == (2, 1)
    assert running.post(said).json()["duplicates"] == 2
    assert running.post(said[0] | {"item_id": "g9"}).json()["rejected"][0]["reason"] == "event_conflict"
    found = running.messages(INTERACTIONS, 2)
    assert {each.key for each in found} == {PERSON}
    assert sorted(Interaction.from_json(each.value).event_id for each in found) == ["a", "b"]
    keys = RedisKeyValue(f"127.0.0.1:{running.redis_port}", 5.0)
    assert keys.fetch(lists=[names.dismissed(PERSON)]).lists == [[b"g2"]]
    own = running.client.get("/v1/users/u1/events", headers={"Authorization": "Bearer server-key"}).json()["events"]
    assert {each["event_id"] for each in own} == {"a", "b"}


def test_a_gem_reaches_its_topic(running: Running) -> None:
    headers = {"Authorization": "Bearer editor-key"}
    assert running.client.put("/v1/items/g900", json={"name": "New"}, headers=headers).status_code == 202
    assert running.client.delete("/v1/items/g900", headers=headers).status_code == 202
    changes = [ItemChange.from_json(each.value) for each in running.messages(ITEMS, 2)]
    assert [(each.item_id, each.columns) for each in changes] == [("g900", {"name": "New"}), ("g900", None)]


def test_a_chunked_body_is_refused_before_it_has_all_come(running: Running) -> None:
    host, port = running.client.base_url.host, running.client.base_url.port or 0
    with socket.create_connection((host, port), timeout=10) as connection:
        head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer server-key\r\n"
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        try:
            while sent < 50_000_000:
                connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                sent += 0x10000
        except OSError:
            pass  # closed on us, as it should be
        assert sent < 50_000_000
    assert running.client.get("/healthz").status_code == 200


def test_it_listens_on_loopback_only(running: Running) -> None:
    port = running.client.base_url.port or 0
    listening = f":{port:04X}"
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    addresses = {line[1] for line in lines if line[1].endswith(listening) and line[3] == "0A"}
    assert addresses == {f"0100007F{listening}"}


def test_a_broker_that_stands_still_stops_nothing_else(running: Running) -> None:
    broker = _listener(running.kafka_port)
    os.kill(broker, signal.SIGSTOP)
    try:
        for number in range(20):  # 250 ms where the machine has nothing else to do
            began = time.monotonic()
            refused = running.post(_event(f"still-{number}"))
            assert time.monotonic() - began < 5
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        began = time.monotonic()
        assert running.client.get("/healthz").status_code == 200
        assert time.monotonic() - began < 5
        assert running.client.get("/readyz").status_code == 503
    finally:
        os.kill(broker, signal.SIGCONT)
    assert _wait(lambda: running.post(_event("still")).status_code == 202, 20) < 20


def test_without_the_broker_events_are_refused_and_taken_again_soon_after_its_return(running: Running) -> None:
    running.broker.close()
    refused = running.post(event := _event("back"))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["error"]["code"] == "unavailable"
    assert running.client.get("/readyz").status_code == 503
    assert running.client.get("/healthz").status_code == 200
    time.sleep(1)
    running.start_broker()
    _wait(lambda: running.post(event).status_code == 202, 20)
    found = [Interaction.from_json(each.value).event_id for each in running.messages(INTERACTIONS, 1)]
    assert set(found) == {"back"}
    assert running.post(event).json()["duplicates"] == 1


def test_without_redis_events_are_taken(running: Running) -> None:
    running.redis.close()
    taken = running.post(_event("no-redis"))
    assert (taken.status_code, taken.json()["accepted"]) == (202, 1)
    away = running.client.get("/v1/users/u1/events", headers={"Authorization": "Bearer server-key"})
    assert (away.status_code, away.headers["retry-after"]) == (503, "1")
    found = [Interaction.from_json(each.value).event_id for each in running.messages(INTERACTIONS, 2)]
    assert "no-redis" in found
    running.redis.enter_context(redis_server(running.folder / "redis", running.redis_port))
    event = _event("redis-back")
    assert running.post(event).json()["accepted"] == 1
    assert running.post(event).json()["duplicates"] == 1
    assert running.client.get("/v1/users/u1/events", headers={"Authorization": "Bearer server-key"}).status_code == 200


def test_a_broker_that_only_accepts_connections_does_not_answer() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        port = deaf.getsockname()[1]
        assert not answers(f"127.0.0.1:{port}", 0.2)
    assert not answers(f"127.0.0.1:{port}", 0.2)


def test_it_starts_without_a_broker_and_ends_at_once(tmp_path: Path) -> None:
    port = free_port()
    with _collector(tmp_path, port, free_port(), free_port()) as process:
        url = f"http://127.0.0.1:{port}"
        assert _wait(lambda: httpx.get(f"{url}/healthz").status_code == 200, 30) < 30
        assert httpx.get(f"{url}/readyz").status_code == 503
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)
    assert "Traceback" not in (tmp_path / "collector.log").read_text()


def _listener(port: int) -> int:
    """Process that listens on a port."""
    [inode] = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()
        if line.split()[1] == f"0100007F:{port:04X}" and line.split()[3] == "0A"
    }
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == f"socket:[{inode}]":
                return int(link.parts[2])
        except OSError:
            continue
    raise AssertionError(f"nobody listens on {port}")
