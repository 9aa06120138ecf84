"""What the collector takes, and how it answers when five times as much comes: `python -m tests.collector_load`.

A real broker, a real Redis, the collector and a generator, each a process of its own, on this machine's loopback. Three
phases a kind (lists of 100, single events): a closed loop to warm up, one that measures, and an open loop at five times
the requests that the one before had acknowledged. Then the topic is read back. Events are simulated, their tokens real.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hidden_gems.cli.processes import broker_command, child, free_port, listens, pongs, redis_command
from hidden_gems.events.records import Interaction
from hidden_gems.events.topics import INTERACTIONS
from hidden_gems.streaming.kafka import KafkaConsumer, create_topics
from tests.load_generator import API_KEY, PSEUDONYM_KEY, TOKEN_KEY, event_id

OVERLOAD = 5
LIST, LIST_CONNECTIONS, SINGLE_CONNECTIONS, OPEN_CONNECTIONS = 100, 2, 16, 256
WARM_SECONDS = 3.0
REQUEST_SECONDS = "gems_collector_request_seconds"


@dataclass(frozen=True)
class Parts:
    """Processes by name, and where they listen."""

    pids: dict[str, int]
    kafka: str
    port: int

    def processor_seconds(self) -> dict[str, float]:
        """Processor time of each so far."""
        return {name: _processor_seconds(pid) for name, pid in self.pids.items()}

    def buckets(self) -> Counter[float]:
        """Answers to POST /v1/events by the upper end of their bucket in the collector's own histogram, in seconds."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        found: Counter[float] = Counter()
        for labels, value in re.findall(rf"^{REQUEST_SECONDS}_bucket{{(.*)}} (\S+)$", text, re.MULTILINE):
            [edge] = re.findall(r'le="([^"]+)"', labels)
            found[float(edge)] += int(float(value))
        return found


@contextmanager
def parts(folder: Path) -> Iterator[Parts]:
    """Start the servers and the collector; they end with the block."""
    kafka, redis, port = free_port(), free_port(), free_port()
    told = {
        "GEMS_HOME": str(folder), "GEMS_PORT": str(port), "GEMS_KAFKA": f"127.0.0.1:{kafka}",
        "GEMS_REDIS": f"127.0.0.1:{redis}", "GEMS_PSEUDONYM_KEY": PSEUDONYM_KEY, "GEMS_TOKEN_KEYS": TOKEN_KEY,
        "GEMS_API_KEYS": f"backend:{API_KEY},admin:{API_KEY}", "GEMS_EVENTS_A_MINUTE": "100000000",
    }  # fmt: skip
    with (
        (folder / "log").open("w") as log,
        child(redis_command(folder, redis), log) as store,
        child(broker_command(kafka), log, stop_seconds=0.1) as broker,
    ):
        _until(lambda: pongs(redis) and listens(kafka))
        create_topics(f"127.0.0.1:{kafka}")
        with child([sys.executable, "-m", "inference.collector"], log, told) as collector:
            _until(lambda: _ready(port))
            pids = {"collector": collector.pid, "broker": broker.pid, "redis": store.pid}
            yield Parts(pids, f"127.0.0.1:{kafka}", port)


def phase(running: Parts, name: str, events: int, connections: int, seconds: float, rate: float, seed: int) -> Any:
    """Run the generator once; what it and the collector counted."""
    bodies = int((rate or 8_000 / events + 1_500) * seconds) + 100
    before, edges = running.processor_seconds(), running.buckets()
    told = {
        "port": running.port, "name": name, "events": events, "connections": connections, "seconds": seconds,
        "rate": rate, "bodies": bodies, "seed": seed,
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.load_generator", *(f"--{key}={value}" for key, value in told.items())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise SystemExit(f"the generator failed: {done.stderr}")
    found = json.loads(done.stdout)
    found["acknowledged_events_a_second"] = round(found["accepted"] / found["seconds"])
    found["acknowledged_requests_a_second"] = round(found["statuses"].get("202", 0) / found["seconds"], 1)
    spent = {key: round(value - before[key], 2) for key, value in running.processor_seconds().items()}
    found["processor_seconds"] = {"generator": found.pop("generator_processor_seconds"), **spent}
    found["generator_share_of_a_core"] = round(found["processor_seconds"]["generator"] / found["seconds"], 2)
    taken = running.buckets()
    taken.subtract(edges)
    found["server_ms"] = {
        "p50": quantile_ms(taken, 0.5),
        "p99": quantile_ms(taken, 0.99),
        "answers": taken[float("inf")],
    }
    return found


def quantile_ms(buckets: Counter[float], share: float) -> float | None:
    """Quantile out of cumulative buckets, linear within one; None where nothing was answered, or it lies above all."""
    edges = sorted(buckets)
    if not edges or not buckets[edges[-1]]:
        return None
    wanted, low, below = share * buckets[edges[-1]], 0.0, 0
    for edge in edges:
        if buckets[edge] >= wanted:
            if edge == float("inf"):
                return None
            return round(1_000 * (low + (edge - low) * (wanted - below) / max(1, buckets[edge] - below)), 1)
        low, below = edge, buckets[edge]
    return None


def written(running: Parts) -> Counter[str]:
    """How often each event id is in the topic."""
    consumer = KafkaConsumer(running.kafka, f"back-{time.monotonic()}", [INTERACTIONS])
    found: Counter[str] = Counter()
    quiet = time.monotonic()
    try:
        while time.monotonic() - quiet < (3.0 if found else 20.0):
            if came := consumer.poll(0.5, 10_000):
                found.update(Interaction.from_json(each.value).event_id for each in came)
                quiet = time.monotonic()
    finally:
        consumer.close()
    return found


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _until(done: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise SystemExit("a process did not start in time")
        time.sleep(0.05)


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measured phase")
    parser.add_argument("--kinds", default="lists,single")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    shapes = {"lists": (LIST, LIST_CONNECTIONS), "single": (1, SINGLE_CONNECTIONS)}
    report: dict[str, Any] = {"seed": asked.seed, "cores": os.cpu_count(), "load_before": os.getloadavg()[0]}
    acknowledged: list[str] = []
    with TemporaryDirectory() as folder, parts(Path(folder)) as running:
        for kind in asked.kinds.split(","):
            events, connections = shapes[kind]
            rate = 0.0
            for name, ports, seconds in (
                ("warm", connections, WARM_SECONDS),
                ("capacity", connections, asked.seconds),
                ("overload", OPEN_CONNECTIONS, asked.seconds),
            ):
                if name == "overload":
                    rate = OVERLOAD * report[f"{kind} capacity"]["acknowledged_requests_a_second"]
                print(f"{kind}, {name} …", file=sys.stderr)
                said = phase(running, f"{kind}-{name}", events, ports, seconds, rate, asked.seed)
                for body in said.pop("acknowledged"):
                    acknowledged += [event_id(f"{kind}-{name}", body, place) for place in range(events)]
                report[f"{kind} {name}"] = {"offered_requests_a_second": round(rate, 1), **said}
        print("reading the topic back …", file=sys.stderr)
        found = written(running)
    report["topic"] = {
        "acknowledged": len(acknowledged),
        "lost": sum(not found[each] for each in acknowledged),
        "written": found.total(),
        "written_twice": sum(times - 1 for times in found.values()),
        "written_but_refused": len(found.keys() - set(acknowledged)),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
