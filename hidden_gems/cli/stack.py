"""The local stack: which processes there are, what each is told, and how one knows that it is ready."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from hidden_gems.cli.options import Places
from hidden_gems.cli.ports import TRITON_METRICS, await_free, shifted
from hidden_gems.cli.processes import (
    BROKER_STOP_SECONDS,
    broker_command,
    has_bucket,
    listens,
    pongs,
    redis_command,
    redis_lock,
    s3_command,
    s3_variables,
)
from hidden_gems.cli.stack_clock import StackClock
from hidden_gems.cli.stack_state import StackState
from hidden_gems.cli.supervisor import Part, Supervisor, Tell
from hidden_gems.cli.triton import triton_command, triton_home
from hidden_gems.core.errors import ReleaseError
from hidden_gems.core.home import gems_home
from hidden_gems.core.ids import secret
from hidden_gems.export import release as releases

HOST = "127.0.0.1"
REPOSITORY = "model_repository"
API_KEYS, API_KEY_FILE = "GEMS_API_KEYS", "api.key"
READY = {
    "deep": "/v2/models/deep/ready",
    "ranker": "/v2/models/ranker/ready",
    "learner": "/metrics",
    "archiver": "/metrics",
    "collector": "/readyz",
    "transformer": "/v2/models/hidden-gems/ready",
}
"""Path that answers 200 when a process can do its work, for some with `WORKS` in it; the order is that of the start."""
WORKS = {"learner": "gems_ready 1.0", "archiver": "gems_ready 1.0"}
DURABLE_FETCH_WAIT_MS = "1000"
"""Tansu gives what it has read within a fetch; in a short one its list of all in a twin of S3 brings one batch."""
LAPTOP_SECONDS = {"GEMS_STORE_SECONDS": "0.12", "GEMS_PART_SECONDS": "0.16", "GEMS_ANSWER_SECONDS": "0.4"}
"""Limits of the transformer's calls: four times those of a cluster, for all of it shares a few cores (ADR-0047)."""
_ASK_SECONDS = 1.0


@dataclass(frozen=True)
class Plan:
    """What a stack is to be."""

    places: Places
    clock: StackClock
    shift: int = 0  # of all ports
    redis: str = ""  # host:port of one of your own; empty for an embedded one
    kafka: str = ""
    real_triton: bool = False  # instead of our deep server
    durable: bool = False  # the embedded broker keeps its log when it is started again
    pointer: str = "stable"
    api_keys: tuple[str, ...] = ()  # scope:key, or a bare key with all scopes; kept under the home by default
    more: Mapping[str, str] = field(default_factory=dict)  # variables for every process, on top of ours

    @property
    def ports(self) -> dict[str, tuple[int, ...]]:
        """Ports of the processes that this stack starts."""
        ports = shifted(self.shift)
        for name, given in (("redis", self.redis), ("kafka", self.kafka)):
            if given:
                del ports[name]
        if self.kafka or not self.durable:
            del ports["s3"]
        if self.real_triton:
            ports["deep"] = (*ports["deep"], TRITON_METRICS + self.shift)
        return ports

    @property
    def addresses(self) -> dict[str, str]:
        """URL of each HTTP door; `host:port` of Redis and of the broker."""
        ports = shifted(self.shift)
        return {
            **{name: f"http://{HOST}:{ports[name][0]}" for name in READY},
            "redis": self.redis or f"{HOST}:{ports['redis'][0]}",
            "kafka": self.kafka or f"{HOST}:{ports['kafka'][0]}",
        }


@dataclass
class Stack:
    """A stack that runs."""

    plan: Plan
    supervisor: Supervisor
    release: releases.Release

    def state(self, pid: int, started: float, ready: bool) -> StackState:
        """What others may know of it."""
        about = self.release.dataset
        return StackState(
            pid=pid,
            started=started,
            dataset=about.name,
            simulated=about.simulated,
            root=str(self.plan.places.root),
            releases=str(self.plan.places.releases),
            release=self.release.version,
            clock=self.plan.clock.setting,
            addresses=self.plan.addresses,
            parts=self.supervisor.states(),
            ready=ready,
        )


@contextmanager
def open_stack(plan: Plan, tell: Tell) -> Iterator[Stack]:
    """Have the processes of a stack, none of them started yet; all end with the block.

    Args:
        plan: What it is to be.
        tell: Called with a sentence about what happens to them.

    Raises:
        HiddenGemsError: If a port or the data are in use, or a server is missing on this machine.
        ReleaseError: If the pointer names no whole release.
    """
    folder = releases.pointed(plan.places.releases, plan.pointer)
    if folder is None:
        raise ReleaseError(f"{plan.places.releases / plan.pointer} names no release: train one first")
    release = releases.load(folder)
    with ExitStack() as held:
        lock = () if plan.redis else (held.enter_context(redis_lock(plan.places.redis)),)
        await_free(plan.ports)
        parts = [*_servers(plan, lock), *_processes(plan, folder)]
        yield Stack(plan, held.enter_context(Supervisor(parts, tell)), release)


def _servers(plan: Plan, lock: tuple[int, ...]) -> Iterator[Part]:
    ports, logs = plan.ports, plan.places.logs
    if "redis" in ports:
        [port] = ports["redis"]
        command = tuple(redis_command(plan.places.redis, port))
        yield Part("redis", command, logs / "redis.log", lambda: pongs(port), ports=(port,), keep=lock, first=True)
    if "kafka" in ports:
        [broker] = ports["kafka"]
        environment = {}
        if "s3" in ports:
            [s3] = ports["s3"]
            yield Part("s3", tuple(s3_command(s3)), logs / "s3.log", lambda: has_bucket(s3), ports=(s3,), first=True)
            environment = s3_variables(s3)
        yield Part(
            name="kafka",
            command=tuple(broker_command(broker, "s3" if environment else "memory")),
            environment=environment,
            log=logs / "kafka.log",
            ready=lambda: listens(broker),
            ports=(broker,),
            first=True,
            stop_seconds=BROKER_STOP_SECONDS,
        )


def _processes(plan: Plan, release: Path) -> Iterator[Part]:
    ports, addresses = plan.ports, plan.addresses
    common = environment(plan)
    for name, path in READY.items():
        command: tuple[str, ...] = (sys.executable, "-m", f"inference.{name}")
        own = {"GEMS_PORT": str(ports[name][0])} | ({"GEMS_GRPC_PORT": str(ports[name][1])} if ports[name][1:] else {})
        if name == "deep" and plan.real_triton:
            http, grpc, metrics = ports[name]
            line, own = triton_command(release / REPOSITORY, triton_home(), (http, grpc, metrics))
            command = tuple(line)
        yield Part(
            name=name,
            command=command,
            log=plan.places.logs / f"{name}.log",
            ready=answers_with(addresses[name] + path, WORKS.get(name, "")),
            url=addresses[name] + path,
            environment=common | own,
            ports=ports[name],
        )


def environment(plan: Plan) -> dict[str, str]:
    """Variables that every process of a stack is told by; its own ports come on top."""
    ports, addresses, places = shifted(plan.shift), plan.addresses, plan.places
    return {
        "GEMS_HOME": str(gems_home()),
        "GEMS_HOST": HOST,
        "GEMS_ENVIRONMENT": "local",
        "GEMS_CLOCK": plan.clock.setting,
        "GEMS_REDIS": addresses["redis"],
        "GEMS_KAFKA": addresses["kafka"],
        "GEMS_DEEP": f"{HOST}:{ports['deep'][1]}",
        "GEMS_RANKER": f"{HOST}:{ports['ranker'][1]}",
        "GEMS_RELEASES": str(places.releases),
        "GEMS_POINTER": plan.pointer,
        "GEMS_FEAST_FOLDER": str(places.feast),
        "GEMS_HISTORY": str(places.history),
        "GEMS_RUNS": str(places.runs),
        "GEMS_SPOOL": str(places.spool),
        "GEMS_JOURNAL": str(places.learner),
        API_KEYS: ",".join(plan.api_keys or kept_keys()),
        "PYTHONUNBUFFERED": "1",
        **LAPTOP_SECONDS,
        **({"GEMS_FETCH_WAIT_MS": DURABLE_FETCH_WAIT_MS} if "s3" in plan.ports else {}),
        **plan.more,
    }


def kept_keys() -> list[str]:
    """Keys of `GEMS_API_KEYS`, else the one of this home, made on first use."""
    return [key.decode() for key in secret(API_KEYS, gems_home() / API_KEY_FILE)]


def answers_with(url: str, words: str) -> Callable[[], bool]:
    """Whether a URL answers 200 with these words in it."""

    def answers() -> bool:
        try:
            answer = httpx.get(url, timeout=_ASK_SECONDS, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK and words in answer.text

    return answers


def stand_by(stack: Stack, changed: Callable[[], object], pause_seconds: float = 0.5) -> None:
    """Look after a stack until somebody interrupts."""
    while True:
        stack.plan.clock.keep()
        if stack.supervisor.tend():
            changed()
        time.sleep(pause_seconds)


def stable_release(places: Places, tell: Tell) -> Path:
    """The release that is stable; where the gate held all back, the newest becomes it, and that is said.

    Raises:
        ReleaseError: If there is no release.
    """
    if (stable := releases.pointed(places.releases)) is not None:
        return stable
    newest = newest_release(places)
    if newest is None:
        raise ReleaseError(f"{places.releases} has no release; `gems train` makes one")
    decision = releases.load(newest).decision
    releases.point(places.releases, "stable", newest.name)
    reasons = "; ".join(str(reason) for reason in decision.get("reasons", ()))
    tell(
        f"NOTE: the gate held release {newest.name} back ({reasons}). There is no better one here, "
        "so it is made stable for this local stack all the same."
    )
    return newest


def newest_release(places: Places) -> Path | None:
    """The release that was made last."""
    found = [path.parent for path in places.releases.glob(f"*/{releases.MANIFEST}")]
    return max(found, key=lambda folder: (folder / releases.MANIFEST).stat().st_mtime, default=None)
