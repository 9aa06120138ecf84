"""`gems stream topics` before a real broker."""

import json
from pathlib import Path

import kafka
import pytest
from typer.testing import CliRunner

from hidden_gems.cli.__main__ import app
from hidden_gems.cli.processes import free_port, kafka_broker
from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.events.topics import INTERACTIONS, TOPICS


def made(*arguments: str) -> dict[str, list[str]]:
    done = CliRunner().invoke(app, ["stream", "topics", *arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def partitions(address: str) -> dict[str, int]:
    consumer = kafka.KafkaConsumer(bootstrap_servers=address, api_version=(3, 0))
    try:
        return {topic: len(consumer.partitions_for_topic(topic) or ()) for topic in TOPICS}
    finally:
        consumer.close()


def test_what_is_missing_is_made_and_what_is_there_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with kafka_broker(tmp_path) as address:
        first = made("--partitions", "2", "--replicas", "1", "--kafka", address)
        assert first == {"made": sorted(TOPICS), "there": []}
        monkeypatch.setenv("GEMS_KAFKA", f"127.0.0.1:{free_port()},{address}")
        assert made("--partitions", "5", "--replicas", "1") == {"made": [], "there": sorted(TOPICS)}
        assert partitions(address) == dict.fromkeys(TOPICS, 2)
        kafka.KafkaAdminClient(bootstrap_servers=address, api_version=(3, 0)).delete_topics([INTERACTIONS])
        told = CliRunner().invoke(app, ["stream", "topics", "--partitions", "3", "--replicas", "1"])
        assert f"Made, with 3 partitions on 1 brokers: {INTERACTIONS}\n" in told.output
        assert partitions(address) == dict.fromkeys(TOPICS, 2) | {INTERACTIONS: 3}


def test_a_broker_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hidden_gems.cli.stream._TOPICS_SECONDS", 0.3)
    with pytest.raises(PartUnavailableError, match="broker is unavailable"):
        made("--partitions", "1", "--replicas", "1", "--kafka", f"127.0.0.1:{free_port()}")
