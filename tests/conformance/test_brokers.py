"""What every broker must do."""

import itertools
import time
from collections.abc import Iterator

import kafka
import pytest

from hidden_gems.cli.processes import free_port, kafka_broker
from hidden_gems.core.errors import BadInputError, PartUnavailableError
from hidden_gems.events.topics import ITEMS, TOPICS
from hidden_gems.streaming.broker import Consumer, MemoryBroker, Message, Producer, Received
from hidden_gems.streaming.kafka import MAX_MESSAGE_BYTES, KafkaConsumer, KafkaProducer, create_topics, new_topics

PATIENCE_SECONDS = 20.0
_names = itertools.count()


class Broker:
    """One broker, in memory or a real one, and topics of one test."""

    def __init__(self, address: str | None) -> None:
        self.address, self.memory = address, MemoryBroker()
        self.topic = f"topic{next(_names)}"
        self.producer: Producer = KafkaProducer(address) if address else self.memory.producer()

    def consumer(self, group: str, *topics: str) -> Consumer:
        names = topics or (self.topic,)
        return KafkaConsumer(self.address, group, names) if self.address else self.memory.consumer(group, names)

    def send(self, *values: bytes, key: str = "p", topic: str = "") -> None:
        self.producer.send([Message(topic or self.topic, key, value) for value in values])


@pytest.fixture(scope="module")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with kafka_broker(tmp_path_factory.mktemp("kafka")) as address:
        yield address


@pytest.fixture(params=["memory", "kafka"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    found = Broker(None if request.param == "memory" else request.getfixturevalue("tansu"))
    yield found
    found.producer.close()


def read(consumer: Consumer, count: int, at_most: int = 100) -> list[Received]:
    """So many messages, or those that came in time."""
    found: list[Received] = []
    until = time.monotonic() + PATIENCE_SECONDS
    while len(found) < count and time.monotonic() < until:
        found += consumer.poll(0.2, at_most)
    return found


def test_what_was_sent_comes_in_order_with_its_key_topic_and_place(broker: Broker) -> None:
    consumer = broker.consumer("g")
    broker.send(b"1", b"\x002", b"", key="Ayşe")
    found = read(consumer, 3)
    assert [(each.topic, each.key, each.value) for each in found] == [
        (broker.topic, "Ayşe", value) for value in (b"1", b"\x002", b"")
    ]
    assert [each.offset for each in found] == [0, 1, 2]
    assert len({each.partition for each in found}) == 1
    broker.send()
    assert consumer.poll(0.05, 10) == []
    consumer.close()


def test_what_is_not_committed_comes_again_and_only_that(broker: Broker) -> None:
    first = broker.consumer("g")
    broker.send(b"1", b"2")
    assert len(read(first, 2)) == 2
    first.commit()
    broker.send(b"3")
    assert [each.value for each in read(first, 1)] == [b"3"]
    first.close()
    second = broker.consumer("g")
    assert [(each.value, each.offset) for each in read(second, 1)] == [(b"3", 2)]
    second.commit()
    second.close()
    third = broker.consumer("g")
    broker.send(b"4")
    assert [each.value for each in read(third, 1)] == [b"4"]
    third.close()


def test_each_group_gets_everything_of_all_its_topics(broker: Broker) -> None:
    other = broker.topic + ".other"
    broker.send(b"1")
    broker.send(b"2", topic=other)
    broker.send(b"3", topic=broker.topic + ".foreign")
    for group in ("a", "b"):
        consumer = broker.consumer(group, broker.topic, other)
        assert {(each.topic, each.value) for each in read(consumer, 2)} == {(broker.topic, b"1"), (other, b"2")}
        consumer.close()


def test_a_poll_gives_at_most_so_many_and_lag_counts_the_rest(broker: Broker) -> None:
    consumer = broker.consumer("g")
    broker.send(*(b"%d" % number for number in range(10)))
    found = read(consumer, 3, at_most=3)
    assert [each.value for each in found] == [b"0", b"1", b"2"]
    assert consumer.lag() == 7
    assert len(read(consumer, 7, at_most=4)) == 7
    assert consumer.lag() == 0
    consumer.close()


def test_making_topics_twice_is_making_them_once(tansu: str) -> None:
    create_topics(tansu, partitions=2)
    create_topics(tansu, partitions=5)
    producer = KafkaProducer(tansu)
    producer.send([Message("items.v1", str(number), b"x") for number in range(40)])
    producer.close()
    consumer = KafkaConsumer(tansu, "topics", ["items.v1"])
    assert {each.partition for each in read(consumer, 40)} == {0, 1}
    consumer.close()


def test_a_short_limit_leaves_time_to_send(tansu: str) -> None:
    producer, consumer = KafkaProducer(tansu, timeout_seconds=0.2), KafkaConsumer(tansu, "g", ["short"])
    producer.reaches("short")
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            producer.send([Message("short", "k", b"v")])
            break
        except PartUnavailableError:  # 0.2 s on a busy core
            assert time.monotonic() < until
    assert read(consumer, 1)[0].value == b"v"
    producer.close()
    consumer.close()


def test_topics_forget_after_seven_days_but_gems_are_kept() -> None:
    asked = {topic.name: topic.topic_configs for topic in new_topics(TOPICS, 3)}  # Tansu does not tell what it was told
    assert asked.pop(ITEMS) == {"cleanup.policy": "compact"}
    assert set(asked) == {*TOPICS} - {ITEMS}
    assert all(config == {"retention.ms": "604800000"} for config in asked.values())


def test_new_topics_have_as_many_partitions_and_replicas_as_were_asked_for() -> None:
    assert {(topic.num_partitions, topic.replication_factor) for topic in new_topics(TOPICS, 12, 3)} == {(12, 3)}


def test_nothing_of_a_list_with_a_message_too_large_is_sent(tansu: str) -> None:
    producer, consumer = KafkaProducer(tansu), KafkaConsumer(tansu, "g", ["large"])
    whole = b"x" * (MAX_MESSAGE_BYTES - 1)
    with pytest.raises(BadInputError, match="a message to large has 1,000,001 bytes; at most 1,000,000 fit"):
        producer.send([Message("large", "", b"x"), Message("large", "k", whole + b"x")])
    producer.send([Message("large", "k", whole)])
    assert [each.value == whole for each in read(consumer, 1)] == [True]
    producer.close()
    consumer.close()


def test_a_key_that_is_no_text_is_read_all_the_same(tansu: str) -> None:
    raw, consumer = (
        kafka.KafkaProducer(bootstrap_servers=tansu, api_version=(3, 0)),
        KafkaConsumer(tansu, "g", ["keys"]),
    )
    raw.send("keys", key=b"\xffkey", value=b"v").get(5)
    raw.close()
    assert [(each.key, each.value) for each in read(consumer, 1)] == [("\\xffkey", b"v")]
    consumer.close()


def test_a_broker_that_is_away_is_named_soon() -> None:
    address = f"127.0.0.1:{free_port()}"
    began = time.monotonic()
    producer = KafkaProducer(address)
    assert time.monotonic() - began < 2.0
    with pytest.raises(PartUnavailableError, match="broker is unavailable") as caught:
        producer.send([Message("t", "k", b"v")])
    assert caught.value.part == "broker"
    assert time.monotonic() - began < 10.0
    producer.close()
    consumer = KafkaConsumer(address, "g", ["t"])
    assert consumer.poll(0.1, 1) == []
    assert consumer.lag() == 0
    consumer.close()
    with pytest.raises(PartUnavailableError, match="broker is unavailable"):
        create_topics(address, timeout_seconds=0.2)
    assert time.monotonic() - began < 20.0
