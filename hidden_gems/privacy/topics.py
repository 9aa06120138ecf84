"""Messages that name somebody: they stay until the broker's retention drops them, and are not taken again."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hidden_gems.core.erasable import State, Trace
from hidden_gems.events.records import BadRecordError, DriftEvent, Interaction, Slate
from hidden_gems.events.topics import DEAD_LETTERS, DRIFT, INTERACTIONS
from hidden_gems.events.topics import TOPICS as NAMES
from hidden_gems.privacy.promises import TOPICS, promise
from hidden_gems.streaming.broker import Consumer, Received

_QUIET_POLLS, _POLL_SECONDS, _POLL_MESSAGES = 3, 0.5, 1_000


@dataclass(frozen=True)
class Topics:
    """See `core.erasable.Erasable`.

    Args:
        consumer: Opens one that reads these topics from their beginning and moves nobody's position.
    """

    consumer: Callable[[tuple[str, ...]], Consumer]
    name: str = TOPICS
    what: str = promise(TOPICS).what
    seconds: float = promise(TOPICS).seconds

    def erase(self, people: Mapping[str, float]) -> None:
        """Nothing: a log cannot forget before its retention."""

    def find(self, person: str, erased_at: float | None) -> list[Trace]:
        """Every message that names somebody."""
        return [
            Trace(f"{each.topic}/{each.partition}/{each.offset}", _state(each, erased_at))
            for each in self._read()
            if _names(each, person)
        ]

    def export(self, person: str) -> Any:
        """How many messages of each topic name somebody; what they say is in the history."""
        found: dict[str, int] = {}
        for each in self._read():
            if _names(each, person):
                found[each.topic] = found.get(each.topic, 0) + 1
        return found or None

    def _read(self) -> list[Received]:
        consumer, found, quiet = self.consumer(NAMES), [], 0
        try:
            while quiet < _QUIET_POLLS:
                came = consumer.poll(_POLL_SECONDS, _POLL_MESSAGES)
                quiet = 0 if came or not consumer.assigned() else quiet + 1
                found += came
        finally:
            consumer.close()
        return found


def _names(received: Received, person: str) -> bool:
    if person in received.key or person.encode() in received.value:
        return True
    if received.topic != DEAD_LETTERS:
        return False
    return person.encode() in base64.b64decode(json.loads(received.value)["value"])


def _state(received: Received, erased_at: float | None) -> State:
    if erased_at is None:
        return "left"
    try:
        if received.topic == DRIFT:
            known = DriftEvent.from_json(received.value).timestamp
        elif received.topic == INTERACTIONS:
            known = Interaction.from_json(received.value).known_since
        else:
            known = Slate.from_json(received.value).known_since
    except BadRecordError:  # dead letters among them
        return "left"
    return "since" if known > erased_at else "left"
