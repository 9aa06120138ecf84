"""Run a pipeline as a child process and show how far it is."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hidden_gems.cli.processes import child
from hidden_gems.core import errors

KEPT_RUNS = 5
_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_TASKS = re.compile(r"^tasks: (\d+)$")
_STARTED = re.compile(r"Executing task '([^']+)'")
_ENDED = re.compile(r"Task '([^']+)' finished with status (\w+)")
_PROGRESS = re.compile(r"^\s*progress: (\d\.\d+) (.*)$")
_RAISED = re.compile(r"^\s*(hidden_gems(?:\.\w+)+)\.(\w+): (.*)$")


@dataclass(frozen=True)
class Step:
    """One task of a finished run."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Run:
    """A finished run."""

    steps: tuple[Step, ...]
    folder: Path  # artifacts of every task, and the log

    def output(self, task: str) -> Any:
        """What a task returned."""
        [path] = self.folder.glob(f"*/{task}/executor_output.json")
        return json.loads(path.read_text())["parameterValues"]["Output"]

    def artifact(self, task: str, name: str) -> Path:
        """Path of an artifact that a task wrote."""
        [path] = self.folder.glob(f"*/{task}/{name}")
        return path


def run_pipeline(name: str, arguments: Mapping[str, Any], runs: Path, console: Console) -> Run:
    """Run a pipeline with the local runner, with a bar a task; without a terminal, with a line as each ends.

    Args:
        name: Folder of the pipeline under `pipelines`.
        arguments: Its parameters.
        runs: Folder for this and earlier runs; the oldest beyond five are removed.
        console: Where progress is shown.

    Raises:
        HiddenGemsError: What a task raised on purpose, as itself.
        StepFailedError: If a task failed in another way; names it and the log.
    """
    folder = runs / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    folder.mkdir(parents=True)
    for old in sorted(path for path in runs.iterdir() if path.is_dir())[:-KEPT_RUNS]:
        shutil.rmtree(old)
    command = [sys.executable, "-m", "pipelines.run", name, "--arguments", json.dumps(arguments), "--root", str(folder)]
    log_path = folder / "run.log"
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with (
        child(command, subprocess.PIPE, {"PYTHONUNBUFFERED": "1"}) as process,
        log_path.open("w") as log,
        Progress(*columns, console=console, disable=not console.is_terminal) as progress,
    ):
        follower = _Follower(progress)
        for line in process.stdout or ():
            log.write(line)
            follower.read(_COLOR.sub("", line.rstrip("\n")))
        process.wait()
    if process.returncode:
        raise follower.error(log_path)
    return Run(tuple(follower.steps), folder)


def _kind(module: str, name: str) -> type[errors.HiddenGemsError] | None:
    """The kind of an error that a task raised, or the one above it where that takes more than a message."""
    found = getattr(importlib.import_module(module), name, None)
    if not (isinstance(found, type) and issubclass(found, errors.HiddenGemsError)):
        return None
    kinds = [kind for kind in found.mro() if issubclass(kind, errors.HiddenGemsError)]
    while any("__init__" in vars(kind) for kind in kinds):
        del kinds[0]
    return None if kinds[0] is errors.HiddenGemsError else kinds[0]


class _Follower:
    """Reads the log line by line, keeps times and the last error, moves the bars."""

    def __init__(self, progress: Progress) -> None:
        self.steps: list[Step] = []
        self._progress = progress
        self._all: Any = None
        self._task = ""
        self._bar: Any = None
        self._began = 0.0
        self._raised: tuple[str, str, str] | None = None

    def read(self, line: str) -> None:
        if match := _TASKS.match(line):
            self._all = self._progress.add_task("pipeline", total=int(match[1]), note="")
        elif match := _STARTED.search(line):
            self._task, self._began = match[1], time.monotonic()
            self._bar = self._progress.add_task(f"  {match[1].replace('-', ' ')}", total=1.0, note="")
        elif match := _PROGRESS.match(line):
            self._progress.update(self._bar, completed=float(match[1]), note=match[2])
        elif match := _RAISED.match(line):
            self._raised = match[1], match[2], match[3]
        elif match := _ENDED.search(line):
            self._end(match[2] == "SUCCESS")

    def error(self, log: Path) -> errors.HiddenGemsError:
        if self._raised and (kind := _kind(*self._raised[:2])):
            return kind(self._raised[2])
        reason = f": {self._raised[2]}" if self._raised else ""
        return errors.StepFailedError(f"step {self._task!r} failed{reason}; its log is {log}")

    def _end(self, succeeded: bool) -> None:
        seconds = time.monotonic() - self._began
        if succeeded:
            self.steps.append(Step(self._task.replace("-", " "), seconds))
            self._progress.update(self._bar, completed=1.0, note="")
            self._progress.advance(self._all)
            if self._progress.disable:  # a log: bars would come at the end, all at once
                self._progress.console.print(f"  {self.steps[-1].name}: {seconds:.0f} s", markup=False, highlight=False)
        else:
            self._progress.update(self._bar, note="failed")
        self._progress.stop_task(self._bar)
