"""A collector over the memory twins, with hands on everything that may go wrong."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from hidden_gems.core.clock import SimulatedClock
from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.core.kv import KeyValue, MemoryKeyValue
from hidden_gems.events.records import Interaction, ItemChange
from hidden_gems.events.tokens import Claim, Tokens
from hidden_gems.events.topics import INTERACTIONS, ITEMS
from hidden_gems.streaming.broker import MemoryBroker, Message, Producer
from inference.collector.service import make_app
from inference.collector.settings import CollectorSettings

NOW = 1_777_900_000.0
KEYS = "ingest:browser-key,backend:server-key,admin:editor-key"
PSEUDONYMS = Pseudonyms(b"test")  # as the tests' conftest sets it


@dataclass
class ShakyProducer:
    """Sends through another one while the broker is there; may write the first few before it goes away."""

    inner: Producer
    away: bool = False
    written_before: int = 0
    sends: int = 0

    def send(self, messages: Sequence[Message]) -> None:
        self.sends += 1
        if self.away:
            self.inner.send(messages[: self.written_before])
            raise PartUnavailableError("broker", "no acknowledgement")
        self.inner.send(messages)

    def close(self) -> None:
        self.inner.close()


@dataclass
class World:
    """Everything around one collector."""

    home: Path
    keys: KeyValue = field(default_factory=MemoryKeyValue)
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(NOW))
    monotonic: SimulatedClock = field(default_factory=lambda: SimulatedClock(15.0))
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.producer = ShakyProducer(self.broker.producer())
        self.tokens = Tokens([b"token"])
        self.home.mkdir(exist_ok=True)
        (self.home / "token.key").write_bytes(b"token")
        app = make_app(
            self.producer,
            self.keys,
            CollectorSettings(**{"home": self.home, "api_keys": KEYS, "silent_seconds": 5.0, **self.settings}),
            broker_answers=lambda: not self.producer.away,
            clock=self.clock,
            monotonic=self.monotonic.now,
        )
        self.app = app
        self.client = TestClient(app)

    def call(self, method: str, path: str, content: Any = None, key: str | None = "server-key", **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        body = content if content is None or isinstance(content, bytes) else json.dumps(content).encode()
        return self.client.request(method, path, content=body, headers=headers | more.pop("headers", {}), **more)

    def post(self, content: Any, key: str | None = "server-key", **more: Any) -> Any:
        return self.call("POST", "/v1/events", content, key, **more)

    def taken(self, content: Any) -> dict[str, Any]:
        answer = self.post(content)
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def reason(self, **changes: Any) -> tuple[str, str | None]:
        """Reason and field with which one event is rejected."""
        [rejected] = self.taken(event(**changes))["rejected"]
        return rejected["reason"], rejected.get("field")

    @property
    def log(self) -> list[Interaction]:
        return [Interaction.from_json(message.value) for message in self.broker.logs[INTERACTIONS]]

    @property
    def changes(self) -> list[ItemChange]:
        return [ItemChange.from_json(message.value) for message in self.broker.logs[ITEMS]]

    def token(self, user: str = "u1", item: str = "g1", issued: float = NOW, slate: str = "s1") -> str:
        return self.tokens.sign(Claim(PSEUDONYMS.of(user), slate, item, 3, 0.25, issued))

    def metric(self, name: str, **labels: str) -> float:
        said = ",".join(f'{key}="{value}"' for key, value in labels.items())
        wanted = f"{name}{{{said}}}" if said else name
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.rsplit(" ", 1)[0] == wanted)


def event(**changes: Any) -> dict[str, Any]:
    """A click; a change to None leaves a field out."""
    content = {"event_id": "e1", "user_id": "u1", "item_id": "g1", "event_type": "click", "timestamp": NOW} | changes
    return {name: value for name, value in content.items() if value is not None}
