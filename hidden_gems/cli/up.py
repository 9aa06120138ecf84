"""`gems up` and `gems down`: the local stack."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hidden_gems.cli.extras import needs_extra, require
from hidden_gems.cli.options import AsJson, Places
from hidden_gems.cli.stack_state import StackState, running_stack, stack_lock, tail
from hidden_gems.core.errors import BadInputError, HiddenGemsError
from hidden_gems.core.home import gems_home

if TYPE_CHECKING:
    from hidden_gems.cli.stack import Stack

DETACHED_LOG = "stack.log"
START_SECONDS = 420.0
"""A detached stack may have to simulate and train first."""
STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Asked:
    """Options of `gems up` that decide what runs."""

    data: Path | None
    shift: int
    redis: str
    kafka: str
    real_triton: bool
    durable: bool

    def options(self) -> list[str]:
        """As a command line has them."""
        named = {"--data": self.data, "--redis": self.redis, "--kafka": self.kafka}
        found = ["--port-base", str(self.shift), *(["--real-triton"] if self.real_triton else [])]
        found += ["--durable"] if self.durable else []
        return found + [part for option, value in named.items() if value for part in (option, str(value))]


@needs_extra("serve")
def up(
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Dataset whose release is served; by default the last one trained."),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running; `gems down` ends it.")] = False,
    port_base: Annotated[int, typer.Option(metavar="N", help="Add N to every port.")] = 0,
    redis: Annotated[str, typer.Option(metavar="HOST:PORT", help="A Redis that `gems train --redis` filled.")] = "",
    kafka: Annotated[str, typer.Option(metavar="HOST:PORT", help="A broker of your own.")] = "",
    real_triton: Annotated[
        bool, typer.Option("--real-triton", help="NVIDIA Triton for the deep models; 450 MB are installed once.")
    ] = False,
    durable: Annotated[
        bool, typer.Option("--durable", help="The embedded broker keeps its log when it is started again (port 9010).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the local stack in the foreground until Ctrl-C or `gems down`; everything listens on 127.0.0.1 only.

    Redis, a Kafka broker and six processes of ours: deep, ranker, learner, archiver, collector, transformer. One that
    dies is started again. Without any release a quick simulated city is made and trained first (2 minutes).

    Try: gems up --detach; gems recommend --user somebody; gems status; gems down
    """
    require("kserve", "serve")
    console = Console(stderr=as_json)
    if durable:
        require("moto", "dev")
    asked = Asked(data, port_base, _address("--redis", redis), _address("--kafka", kafka), real_triton, durable)
    if detach:
        _show_up(_detached(asked, console), console, as_json)
        return
    with stack_lock():
        _run(asked, console, as_json)


def down(as_json: AsJson = False) -> None:
    """End the stack of this home and everything it started."""
    state = running_stack()
    if state is None:
        typer.echo(json.dumps({"ended": False}) if as_json else f"No stack of {gems_home()} runs.")
        return
    began = time.monotonic()
    os.kill(state.pid, signal.SIGTERM)
    while running_stack() is not None or _lives(state.pid):
        if time.monotonic() - began > STOP_SECONDS:
            os.kill(state.pid, signal.SIGKILL)  # its children end with it
            break
        time.sleep(0.05)
    seconds = round(time.monotonic() - began, 1)
    typer.echo(json.dumps({"ended": True, "seconds": seconds}) if as_json else f"The stack ended in {seconds:.1f} s.")


def _lives(pid: int) -> bool:
    """Whether a process has not ended; one that only waits to be noticed has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def _run(asked: Asked, console: Console, as_json: bool) -> None:
    from hidden_gems.cli.stack import Plan, open_stack, stable_release, stand_by
    from hidden_gems.cli.stack_clock import stack_clock
    from hidden_gems.core.ids import Pseudonyms

    def tell(said: str) -> None:
        console.print(said, markup=False, highlight=False, soft_wrap=True)

    places = _places(asked.data, console)
    stable_release(places, tell)
    plan = Plan(places, stack_clock(places), asked.shift, asked.redis, asked.kafka, asked.real_triton, asked.durable)
    with open_stack(plan, tell) as stack:
        key = Pseudonyms.load(gems_home()).key_id
        if stack.release.dataset.pseudonym_key not in ("", key):
            tell(
                "NOTE: the release was trained under another GEMS_PSEUDONYM_KEY: everybody in it is a stranger here. "
                "Set that key, or train again."
            )
        started = time.time()

        def note(ready: bool = True) -> StackState:
            state = stack.state(os.getpid(), started, ready)
            state.write()
            return state

        note(ready=False)
        start_with_progress(stack, console)
        plan.clock.keep()
        if plan.clock.about():
            tell(plan.clock.about())
        _show_up(note(), console, as_json)
        with suppress(KeyboardInterrupt, SystemExit):  # Ctrl-C and `gems down` are how it is meant to end
            stand_by(stack, note)
        tell("Ending the stack.")


def start_with_progress(stack: "Stack", console: Console) -> None:
    """Start every process of a stack with a line for each."""
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description:<12}"),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bars: dict[str, Any] = {}

        def show(name: str, ready: bool) -> None:
            if ready:
                progress.update(bars[name], total=1, completed=1, note="ready")
                progress.stop_task(bars[name])
            else:
                bars[name] = progress.add_task(name, total=None, note="starting")

        stack.supervisor.start_all(show)


def _places(data: Path | None, console: Console) -> Places:
    """State of the dataset to serve: the one named, else the one released last, else a quick city made now."""
    from hidden_gems.cli.stack import newest_release

    if data is not None:
        places = Places.of(data)
        if newest_release(places) is None:
            raise BadInputError(f"--data {data} has no release in {gems_home()}; first: gems train --data {data}")
        return places
    released = {places: newest for places in Places.all() if (newest := newest_release(places)) is not None}
    if released:
        return max(released, key=lambda places: (released[places] / "release.json").stat().st_mtime)
    return _made(console)


def _made(console: Console) -> Places:
    """Simulate a quick city and train on it."""
    from hidden_gems.cli.processes import redis_server
    from hidden_gems.cli.simulate import city_folder
    from hidden_gems.cli.train import QUICK_MODELS, TrainingArguments, show_decision, train_release

    require("kfp", "train")
    console.print(
        f"NOTE: {gems_home()} has no release. A small city is simulated and trained on now (about 2 minutes); "
        "nobody in it is real. For data of your own: gems train --data DIR",
        soft_wrap=True,
    )
    folder = city_folder(quick=True, seed=0, console=console)
    places = Places.of(folder)
    with redis_server(places.redis) as redis:
        trained = train_release(folder, places, redis, TrainingArguments(QUICK_MODELS), console)
    show_decision(trained, console)
    return places


def _detached(asked: Asked, console: Console) -> StackState:
    """Start `gems up` as a process of its own and wait until its stack is ready."""
    if running_stack() is not None:
        raise HiddenGemsError(f"a stack of {gems_home()} runs already: `gems status` shows it, `gems down` ends it")
    command = [sys.executable, "-m", "hidden_gems.cli", "up", *asked.options()]
    log_path = gems_home() / DETACHED_LOG
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("w") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    deadline = time.monotonic() + START_SECONDS
    try:
        with console.status("starting the stack"):
            while True:
                state = running_stack()
                if state is not None and state.ready and state.pid == process.pid:
                    return state
                if process.poll() is not None or time.monotonic() > deadline:
                    said = "\n".join(tail(log_path, 20))
                    raise HiddenGemsError(f"the stack did not start; {log_path} says:\n{said}")
                time.sleep(0.1)
    except BaseException:
        process.terminate()  # it ends what it started
        raise


def _address(option: str, given: str) -> str:
    """`host:port`, also out of a URL.

    Raises:
        BadInputError: If it is neither.
    """
    address = given.rpartition("://")[2].rstrip("/")
    host, _, port = address.rpartition(":")
    if given and not (host and port.isdigit()):
        raise BadInputError(f"{option} {given}: expected HOST:PORT")
    return address


def _show_up(state: StackState, console: Console, as_json: bool) -> None:
    if as_json:
        typer.echo(
            json.dumps({"ready": True, "pid": state.pid, "release": state.release, "addresses": state.addresses})
        )
        return
    simulated = " (simulated)" if state.simulated else ""
    lines = [f"The stack is ready: {state.dataset}{simulated}, release {state.release}."]
    lines += [f"  {name:<12}{state.addresses[name]}" for name in ("transformer", "collector", "redis", "kafka")]
    if not os.environ.get("GEMS_API_KEYS"):
        lines.append(f"  {'API key':<12}{(gems_home() / 'api.key').read_text()}")
    lines.append("Try: gems recommend --user somebody · gems status · gems logs transformer · gems down")
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
