"""What feedback passes on its way: Redis, a broker, the collector and two learners, each to be stopped and killed."""

import base64
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest

from hidden_gems.cli.processes import (
    BROKER_STOP_SECONDS,
    broker_command,
    free_port,
    has_bucket,
    listens,
    pongs,
    redis_command,
    s3_command,
    s3_variables,
)
from hidden_gems.cli.stack import answers_with
from hidden_gems.cli.stream import read_topic
from hidden_gems.cli.supervisor import Part, Supervisor
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.core.names import factors
from hidden_gems.events.topics import DEAD_LETTERS
from hidden_gems.features.feast_store import materialize
from hidden_gems.online.entries import Entry
from hidden_gems.online.history import History, digest
from hidden_gems.online.learning import MAX_MESSAGES
from hidden_gems.online.state import follow
from hidden_gems.streaming.kafka import create_topics
from tests import factories
from tests.drills.proxy import FaultProxy
from tests.drills.report import Finding
from tests.integration.live import FEATURE_REPO, make_release

API_KEY, TOKEN_KEY, PSEUDONYM_KEY = "a-key-of-the-drills", "a-token-key-of-the-drills", "drills"
SETTLE_SECONDS = 90.0
BATCH = MAX_MESSAGES
LEARNERS = ("learner", "learner-2")


@dataclass
class Bench:
    """Servers of a group of drills; all ports are free ones, and nothing outlives the block."""

    root: Path
    supervisor: Supervisor
    ports: Mapping[str, int]
    items: Sequence[str]
    at: int  # epoch seconds of the clock's start
    proxy: FaultProxy
    seed: int
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=5.0, trust_env=False, verify=False))
    acknowledged: Counter[str] = field(default_factory=Counter)  # ids of events that some answer took

    @property
    def random(self) -> np.random.Generator:
        """Of one drill: the same at every run."""
        return np.random.default_rng(self.seed)

    @property
    def keys(self) -> RedisKeyValue:
        """The online store."""
        return RedisKeyValue(f"127.0.0.1:{self.ports['redis']}", 5.0)

    @property
    def kafka(self) -> str:
        """Address of the broker as the processes know it."""
        return f"127.0.0.1:{self.ports['advertised']}"

    @property
    def collector(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.ports['collector']}"

    @property
    def history(self) -> History:
        """Journal and snapshots of the learner, to read."""
        return History(self.root / "journal")

    def start(self, *names: str) -> float:
        """Start parts; seconds until they were ready."""
        began = time.monotonic()
        for name in names:
            self.supervisor.start(name)
        self.supervisor.await_ready(names)
        return time.monotonic() - began

    def await_reading(self, name: str, seconds: float = 60.0) -> float:
        """Wait until a learner has its partitions; how long it took."""
        began = time.monotonic()
        while self.metric(name, "gems_ready") != 1.0:
            if time.monotonic() - began > seconds:
                raise AssertionError(f"{name} did not read within {seconds:.0f} s")
            time.sleep(0.1)
        return time.monotonic() - began

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Have one learner that reads for the length of the block."""
        self.start("learner")
        self.await_reading("learner")
        yield
        self.end("learner")

    def end(self, *names: str) -> None:
        """End parts as they should end."""
        for name in names:
            self.supervisor.end(name)

    def kill(self, name: str) -> None:
        """End a part as a power cut would."""
        os.kill(self.supervisor.pid(name), signal.SIGKILL)
        self.supervisor.end(name)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Stop a part for the length of the block: it holds its connections and answers nothing."""
        pid = self.supervisor.pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def log(self, name: str) -> str:
        """Everything a part has said."""
        return self.supervisor.parts[name].log.read_text()

    def metric(self, name: str, line: str) -> float:
        """A figure of a part; 0 where it does not tell it."""
        try:
            text = self.http.get(f"http://127.0.0.1:{self.ports[name]}/metrics").text
        except httpx.HTTPError:
            return 0.0
        return next((float(each.rpartition(" ")[2]) for each in text.splitlines() if each.startswith(line + " ")), 0.0)

    def entries(self) -> list[Entry]:
        """The journal, which a learner may be writing to."""
        while True:
            try:
                return list(self.history.journal.entries())
            except FileNotFoundError:  # a learner that took over tidied up meanwhile
                time.sleep(0.05)

    def applied(self) -> Counter[str]:
        """How often each event is in the journal."""
        return Counter(told.event_id for entry in self.entries() for told in entry.told)

    def missing(self) -> set[str]:
        """Acknowledged events that have neither had their effect nor been buried."""
        left = self.acknowledged.keys() - self.applied().keys()
        buried = "".join(self.buried()) if left else ""
        return {name for name in left if f'"{name}"' not in buried}

    def buried(self) -> list[str]:
        """Texts of the messages among the dead letters."""
        letters = map(json.loads, read_topic(self.kafka, DEAD_LETTERS))
        return [base64.b64decode(letter["value"]).decode(errors="replace") for letter in letters]

    def settle(self, seconds: float = SETTLE_SECONDS) -> float:
        """Wait until everything acknowledged has had its effect; how long it took."""
        began = time.monotonic()
        while self.acknowledged.keys() - self.applied().keys() and time.monotonic() - began < seconds:
            time.sleep(0.1)
        took = time.monotonic() - began
        time.sleep(0.5)  # the end of the last stroke
        return took

    def digests(self) -> tuple[str, str]:
        """Of what requests are answered with, and of a replay of the recorded order from the oldest snapshot."""
        replayed = self.history.replay(oldest=True)
        state = follow(self.keys, None)
        people = sorted({told.user_id for entry in self.entries() for told in entry.told})
        held = dict(zip(people, self.keys.get(list(map(factors, people))), strict=True))
        live = digest(state, {name: vector for name, vector in held.items() if vector}) if state else "none"
        return live[:16], replayed.digest[:16]

    def judge(self, found: Finding) -> None:
        """Both oracles: the ledger of acknowledgements, and the replay."""
        self.settle()
        applied = self.applied()
        found.least("events acknowledged", 1, len(self.acknowledged))
        found.same("acknowledged events without effect or dead letter", 0, len(self.missing()))
        found.same("events applied twice", 0, sum(count > 1 for count in applied.values()))
        live, replayed = self.digests()
        found.same("state digest equals the replay's", replayed, live)


@contextmanager
def bench(root: Path, seed: int, *, durable: bool = False, proxied: bool = False, **more: str) -> Iterator[Bench]:
    """Redis, a broker with topics and the collector, ready; the learners are there to be started.

    Args:
        root: Folder of everything.
        seed: Of the drills.
        durable: The broker's log outlives it, on a twin of S3.
        proxied: Everything between the processes and the broker goes through the proxy.
        more: Variables of every process.
    """
    dataset = factories.rich_dataset()
    at = int(dataset.now)
    names = ("redis", "kafka", "s3", "collector", *LEARNERS, "proxy")
    ports = {name: free_port() for name in names}
    ports["advertised"] = ports["proxy"] if proxied else ports["kafka"]
    make_release(dataset, root / "releases", at)
    (root / "redis").mkdir()
    environment = _environment(root, ports, at) | more
    with (
        FaultProxy(ports["kafka"], ports["proxy"], seed) as proxy,
        Supervisor(list(_parts(root, ports, environment, durable)), print) as supervisor,
        pytest.MonkeyPatch.context() as patch,
    ):
        made = Bench(root, supervisor, ports, dataset.items["item_id"].tolist(), at, proxy, seed)
        made.start("redis")
        patch.setenv("GEMS_FEATURE_REPO", str(FEATURE_REPO))
        materialize(dataset, at, redis=environment["GEMS_REDIS"], folder=root / "feast")
        if durable:
            made.start("s3")
        made.start("kafka")
        create_topics(made.kafka)
        made.start("collector")
        yield made


def _environment(root: Path, ports: Mapping[str, int], at: int) -> dict[str, str]:
    return {
        "GEMS_HOME": str(root),
        "GEMS_REDIS": f"127.0.0.1:{ports['redis']}",
        "GEMS_KAFKA": f"127.0.0.1:{ports['advertised']}",
        "GEMS_RELEASES": str(root / "releases"),
        "GEMS_JOURNAL": str(root / "journal"),
        "GEMS_CLOCK": f"{at},1,{time.time()}",
        "GEMS_API_KEYS": API_KEY,
        "GEMS_TOKEN_KEYS": TOKEN_KEY,
        "GEMS_PSEUDONYM_KEY": PSEUDONYM_KEY,
        "GEMS_EVENTS_A_MINUTE": "100000000",
        "GEMS_DAILY_CAP": "1000000",
        "GEMS_SNAPSHOT_SECONDS": "5",
        "OMP_NUM_THREADS": "1",
    }


def _parts(root: Path, ports: Mapping[str, int], environment: Mapping[str, str], durable: bool) -> Iterator[Part]:
    logs, redis, kafka, s3 = root / "logs", ports["redis"], ports["kafka"], ports["s3"]
    command = redis_command(root / "redis", redis)
    yield Part("redis", tuple(command), logs / "redis.log", lambda: pongs(redis), first=True)
    yield Part("s3", tuple(s3_command(s3)), logs / "s3.log", lambda: has_bucket(s3), first=True)
    line = broker_command(kafka, "s3" if durable else "memory")
    line[line.index("--advertised-listener-url") + 1] = f"tcp://127.0.0.1:{ports['advertised']}"
    yield Part(
        "kafka",
        tuple(line),
        logs / "kafka.log",
        lambda: listens(kafka),
        environment=s3_variables(s3) if durable else {},
        first=True,
        stop_seconds=BROKER_STOP_SECONDS,
    )
    doors = {"collector": ("/readyz", ""), **dict.fromkeys(LEARNERS, ("/metrics", "gems_learner_active"))}
    for name, (path, words) in doors.items():
        yield Part(
            name=name,
            command=(sys.executable, "-m", f"inference.{name.partition('-')[0]}"),
            log=logs / f"{name}.log",
            ready=answers_with(f"http://127.0.0.1:{ports[name]}{path}", words),
            environment={**environment, "GEMS_PORT": str(ports[name])},
        )
