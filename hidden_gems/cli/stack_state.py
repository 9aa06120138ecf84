"""What is known about the stack of a home: one file, and a lock that is held for as long as it runs."""

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from hidden_gems.core.clock import Clock, clock_from
from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.core.home import gems_home

_STATE, _LOCK = "stack.json", "stack.lock"
_LONG_LINE = 400
_PATIENCE_SECONDS = 1.0
"""How long a lock may be held by somebody who only looks whether it is."""


@dataclass(frozen=True)
class PartState:
    """One process."""

    pid: int
    ports: tuple[int, ...]
    log: str
    restarts: int = 0
    down: str = ""  # why it does not run, empty where it does
    url: str = ""  # answers 200 while it can do its work; empty for servers without HTTP


@dataclass(frozen=True)
class StackState:
    """What a stack said of itself when it last changed."""

    pid: int  # of the process that watches the others
    started: float  # epoch seconds, on the machine's clock
    dataset: str
    simulated: bool
    root: str  # state of the dataset
    releases: str
    release: str  # that was stable when the stack began
    clock: str  # GEMS_CLOCK of every process, empty for the machine's own
    addresses: dict[str, str]  # URL of each HTTP door, host:port of redis and kafka
    parts: dict[str, PartState] = field(default_factory=dict)
    ready: bool = False

    def the_clock(self) -> Clock:
        """Clock of the stack."""
        return clock_from(self.clock)

    def write(self) -> None:
        """Keep it, by rename, so that a reader sees the old or the new one."""
        path = gems_home() / _STATE
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{_STATE}")
        draft.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(path)


def last_stack() -> StackState | None:
    """The stack of this home, running or not; None where there never was one."""
    try:
        content = json.loads((gems_home() / _STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    parts = {name: PartState(**part | {"ports": tuple(part["ports"])}) for name, part in content.pop("parts").items()}
    return StackState(**content, parts=parts)


def running_stack() -> StackState | None:
    """The stack that runs now.

    Returns:
        None where none does, also where the process that watched it was killed.
    """
    path = gems_home() / _LOCK
    if not path.exists():
        return None
    with path.open() as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return last_stack()
    return None


def need_stack() -> StackState:
    """The stack that runs now and is ready.

    Raises:
        HiddenGemsError: If there is none; says how to start one.
    """
    state = running_stack()
    if state is None:
        raise HiddenGemsError(f"no stack of {gems_home()} runs; `gems up` starts one (GEMS_HOME names another home)")
    if not state.ready:
        raise HiddenGemsError("the stack is still starting; `gems status` says when it is ready")
    return state


@contextmanager
def stack_lock() -> Iterator[None]:
    """Be the only stack of this home.

    Raises:
        HiddenGemsError: If another one runs.
    """
    path = gems_home() / _LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise HiddenGemsError(
                        f"a stack of {gems_home()} runs already: `gems status` shows it, `gems down` ends it"
                    ) from error
            time.sleep(0.02)
        yield


def tail(log: Path, lines: int) -> list[str]:
    """Last lines of a log; none where there is no log."""
    try:
        with log.open("rb") as file:
            return last_lines(file, lines)
    except FileNotFoundError:
        return []


def last_lines(file: BinaryIO, lines: int) -> list[str]:
    """Last lines of an open file, which is at its end afterwards."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _LONG_LINE * (lines + 1)))
    found = file.read().decode("utf-8", "replace").splitlines()
    return found[-lines:] if lines else []
