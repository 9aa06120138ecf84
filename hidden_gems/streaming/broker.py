"""What a broker does for us: the protocol, and its twin in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hidden_gems.events.topics import TOPICS


@dataclass(frozen=True)
class Message:
    """Something to send."""

    topic: str
    key: str
    value: bytes


@dataclass(frozen=True)
class Received:
    """Something that came, and where it stood."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes


class Producer(Protocol):
    """Sends; nothing counts as sent before the broker has acknowledged it."""

    def send(self, messages: Sequence[Message]) -> None:
        """Send all and wait for the acknowledgements.

        Raises:
            PartUnavailableError: If the broker does not acknowledge all in time; some may have been written.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class Consumer(Protocol):
    """Reads topics as a member of a group; what is not committed comes again after a restart."""

    def poll(self, timeout_seconds: float, at_most: int) -> list[Received]:
        """What came, in order within each partition; empty where nothing came in time, or the broker is away."""
        ...

    def commit(self) -> None:
        """Everything that `poll` gave so far has had its effect.

        Raises:
            PartUnavailableError: If the broker does not take it; the messages come again.
        """
        ...

    def assigned(self) -> bool:
        """Whether the group has given this member partitions of every topic: from then on `poll` finds what comes."""
        ...

    def lag(self) -> int:
        """Messages that wait behind the last ones given."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


@dataclass
class MemoryBroker:
    """Topics in this process, one partition each: for tests."""

    logs: dict[str, list[Message]] = field(default_factory=lambda: {topic: [] for topic in TOPICS})
    committed: dict[tuple[str, str], int] = field(default_factory=dict)  # group and topic -> next offset

    def producer(self) -> "MemoryProducer":
        """A producer of this broker."""
        return MemoryProducer(self)

    def consumer(self, group: str, topics: Sequence[str]) -> "MemoryConsumer":
        """A consumer that starts at what its group has committed."""
        return MemoryConsumer(self, group, tuple(topics))


@dataclass
class MemoryProducer:
    """See `Producer`."""

    broker: MemoryBroker

    def send(self, messages: Sequence[Message]) -> None:
        """Append all."""
        for message in messages:
            self.broker.logs.setdefault(message.topic, []).append(message)

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass
class MemoryConsumer:
    """See `Consumer`."""

    broker: MemoryBroker
    group: str
    topics: tuple[str, ...]
    _at: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._at = {topic: self.broker.committed.get((self.group, topic), 0) for topic in self.topics}

    def poll(self, timeout_seconds: float, at_most: int) -> list[Received]:
        """What came since the last poll."""
        found: list[Received] = []
        for topic in self.topics:
            start = self._at[topic]
            for offset, message in enumerate(
                self.broker.logs.get(topic, [])[start : start + at_most - len(found)], start
            ):
                found.append(Received(topic, 0, offset, message.key, message.value))
                self._at[topic] = offset + 1
        return found

    def commit(self) -> None:
        """Remember where this group stands."""
        self.broker.committed |= {(self.group, topic): at for topic, at in self._at.items()}

    def assigned(self) -> bool:
        """Everything is read from the start."""
        return True

    def lag(self) -> int:
        """Messages that wait."""
        return sum(len(self.broker.logs.get(topic, [])) - at for topic, at in self._at.items())

    def close(self) -> None:
        """Nothing to leave."""
