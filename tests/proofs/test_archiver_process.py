"""The archiver as a process between a real broker and the disk, or a bucket."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from hidden_gems.cli.processes import child, free_port, kafka_broker, redis_server
from hidden_gems.datasets.history import read_history
from hidden_gems.events.records import Interaction
from hidden_gems.events.topics import INTERACTIONS
from hidden_gems.streaming.broker import Message
from hidden_gems.streaming.kafka import KafkaProducer, create_topics
from tests.buckets import bucket

AT = 1_777_852_800.0
ARCHIVER = [sys.executable, "-m", "inference.archiver"]


def clicks(start: int, count: int) -> list[Message]:
    events = [Interaction(f"e{n}", f"p{n % 7}", "g1", "click", AT + n, AT) for n in range(start, start + count)]
    return [Message(INTERACTIONS, event.user_id, event.to_json()) for event in events]


def archived(folder: str) -> list[str]:
    return sorted(read_history(folder).interactions["event_id"])


def names(count: int) -> list[str]:
    return sorted(f"e{n}" for n in range(count))


def wait_for(done: Callable[[], bool], most: float = 30.0) -> None:
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < most
        time.sleep(0.1)


def listening(port: int) -> list[str]:
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"]


def metrics(port: int) -> str:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=1).read().decode()
    except OSError:
        return ""


@pytest.fixture(params=["disk", "bucket"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "disk":
        yield str(tmp_path / "history")
        return
    with bucket("events") as address:
        yield f"{address}/history"


def test_what_was_sent_is_kept_through_kill_and_stop(tmp_path: Path, folder: str) -> None:
    port = free_port()
    with (
        kafka_broker(tmp_path) as address,
        redis_server(tmp_path / "redis") as redis,
        (tmp_path / "log").open("w") as log,
    ):
        create_topics(address)
        told = {"GEMS_KAFKA": address, "GEMS_REDIS": redis, "GEMS_HISTORY": folder, "GEMS_PORT": str(port)}
        producer = KafkaProducer(address)
        producer.send(clicks(0, 50))
        with child(ARCHIVER, log, told | {"GEMS_FLUSH_SECONDS": "0.2"}) as first:
            wait_for(lambda: archived(folder) == names(50))
            assert 'gems_archiver_rows_total{table="interactions"} 50.0' in metrics(port)
            assert "gems_archiver_lag_messages 0.0" in metrics(port)
            assert listening(port) == [f"0100007F:{port:04X}"]
            os.kill(first.pid, signal.SIGKILL)
        producer.send(clicks(50, 50))
        with child(ARCHIVER, log, told | {"GEMS_FLUSH_SECONDS": "600"}) as second:
            wait_for(partial(holds, port, 50))
            assert archived(folder) == names(50)
            second.send_signal(signal.SIGTERM)
            assert second.wait(10) == 0
        assert archived(folder) == names(100)
        producer.close()
    assert (tmp_path / "log").read_text() == ""


def holds(port: int, rows: int) -> bool:
    return f"gems_archiver_waiting_rows {float(rows)}" in metrics(port)


def test_the_archiver_starts_without_what_only_training_needs() -> None:
    program = (
        "import sys; import inference.archiver.__main__\n"
        "print([name for name in ('torch', 'lightning', 'mlflow', 'feast', 'duckdb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
