"""`gems status` and `gems logs`: what runs, on which release and state, and what it says."""

import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import httpx
import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.options import AsJson
from hidden_gems.cli.stack_state import StackState, last_lines, last_stack, running_stack, tail
from hidden_gems.core.errors import BadInputError
from hidden_gems.core.home import gems_home

_ASK_SECONDS, _LOOK_SECONDS = 1.0, 0.2
_ALL_LINES = 1_000_000
MEASURED = ("learner", "transformer")
"""Processes whose metrics say on which release and state the stack is."""
_SAMPLE = re.compile(r"^(\w+)(\{[^}]*\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
STATE_VERSION, LAG, AGE, RELEASE, VERDICT, RETURNS = (
    "gems_online_state_version",
    "gems_learner_lag_messages",
    "gems_learner_applied_age_seconds",
    "gems_release_info",
    "gems_online_verdict",
    "gems_online_returns_total",
)


def status(as_json: AsJson = False) -> None:
    """Show what runs: since when, which release and state version, how far the learner is behind, and its health.

    Exit code 0 when a stack runs and all of it is well, else 1.
    """
    state = running_stack()
    if state is None:
        _show_nothing(as_json)
        raise typer.Exit(1)
    found = look(state)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        _show(found, Console())
    if not found["well"]:
        raise typer.Exit(1)


def logs(
    name: Annotated[
        str, typer.Argument(help="A process, as `gems status` names it; or `stack` for what watches them.")
    ],
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Lines from the end.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the log of a process of the stack that runs, or of the last one that ran."""
    path = _log(name)
    if as_json:
        typer.echo(json.dumps({"name": name, "path": str(path), "lines": tail(path, lines)}, ensure_ascii=False))
        return
    if not follow:
        typer.echo("".join(f"{line}\n" for line in tail(path, lines)), nl=False)
        return
    with suppress(KeyboardInterrupt):
        _follow(path, lines)


def look(state: StackState) -> dict[str, Any]:
    """Everything about a running stack: what it says of itself, and what its processes answer now."""
    parts = {name: _look_at(name, state) for name in state.parts}
    metrics = {name: part.pop("metrics") for name, part in parts.items()}
    learner, transformer = metrics.get("learner", {}), metrics.get("transformer", {})
    return {
        "running": True,
        "ready": state.ready,
        "well": state.ready and all(part["health"] == "ok" for part in parts.values()),
        "pid": state.pid,
        "since": _iso(state.started),
        "dataset": state.dataset,
        "simulated": state.simulated,
        "release": _label(transformer, RELEASE, "version") or state.release,
        "state_version": _number(learner, STATE_VERSION),
        "lag": _number(learner, LAG),
        "online": _label(learner, VERDICT, "verdict"),
        "returns": sum(int(value) for _, value in learner.get(RETURNS, ())),
        "now": state.the_clock().now(),
        "clock": state.clock,
        "addresses": state.addresses,
        "parts": parts,
    }


def read_metrics(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    r"""Samples of the Prometheus text format by name, each with its labels.

    Examples:
        >>> read_metrics('# HELP a b\na{c="d"} 2.0\n')
        {'a': [({'c': 'd'}, 2.0)]}
    """
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for line in text.splitlines():
        if match := _SAMPLE.match(line):
            found.setdefault(match[1], []).append((dict(_LABEL.findall(match[2] or "")), float(match[3])))
    return found


def _look_at(name: str, state: StackState) -> dict[str, Any]:
    """One process: whether it lives and answers, and its metrics where we need them."""
    part = state.parts[name]
    about: dict[str, Any] = {"pid": part.pid, "ports": list(part.ports), "restarts": part.restarts, "log": part.log}
    if part.down:
        return about | {"health": part.down, "metrics": {}}
    if not part.url:
        return about | {"health": "ok" if Path(f"/proc/{part.pid}").exists() else "dead", "metrics": {}}
    try:
        answer = _get(part.url)
        metrics = read_metrics(_get(f"{state.addresses[name]}/metrics").text) if name in MEASURED else {}
    except httpx.TransportError as error:
        return about | {"health": f"does not answer: {error}", "metrics": {}}
    return about | {"health": "ok" if answer.is_success else f"answers {answer.status_code}", "metrics": metrics}


def _get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=_ASK_SECONDS, trust_env=False)


def _number(metrics: Mapping[str, Any], name: str) -> int | None:
    return int(metrics[name][0][1]) if name in metrics else None


def _label(metrics: Mapping[str, Any], name: str, label: str) -> str | None:
    """Label of the sample that is 1."""
    return next((labels.get(label) for labels, value in metrics.get(name, ()) if value == 1), None)


def _show(found: Mapping[str, Any], console: Console) -> None:
    simulated = " (simulated)" if found["simulated"] else ""
    console.print(f"{found['dataset']}{simulated}, release {found['release']}, since {found['since']}", highlight=False)
    if found["clock"]:
        console.print(f"In the stack it is {_iso(found['now'])}: its clock is not the machine's.", highlight=False)
    known = {"state version": found["state_version"], "messages that wait": found["lag"]}
    known |= {"online against the release": found["online"], "returns": found["returns"] or None}
    console.print("  ".join(f"{name} {value}" for name, value in known.items() if value is not None), highlight=False)
    table = Table("process", "health", "pid", "address", "restarts")
    for name, part in found["parts"].items():
        address = found["addresses"][name]
        table.add_row(name, part["health"], str(part["pid"]), address, str(part["restarts"] or ""))
    console.print(table)
    if not found["ready"]:
        console.print("Still starting.")
    for name, part in found["parts"].items():
        if part["health"] != "ok":
            console.print(f"{name} is not well; `gems logs {name}` shows what it said last.", highlight=False)


def _show_nothing(as_json: bool) -> None:
    last = last_stack()
    if as_json:
        typer.echo(json.dumps({"running": False}))
        return
    typer.echo(f"No stack of {gems_home()} runs; `gems up` starts one.")
    if last is not None:
        typer.echo(f"The last one began {_iso(last.started)}; `gems logs NAME` still shows what it said.")


def _log(name: str) -> Path:
    state = last_stack()
    if name == "stack":
        return gems_home() / "stack.log"
    if state is None:
        raise BadInputError(f"no stack of {gems_home()} ever ran; `gems up` starts one")
    if name not in state.parts:
        raise BadInputError(f"no process {name!r}; there are stack, {', '.join(state.parts)}")
    return Path(state.parts[name].log)


def _follow(path: Path, lines: int) -> None:
    """Print the last lines and what comes, also into a new file of the same name, until somebody interrupts."""
    while True:
        with path.open("rb") as file:
            for line in last_lines(file, lines):
                typer.echo(line)
            _print_on(path, file)
        lines = _ALL_LINES  # of a file that has taken its place


def _print_on(path: Path, file: BinaryIO) -> None:
    """Print what is appended until another file has the name."""
    while True:
        if line := file.readline():
            typer.echo(line.decode("utf-8", "replace"), nl=False)
        elif path.exists() and path.stat().st_ino != _inode(file.fileno()):
            return
        else:
            time.sleep(_LOOK_SECONDS)


def _inode(descriptor: int) -> int:
    return os.fstat(descriptor).st_ino


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
