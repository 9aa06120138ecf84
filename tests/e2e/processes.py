"""The processes of a home: all that `gems` starts inherit its GEMS_HOME; those that hide it work or write below it."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def living(home: Path) -> dict[int, str]:
    """Command line of every process of a home that is not dead, by its id."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and _belongs(folder, home):
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                if state not in "ZX":
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it has ended, or is not ours
    return found


def _belongs(process: Path, home: Path) -> bool:
    """Whether a process has the home in its environment, works below it, or writes its output there."""
    if f"GEMS_HOME={home}".encode() in (process / "environ").read_bytes().split(b"\0"):
        return True
    return any((process / name).readlink().is_relative_to(home) for name in ("cwd", "fd/1"))


def wait_for(condition: Callable[[], object], seconds: float) -> bool:
    """Whether a condition holds before the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def end_all(home: Path) -> None:
    """Kill what a failed test left."""
    for pid in living(home):
        os.kill(pid, signal.SIGKILL)
