"""`gems feedback-drill`: real servers, killed on the way, and whether every event had its effect exactly once."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from hidden_gems.cli.extras import needs_extra, require
from hidden_gems.cli.options import AsJson, Places, Seed
from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.core.home import gems_home

if TYPE_CHECKING:
    from hidden_gems.cli.drill_stream import Stream
    from hidden_gems.cli.stack import Stack

PARTS = ("redis", "s3", "kafka", "learner", "archiver", "collector")
LIST = 500
"""Events in one call of the collector at most; the broker on the twin of S3 is slow by the list, not by the event."""
LEAST_LISTS = 40
SEND_SECONDS = 10.0
FAULTS = ((0.20, "learner"), (0.35, "collector"), (0.45, "learner"), (0.55, "kafka"), (0.70, "learner"))
"""Share of the events after which a process is killed with -9 and started again."""
QUIET_SECONDS, PATIENCE_SECONDS = 5.0, 600.0


@dataclass(frozen=True)
class Check:
    """One promise, and what was found."""

    promise: str
    expected: str
    found: str

    @property
    def kept(self) -> bool:
        """Whether they are the same."""
        return self.expected == self.found


@dataclass
class Sent:
    """What the sender was told."""

    calls: int = 0
    again: int = 0  # lists that were sent once more, for they were not acknowledged
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)  # of what the collector rejected
    seconds: float = 0.0


@needs_extra("serve")
def feedback_drill(
    events: Annotated[int, typer.Option(min=1_000, help="Events of the clean stream.")] = 50_000,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Prove that every acknowledged event has exactly one effect, whatever is killed on the way.

    A stack of its own is started: collector, learner, archiver, Redis, and a broker whose log outlives it. A made-up
    stream of signed feedback is sent, 5 % of it twice, 2 % unreadable, 3 % late, while the learner is killed with -9
    three times, the collector once and the broker once. Then counts, state, dead letters and archive are compared with
    what the clean stream alone comes to. Exit code 0 when all of it is the same, else 1.

    Try: gems feedback-drill --events 5000
    """
    require("moto", "dev")
    console = Console(stderr=as_json)
    from hidden_gems.cli.drill_stream import Stream
    from hidden_gems.cli.stack import newest_release

    source = next((places for places in reversed(Places.all()) if newest_release(places)), None)
    if source is None:
        raise HiddenGemsError("there is no release to learn on; `gems demo --quick` or `gems train` makes one")
    began = time.monotonic()
    with _stack(source, console) as stack:
        stream = Stream.made(stack.plan, events, seed)
        sent = _send(stack, stream, console)
        _settle(stack, console)
        stack.supervisor.end("learner")  # with a snapshot
        stack.supervisor.end("archiver")  # with what was in memory
        checks = stream.checks(stack.plan, sent.outcomes, sent.reasons)
    report: dict[str, Any] = {
        "events": events,
        "seed": seed,
        "kept": all(check.kept for check in checks),
        "checks": [asdict(check) | {"kept": check.kept} for check in checks],
        "killed": Counter(name for _, name in FAULTS),
        "sent": vars(sent),
        "seconds": round(time.monotonic() - began, 1),
    }
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        _show(report, checks, console)
    if not report["kept"]:
        raise typer.Exit(1)


@contextmanager
def _stack(source: Places, console: Console) -> Iterator["Stack"]:
    """A stack with the parts that feedback passes, on a copy of a release, with nothing learned yet."""
    from hidden_gems.cli.ports import free_shift
    from hidden_gems.cli.stack import Plan, open_stack, stable_release
    from hidden_gems.cli.stack_clock import stack_clock

    places = Places(gems_home() / "drills" / "feedback")
    shutil.rmtree(places.root, ignore_errors=True)
    shutil.copytree(source.releases, places.releases, symlinks=True)
    shutil.copytree(source.feast, places.feast)
    more = {"GEMS_EVENTS_A_MINUTE": "100000000", "GEMS_SNAPSHOT_SECONDS": "5", "GEMS_FLUSH_SECONDS": "2"}
    more |= {"GEMS_SEND_TIMEOUT_SECONDS": str(SEND_SECONDS)}
    more |= {"GEMS_SILENT_SECONDS": str(SEND_SECONDS)}  # a broker on a twin of S3 is slow, not away

    def tell(said: str) -> None:
        console.print(said, markup=False, highlight=False, soft_wrap=True)

    stable_release(places, tell)
    plan = Plan(places, stack_clock(places), free_shift(), durable=True, more=more)
    with open_stack(plan, tell) as stack:
        for name in PARTS:
            stack.supervisor.start(name)
            if stack.supervisor.parts[name].first:
                stack.supervisor.await_ready([name])
        stack.supervisor.await_ready(PARTS)
        yield stack


def _send(stack: "Stack", stream: "Stream", console: Console) -> Sent:
    """Send everything until it is acknowledged, and kill what is to be killed meanwhile."""
    import httpx

    from hidden_gems.cli.stack import kept_keys
    from hidden_gems.streaming.kafka import KafkaProducer

    sent, faults = Sent(), list(FAULTS)
    size = min(LIST, len(stream.clean) // LEAST_LISTS)
    lists = stream.lists(size)
    producer = KafkaProducer(stack.plan.addresses["kafka"], SEND_SECONDS)
    headers = {"Authorization": f"Bearer {kept_keys()[0].rpartition(':')[2]}"}
    began = time.monotonic()
    address = stack.plan.addresses["collector"]
    with (
        httpx.Client(base_url=address, headers=headers, timeout=2 * SEND_SECONDS) as client,
        Progress(console=console) as progress,
    ):
        bar = progress.add_task("events", total=len(lists))
        for number, each in enumerate(lists):
            if faults and number >= faults[0][0] * len(lists):
                _, name = faults.pop(0)
                progress.console.print(f"{name} is killed with -9 after {number * size:,} events")
                _kill(stack, name)
            _until(lambda: _produced(producer, each.messages), sent)  # noqa: B023
            _until(lambda: _posted(client, each.events, sent), sent)  # noqa: B023
            progress.advance(bar)
    producer.close()
    sent.seconds = round(time.monotonic() - began, 1)
    return sent


def _until(succeeds: Callable[[], bool], sent: Sent) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not succeeds():
        sent.again += 1
        if time.monotonic() > deadline:
            raise HiddenGemsError(f"nothing was acknowledged for {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.1)


def _produced(producer: Any, messages: Sequence[Any]) -> bool:
    from hidden_gems.core.errors import PartUnavailableError

    try:
        producer.send(messages)
    except PartUnavailableError:
        return False
    return True


def _posted(client: Any, events: Sequence[Any], sent: Sent) -> bool:
    import httpx

    sent.calls += 1
    try:
        answer = client.post("/v1/events", json=events)
    except httpx.HTTPError:
        return False
    if answer.status_code in (429, 503):
        return False
    if answer.status_code != 202:
        raise HiddenGemsError(f"the collector answered {answer.status_code}: {answer.text[:200]}")
    said = answer.json()
    sent.outcomes.update({name: said[name] for name in ("accepted", "unsigned", "duplicates")})
    sent.reasons.update(each["reason"] for each in said["rejected"])
    return True


def _kill(stack: "Stack", name: str) -> None:
    import os
    import signal

    os.kill(stack.supervisor.pid(name), signal.SIGKILL)
    stack.supervisor.end(name)
    stack.supervisor.start(name)


def _settle(stack: "Stack", console: Console) -> None:
    """Wait until learner and archiver have come to the end of their topics."""
    import httpx

    quiet, deadline, before = time.monotonic(), time.monotonic() + PATIENCE_SECONDS, ""
    with console.status("waiting for learner and archiver"), httpx.Client(timeout=5.0) as client:
        while time.monotonic() - quiet < QUIET_SECONDS:
            said = ""
            for name, lag in (("learner", "gems_learner_lag_messages"), ("archiver", "gems_archiver_lag_messages")):
                try:
                    text = client.get(stack.plan.addresses[name] + "/metrics").text
                except httpx.HTTPError:
                    text = ""
                wanted = ("gems_learner_messages_total", "gems_archiver_rows_total", "gems_archiver_waiting", lag)
                said += "".join(line for line in text.splitlines() if line.startswith(wanted))
                if f"{lag} 0.0" not in text or "gems_ready 1.0" not in text:
                    quiet = time.monotonic()
            if said != before:
                quiet, before = time.monotonic(), said
            if time.monotonic() > deadline:
                raise HiddenGemsError(f"learner and archiver did not come to an end in {PATIENCE_SECONDS:.0f} s")
            time.sleep(0.5)


def _show(report: dict[str, Any], checks: Sequence[Check], console: Console) -> None:
    table = Table("", "promise", "expected", "found", title="Feedback drill (simulated events)")
    for check in checks:
        table.add_row("✓" if check.kept else "✗", check.promise, check.expected, check.found)
    console.print(table)
    sent = report["sent"]
    console.print(
        f"{report['events']:,} events, seed {report['seed']}, sent in {sent['seconds']} s ({sent['again']} lists sent "
        f"again), {report['seconds']} s in all."
    )


def root_of_drill() -> Path:
    """Where the last drill left its logs and its state."""
    return gems_home() / "drills" / "feedback"
