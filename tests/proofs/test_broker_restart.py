"""The broker ends and comes back with nothing in it."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hidden_gems.cli.processes import free_port, kafka_broker
from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.streaming.broker import Message
from hidden_gems.streaming.kafka import KafkaConsumer, KafkaProducer, create_topics

RETURN_SECONDS = 5.0
REJOIN_SECONDS = 12.0


def numbers(start: int, count: int) -> list[Message]:
    return [Message("interactions.v1", str(number), b"%d" % number) for number in range(start, start + count)]


def wait_for(done: Callable[[], bool], most: float) -> None:
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < most


def sends(producer: KafkaProducer, messages: list[Message]) -> bool:
    try:
        producer.send(messages)
    except PartUnavailableError:
        return False
    return True


def all_read(consumer: KafkaConsumer, waiting: set[bytes]) -> bool:
    waiting -= {each.value for each in consumer.poll(0.2, 20)}
    return not waiting


def test_both_ends_go_on_after_a_restart_that_lost_everything(tmp_path: Path) -> None:
    port = free_port()
    address = f"127.0.0.1:{port}"
    producer = KafkaProducer(address)
    consumer = KafkaConsumer(address, "g", ["interactions.v1", "items.v1"])
    for life in range(3):
        with kafka_broker(tmp_path, port):
            if life != 1:  # then they come by being used
                create_topics(address)
            messages = numbers(1000 * life, 60)
            wait_for(partial(sends, producer, messages), RETURN_SECONDS)
            waiting = {each.value for each in messages}
            wait_for(partial(all_read, consumer, waiting), REJOIN_SECONDS)
            consumer.commit()
        with pytest.raises(PartUnavailableError, match="broker is unavailable"):
            producer.send(numbers(0, 1))
        with pytest.raises(PartUnavailableError, match="broker is unavailable"):
            consumer.commit()
        assert consumer.poll(0.1, 10) == []
    producer.close()
    consumer.close()


def test_a_broker_that_hangs_is_named_in_time_and_nothing_is_written_after_it(tmp_path: Path) -> None:
    with kafka_broker(tmp_path) as address:
        producer = KafkaProducer(address)
        producer.send(numbers(0, 1))
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        port = address.rpartition(":")[2].encode()
        [server] = [int(pid) for pid in children if port in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(server, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(PartUnavailableError, match="no acknowledgement"):
            producer.send(numbers(1, 3))
        assert 0.5 < time.monotonic() - began < 1.5
        os.kill(server, signal.SIGCONT)
        wait_for(partial(sends, producer, numbers(4, 1)), RETURN_SECONDS)
        producer.close()
        consumer = KafkaConsumer(address, "g", ["interactions.v1"])
        found: list[int] = []

        def last_read() -> bool:
            found.extend(int(each.value) for each in consumer.poll(0.2, 20))
            return 4 in found

        wait_for(last_read, REJOIN_SECONDS)
        assert found.count(4) == 1
        consumer.close()
