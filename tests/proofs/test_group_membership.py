"""Whoever leaves a group in the middle of joining it keeps nobody else out."""

import time
from pathlib import Path

from hidden_gems.cli.processes import kafka_broker
from hidden_gems.streaming.kafka import MAX_POLL_MS, KafkaConsumer, create_topics

TOPICS = ["interactions.v1", "impressions.v1", "items.v1"]
JOIN_SECONDS = MAX_POLL_MS / 1_000 + 10.0


def test_the_next_member_gets_its_partitions(tmp_path: Path) -> None:
    with kafka_broker(tmp_path) as address:
        create_topics(address)
        for seconds in (0.2, 0.4, 0.6):
            leaving, began = KafkaConsumer(address, "learner", TOPICS), time.monotonic()
            while time.monotonic() - began < seconds:
                leaving.poll(0.05, 1)
            leaving.close()
            staying, began = KafkaConsumer(address, "learner", TOPICS), time.monotonic()
            while not staying.assigned():
                assert time.monotonic() - began < JOIN_SECONDS
                staying.poll(0.1, 1)
            staying.close()
