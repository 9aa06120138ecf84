import base64
import hashlib
import json
from dataclasses import dataclass, field

import pytest

from hidden_gems.events.topics import DEAD_LETTERS
from hidden_gems.streaming.batches import BATCH_MESSAGES, BATCH_SECONDS, next_batch
from hidden_gems.streaming.broker import MemoryBroker, Message, Received
from hidden_gems.streaming.dead_letters import dead_letter
from hidden_gems.streaming.kafka import MAX_MESSAGE_BYTES


@dataclass
class Trickle:
    """A consumer that takes 0.2 s for each message, and a clock that shows it."""

    now: float = 100.0
    asked: list[tuple[float, int]] = field(default_factory=list)

    def poll(self, timeout_seconds: float, at_most: int) -> list[Received]:
        self.asked.append((round(timeout_seconds, 3), at_most))
        self.now += 0.2
        return [Received("t", 0, len(self.asked), "k", b"v")]

    def commit(self) -> None:
        raise AssertionError("a batch that was only read is not committed")

    def assigned(self) -> bool:
        return True

    def lag(self) -> int:
        return 0

    def close(self) -> None: ...


def test_a_batch_ends_when_its_time_is_over() -> None:
    consumer = Trickle()
    assert [each.offset for each in next_batch(consumer, 10, 0.5, lambda: consumer.now)] == [1, 2, 3]
    assert consumer.asked == [(0.5, 10), (0.3, 9), (0.1, 8)]


def test_a_batch_ends_when_it_is_full() -> None:
    consumer = Trickle()
    assert len(next_batch(consumer, 2, 0.5, lambda: consumer.now)) == 2
    assert consumer.now == 100.4


def test_no_time_is_no_batch() -> None:
    assert next_batch(Trickle(), 2, 0.0, lambda: 0.0) == []


def test_by_default_a_batch_has_200_messages_or_half_a_second() -> None:
    broker = MemoryBroker()
    broker.producer().send([Message("items.v1", "g", b"x")] * 450)
    consumer = broker.consumer("learner", ["items.v1"])
    assert [len(next_batch(consumer)) for _ in range(4)] == [200, 200, 50, 0]
    assert (BATCH_MESSAGES, BATCH_SECONDS) == (200, 0.5)
    trickle = Trickle()
    assert len(next_batch(trickle, monotonic=lambda: trickle.now)) == 3


@pytest.fixture
def words() -> dict[str, object]:
    received = Received("interactions.v1", 2, 17, "ğ", b"\xff\x00{")
    letter = dead_letter(received, "not JSON", 1_777_852_800.5)
    assert (letter.topic, letter.key) == (DEAD_LETTERS, "ğ")
    return json.loads(letter.value)


def test_a_dead_letter_says_why_where_and_what(words: dict[str, object]) -> None:
    assert words == {
        "schema_version": 1,
        "reason": "not JSON",
        "topic": "interactions.v1",
        "partition": 2,
        "offset": 17,
        "key": "ğ",
        "value": base64.b64encode(b"\xff\x00{").decode(),
        "bytes": 3,
        "sha256": hashlib.sha256(b"\xff\x00{").hexdigest(),
        "timestamp": 1_777_852_800.5,
    }


def test_a_letter_about_the_largest_message_can_be_sent() -> None:
    value = b"\xff" * 900_000
    letter = dead_letter(Received("interactions.v1", 0, 1, "k" * 90_000, value), "r" * 900_000, 1.0)
    assert len(letter.key.encode()) + len(letter.value) < MAX_MESSAGE_BYTES
    content = json.loads(letter.value)
    assert (content["bytes"], content["sha256"]) == (900_000, hashlib.sha256(value).hexdigest())
    assert value.startswith(base64.b64decode(content["value"]))
