"""The broker protocol on Kafka: the only module that knows its client."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import kafka
from kafka import errors
from kafka.admin import NewTopic
from kafka.structs import MemberState

from hidden_gems.core.errors import BadInputError, PartUnavailableError
from hidden_gems.events.topics import ITEMS, TOPIC_SECONDS, TOPICS
from hidden_gems.streaming.broker import Message, Received
from hidden_gems.streaming.kafka_access import KafkaAccess, quiet
from hidden_gems.streaming.reach import refuses

MAX_MESSAGE_BYTES = 1_000_000
"""Brokers refuse a little more than that unless told otherwise."""
_API_VERSION = (3, 0)
"""Told instead of asked: the client asks in its constructor, for 30 s where nobody listens."""
_CLOSE_TRIES, _CLOSE_SECONDS = 10, 0.2
_LOOK_SECONDS = 0.1
"""How long an acknowledgement is awaited before a look whether anybody listens at the broker's address."""
LINGER_MS, BATCH_BYTES = 100, 262_144
"""How long a message waits for others of its list at most, and how many fit: a list is one write a partition, also on a
slow machine. The last one of a list ends the waiting."""
FETCH_WAIT_MS = 100
"""How long a broker may hold a fetch; Tansu tells of news only at its end."""
MAX_POLL_MS = 10_000
"""A member that does not poll for so long leaves its group; a broker waits as long for one that died while joining."""
_RETRY = {"retry_backoff_ms": 50, "reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 500}


class KafkaProducer:
    """See `streaming.broker.Producer`; for any number of threads.

    The connection is made by the first `send` and made anew after one that failed: an idempotent producer is of no
    more use once the broker has forgotten its number.

    Args:
        access: To the brokers; their addresses alone are in plain text, as nobody.
        timeout_seconds: Longest time that one `send` waits for all acknowledgements.

    Raises:
        BadInputError: If we are to be who AWS says, and it does not say it.
    """

    def __init__(self, access: str | KafkaAccess, timeout_seconds: float = 1.0) -> None:
        quiet()
        self._access, self._timeout = KafkaAccess.of(access), timeout_seconds
        self._options = self._access.options()
        self._lock, self._looking = threading.Lock(), threading.Lock()
        self._client: Any = None
        self._look_at, self._gone = 0.0, False

    def send(self, messages: Sequence[Message]) -> None:
        """Send all and wait for the acknowledgements.

        Raises:
            PartUnavailableError: If the broker does not acknowledge all in time, or nobody listens at its address any
                more; some may have been written.
            BadInputError: If a message is larger than `MAX_MESSAGE_BYTES`; none was written.
        """
        for each in messages:
            if (size := len(each.key.encode()) + len(each.value)) > MAX_MESSAGE_BYTES:
                raise BadInputError(f"a message to {each.topic} has {size:,} bytes; at most {MAX_MESSAGE_BYTES:,} fit")
        deadline = time.monotonic() + self._timeout
        client = self._connected()
        try:
            waiting = [client.send(each.topic, key=each.key.encode(), value=each.value) for each in messages]
        except errors.KafkaTimeoutError as error:  # not connected yet; the client goes on trying
            raise PartUnavailableError("broker", f"{self._access}: {error}") from error
        except errors.KafkaError as error:
            self._forget(client)
            raise PartUnavailableError("broker", str(error)) from error
        self._await(client, deadline)
        if failures := [failure for each in waiting if (failure := _failure(each))]:
            self._forget(client)
            raise PartUnavailableError("broker", f"no acknowledgement: {failures[0]}") from failures[0]

    def _await(self, client: Any, deadline: float) -> None:
        """Wait for the acknowledgements as long as there is time, and somebody who could give them."""
        while (left := deadline - time.monotonic()) > 0:
            with suppress(errors.KafkaError):  # not all yet
                client.flush(timeout=min(left, _LOOK_SECONDS))
                return
            if self._refused():
                return

    def _refused(self) -> bool:
        """Whether nobody listens at the broker's address; looked at once in `_LOOK_SECONDS` for all threads."""
        with self._looking:
            if time.monotonic() >= self._look_at:
                self._gone = refuses(self._access)
                self._look_at = time.monotonic() + _LOOK_SECONDS
            return self._gone

    def reaches(self, topic: str) -> bool:
        """Whether the broker has told where messages to a topic go; connects, so that the first `send` need not."""
        try:
            return bool(self._connected().partitions_for(topic))
        except errors.KafkaError:
            return False

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            _end(client)

    def _connected(self) -> Any:
        # The client gives a message up before we do: none is written later, after what was sent again in its place.
        give_up_ms = int(self._timeout * 800)
        linger_ms = min(LINGER_MS, give_up_ms // 10)
        with self._lock:
            if self._client is None:
                if self._refused():
                    raise PartUnavailableError("broker", f"nobody listens at {self._access}")
                self._client = kafka.KafkaProducer(
                    **self._options,
                    api_version=_API_VERSION,
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=linger_ms,
                    batch_size=BATCH_BYTES,
                    max_block_ms=int(self._timeout * 500),
                    request_timeout_ms=give_up_ms - 2 * linger_ms,
                    delivery_timeout_ms=give_up_ms,
                    **_RETRY,
                )
            return self._client

    def _forget(self, client: Any) -> None:
        """Give up a connection that failed; whoever else waits on it is told so."""
        with self._lock:
            if self._client is not client:
                return
            self._client = None
        threading.Thread(target=_end, args=(client,), name="broker-end", daemon=True).start()


class KafkaConsumer:
    """See `streaming.broker.Consumer`; for one thread.

    What a broker has forgotten is read from the beginning of what it has.

    Args:
        access: To the brokers; their addresses alone are in plain text, as nobody.
        group: Whose position is kept.
        topics: To read.
        timeout_seconds: Longest time that a commit waits.
        fetch_wait_ms: How long the broker may hold a fetch.
    """

    def __init__(
        self,
        access: str | KafkaAccess,
        group: str,
        topics: Sequence[str],
        timeout_seconds: float = 2.0,
        fetch_wait_ms: int = FETCH_WAIT_MS,
    ) -> None:
        quiet()
        self._timeout = timeout_seconds
        self._client: Any = kafka.KafkaConsumer(
            **KafkaAccess.of(access).options(),
            api_version=_API_VERSION,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=6_000,
            heartbeat_interval_ms=2_000,
            max_poll_interval_ms=MAX_POLL_MS,
            request_timeout_ms=7_000,
            metadata_max_age_ms=2_000,  # a topic that comes later is noticed
            fetch_max_wait_ms=fetch_wait_ms,
            **_RETRY,
        )
        self._assigned = _Assigned()
        self._topics = frozenset(topics)
        self._client.subscribe(list(topics), listener=self._assigned)

    def poll(self, timeout_seconds: float, at_most: int) -> list[Received]:
        """What came, in order within each partition; empty where nothing came in time, or the broker is away."""
        began = time.monotonic()
        try:
            found = self._client.poll(timeout_ms=int(timeout_seconds * 1_000), max_records=at_most)
        except errors.KafkaError as error:
            logging.getLogger(__name__).warning("the broker cannot be read: %s", error)
            time.sleep(max(0.0, timeout_seconds - (time.monotonic() - began)))
            return []
        again = set(self._assigned.partitions)
        with suppress(errors.KafkaError):  # else before the next commit
            self._back_to_committed()
        return [
            Received(each.topic, each.partition, each.offset, _text(each.key), each.value or b"")
            for partition, records in found.items()
            if partition not in again
            for each in records
        ]

    def _back_to_committed(self) -> None:
        """Start newly assigned partitions at what the group has committed.

        Left alone, the client keeps its place in a partition that it had before, also where a broker that has lost
        everything gives that partition anew.
        """
        for partition in set(self._assigned.partitions) & set(self._client.assignment()):
            committed = self._client.committed(partition, timeout_ms=int(self._timeout * 1_000))
            if committed is None:
                self._client.seek_to_beginning(partition)
            else:
                self._client.seek(partition, committed)
            self._assigned.partitions.discard(partition)

    def commit(self) -> None:
        """Everything that `poll` gave so far has had its effect.

        Raises:
            PartUnavailableError: If the broker does not take it; the messages come again.
        """
        with _reached():
            self._back_to_committed()
            self._client.commit(timeout_ms=int(self._timeout * 1_000))

    def assigned(self) -> bool:
        """Whether the group has given this member partitions of every topic, as of the last poll."""
        return self._topics <= {each.topic for each in self._client.assignment()}

    def lag(self) -> int:
        """Messages that wait behind the last ones given, as of the last poll; in the thread that polls."""
        # Not `end_offsets`: Tansu tells the first offset of the last batch.
        waiting = 0
        for partition in self._client.assignment():
            high = self._client.highwater(partition)
            if high is not None:
                with _reached():
                    waiting += max(0, high - (self._client.position(partition, timeout_ms=100) or 0))
        return waiting

    def close(self) -> None:
        """Leave the group.

        Not in the middle of joining it: Tansu then waits for whoever left, and lets nobody in for minutes.
        """
        deadline = time.monotonic() + self._timeout
        while self._joining() and time.monotonic() < deadline:
            self.poll(_CLOSE_SECONDS, 1)
        if self._joining():
            self._client._coordinator.reset_generation()  # go without a word; the broker notices within the session
        self._client.close(autocommit=False, timeout_ms=int(self._timeout * 1_000))

    def _joining(self) -> bool:
        return bool(self._client.group_metadata().state is MemberState.REBALANCING)


class _Assigned(kafka.ConsumerRebalanceListener):  # type: ignore[misc]
    """Remembers what was assigned since somebody looked."""

    def __init__(self) -> None:
        self.partitions: set[Any] = set()

    def on_partitions_revoked(self, revoked: Sequence[Any]) -> None:
        self.partitions -= set(revoked)

    def on_partitions_assigned(self, assigned: Sequence[Any]) -> None:
        self.partitions |= set(assigned)


def create_topics(
    access: str | KafkaAccess, partitions: int = 3, replicas: int = 1, timeout_seconds: float = 5.0
) -> list[str]:
    """Make the topics that are not there yet; those that are stay as they are.

    Args:
        access: To the brokers; their addresses alone are in plain text, as nobody.
        partitions: Of each new topic.
        replicas: Brokers that hold each partition.
        timeout_seconds: Longest time to wait for the brokers.

    Returns:
        Names of those that were made, in order.

    Raises:
        PartUnavailableError: If no broker answers in time, or they cannot make them so.
    """
    quiet()
    wait_ms = int(timeout_seconds * 1_000)
    with _reached():
        admin = kafka.KafkaAdminClient(
            **KafkaAccess.of(access).options(),
            api_version=_API_VERSION,
            bootstrap_timeout_ms=wait_ms,
            request_timeout_ms=wait_ms,
            **_RETRY,
        )
        try:
            missing = sorted(set(TOPICS) - set(admin.list_topics()))
            if missing:
                admin.create_topics(new_topics(missing, partitions, replicas), timeout_ms=wait_ms)
        finally:
            admin.close()
    return missing


def new_topics(names: Sequence[str], partitions: int, replicas: int = 1) -> list[NewTopic]:
    """Topics as they are to be made: gems are compacted, messages about people are forgotten in time."""
    forgotten, kept = {"retention.ms": str(TOPIC_SECONDS * 1_000)}, {"cleanup.policy": "compact"}
    return [NewTopic(name, partitions, replicas, topic_configs=kept if name == ITEMS else forgotten) for name in names]


def _text(key: bytes | None) -> str:
    """A key as text; one that is none is the trouble of whoever wrote it, and not the end of who reads."""
    return (key or b"").decode(errors="backslashreplace")


def _failure(waiting: Any) -> Exception | None:
    try:
        waiting.get(timeout=0.0)
    except errors.KafkaError as error:
        found: Exception = error
        return found
    return None


def _end(client: Any) -> None:
    """Close a producer; its `close` fails while messages wait, and they do so for less than our time-out."""
    for _ in range(_CLOSE_TRIES):
        try:
            client.close(timeout=_CLOSE_SECONDS)
        except errors.KafkaTimeoutError:
            continue
        return
    logging.getLogger(__name__).warning("a connection to the broker could not be closed in time")


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except errors.KafkaError as error:
        raise PartUnavailableError("broker", str(error)) from error
