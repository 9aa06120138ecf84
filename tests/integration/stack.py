"""A transformer with everything it asks, as processes of a test's own, each of which can be stopped and started."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import redis

from hidden_gems.cli.processes import free_port, kafka_broker, redis_server
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.events.records import Slate
from hidden_gems.events.topics import IMPRESSIONS
from hidden_gems.export.release import point
from hidden_gems.streaming.kafka import KafkaConsumer, create_topics
from tests.integration.chain import Chain
from tests.integration.servers import Server, running

PARTS = ("redis", "broker", "deep", "ranker", "transformer")
MODEL = "/v1/models/hidden-gems"


@dataclass
class Stack:
    """Parts by name; those not running are not in `_running`."""

    chain: Chain
    folder: Path
    clock: str = ""
    ports: dict[str, tuple[int, int]] = field(
        default_factory=lambda: {name: (free_port(), free_port()) for name in PARTS}
    )
    more: dict[str, str] = field(default_factory=dict)  # variables of every process, on top of ours
    _running: dict[str, ExitStack] = field(default_factory=dict)
    _servers: dict[str, Server] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def releases(self) -> Path:
        return self.folder / "releases"

    @property
    def redis(self) -> str:
        return f"127.0.0.1:{self.ports['redis'][0]}"

    @property
    def broker(self) -> str:
        return f"127.0.0.1:{self.ports['broker'][0]}"

    @property
    def keys(self) -> RedisKeyValue:
        return RedisKeyValue(self.redis)

    @property
    def transformer(self) -> Server:
        return self._servers["transformer"]

    def start(self, *names: str) -> None:
        for name in names:
            stack = ExitStack()
            if name == "redis":
                stack.enter_context(redis_server(self.folder / "redis", self.ports[name][0]))
            elif name == "broker":
                stack.enter_context(kafka_broker(self.folder / "broker", self.ports[name][0]))
                create_topics(self.broker)
            else:
                started = running(f"inference.{name}", self.releases, self.folder, self.environment(), self.ports[name])
                self._servers[name] = stack.enter_context(started)
            self._running[name] = stack

    def stop(self, *names: str) -> None:
        for name in names:
            self._running.pop(name).close()

    def environment(self) -> dict[str, str]:
        return {
            "GEMS_HOME": str(self.home),
            "GEMS_REDIS": self.redis,
            "GEMS_KAFKA": self.broker,
            "GEMS_DEEP": f"127.0.0.1:{self.ports['deep'][1]}",
            "GEMS_RANKER": f"127.0.0.1:{self.ports['ranker'][1]}",
            "GEMS_SPOOL": str(self.folder / "spool"),
            "GEMS_CLOCK": self.clock,
            "GEMS_PSEUDONYM_KEY": "test",
            "GEMS_TOKEN_KEYS": "token-key",
            "GEMS_PART_SECONDS": "1",  # what is measured here is right and wrong, on a machine that others use, too
            "GEMS_STORE_SECONDS": "1",
            "GEMS_ANSWER_SECONDS": "3",
            "GEMS_EXPLAIN_SECONDS": "10",
            **self.more,
        }

    def post(self, body: Any, verb: str = "predict", **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"content-type": "application/json", **headers}
        return httpx.post(f"{self.transformer.url}{MODEL}:{verb}", content=content, headers=told, timeout=30)

    def ask(self, user_id: str, **asked: Any) -> dict[str, Any]:
        answer = self.post({"instances": [{"user_id": user_id, **asked}]})
        assert answer.status_code == 200, answer.text
        [found] = answer.json()["predictions"]
        return dict(found)

    def logged(self, slate_id: str, seconds: float = 20.0) -> tuple[str, Slate]:
        """Key and message of a slate in the log."""
        consumer = KafkaConsumer(self.broker, f"test-{time.monotonic_ns()}", [IMPRESSIONS])
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                for each in consumer.poll(0.5, 500):
                    slate = Slate.from_json(each.value)
                    if slate.slate_id == slate_id:
                        return each.key, slate
        finally:
            consumer.close()
        raise AssertionError(f"slate {slate_id} did not arrive in the log")

    def close(self) -> None:
        for name in reversed(list(self._running)):
            self.stop(name)


@contextmanager
def stacked(chain: Chain, folder: Path, **more: Any) -> Iterator[Stack]:
    """All parts, on a store that holds what the chain's holds."""
    folder.mkdir(parents=True, exist_ok=True)
    stack = Stack(chain, folder, **more)
    shutil.copytree(chain.folder, stack.releases)  # of one's own, for tests that move the pointer
    point(stack.releases, "stable", chain.releases[0].name)
    try:
        stack.start("redis")
        copy_keys(chain.redis, stack.redis)
        stack.start(*PARTS[1:])
        until = time.monotonic() + 20
        while stack.ask("warm-up")["degraded"] and time.monotonic() < until:
            time.sleep(0.1)
        yield stack
    finally:
        stack.close()


def copy_keys(source: str, target: str) -> None:
    ours, theirs = (redis.Redis(*_host_port(address)) for address in (source, target))
    pipe = theirs.pipeline(transaction=False)
    for key in ours.scan_iter(count=1_000):
        pipe.restore(key, 0, ours.dump(key), replace=True)
    pipe.execute()
    ours.close()
    theirs.close()


def _host_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def until(condition: Any, seconds: float = 10.0) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
