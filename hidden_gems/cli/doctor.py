"""`gems doctor`: what is missing on this machine, and how to get it."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.options import AsJson, Places
from hidden_gems.cli.ports import shifted, taken
from hidden_gems.cli.processes import broker_command, redis_command
from hidden_gems.cli.stack_state import running_stack
from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.core.home import gems_home

Verdict = Literal["ok", "missing", "note"]
EXTRAS = {
    "serve": ("kserve", "kafka", "redis", "onnxruntime", "lightgbm", "fastapi", "pyarrow"),
    "train": ("feast", "torch", "lightning", "kfp", "mlflow", "duckdb", "ibis", "onnx", "jinja2"),
}
ENOUGH_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    found: str
    advice: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Look for everything that the commands need; exit code 1 when something is missing."""
    findings = list(examine())
    well = all(finding.verdict != "missing" for finding in findings)
    if as_json:
        typer.echo(json.dumps({"well": well, "findings": [asdict(finding) for finding in findings]}))
    else:
        table = Table("", "what", "found", "how to get it")
        for finding in findings:
            table.add_row(finding.verdict, finding.what, finding.found, finding.advice)
        Console().print(table)
        typer.echo("All that is needed is here." if well else "Something is missing; the table says how to get it.")
    if not well:
        raise typer.Exit(1)


def examine() -> Iterator[Finding]:
    """Look at everything."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    wanted = sys.version_info[:2] == (3, 11)
    yield Finding("python", "ok" if wanted else "missing", version, "" if wanted else "install Python 3.11")
    for extra, packages in EXTRAS.items():
        absent = [package for package in packages if find_spec(package) is None]
        advice = f"pip install 'hidden-gems[{extra}]'" if absent else ""
        found = f"without {', '.join(absent)}" if absent else "installed"
        yield Finding(f"extra {extra}", "missing" if absent else "ok", found, advice)
    yield _server("redis-server", lambda: redis_command(Path("."), 1)[0], "gems up --redis HOST:PORT")
    yield _server("Kafka broker", lambda: broker_command(1)[0], "gems up --kafka HOST:PORT")
    yield _ports()
    yield _disk()
    yield _features()
    yield _releases()


def _server(what: str, find: Callable[[], str], instead: str) -> Finding:
    try:
        return Finding(what, "ok", find())
    except HiddenGemsError as error:
        return Finding(what, "missing", "none", f"{error}; then: {instead}")


def _ports() -> Finding:
    running = running_stack()
    if running is not None:
        return Finding("ports", "ok", f"a stack of this home runs (pid {running.pid})")
    busy = taken(shifted(0))
    if not busy:
        return Finding("ports", "ok", "all free")
    found = ", ".join(f"{port} ({name})" for port, name in busy.items())
    return Finding("ports", "note", f"in use: {found}", "gems up --port-base 10000")


def _disk() -> Finding:
    home = gems_home()
    folder = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(folder, os.W_OK):
        return Finding("home", "missing", f"{folder} cannot be written to", "set GEMS_HOME to a folder of yours")
    free = shutil.disk_usage(folder).free
    advice = "" if free >= ENOUGH_BYTES else "free some space, or set GEMS_HOME to another disk"
    verdict: Verdict = "ok" if free >= ENOUGH_BYTES else "note"
    return Finding("home", verdict, f"{home}, {free / 1e9:.0f} GB free", advice)


def _features() -> Finding:
    folder = os.environ.get("GEMS_FEATURE_REPO", "")
    if folder and (Path(folder) / "feature_store.yaml").is_file():
        return Finding("feature repo", "ok", folder)
    return Finding("feature repo", "missing", folder or "none", "set GEMS_FEATURE_REPO to the feature_repo folder")


def _releases() -> Finding:
    found = sorted(path for places in Places.all() for path in places.releases.glob("*/release.json"))
    if found:
        return Finding("releases", "ok", f"{len(found)} in {gems_home()}")
    return Finding("releases", "note", "none yet", "gems train --data DIR; or `gems up`, which makes a small city")
