"""Calls for processes of their own; the module imports next to nothing, so that each process starts at once."""

import os
import time
from pathlib import Path

from hidden_gems.core.errors import BadInputError


def note(folder: Path, name: str, seconds: float = 0.0) -> None:
    (folder / f"{name}.began").write_text(repr(time.monotonic()))
    time.sleep(seconds)
    (folder / name).write_text(repr(time.monotonic()))


def refuse(sort: str) -> None:
    if sort == "ours":
        raise BadInputError("there is no such thing")
    if sort == "killed":
        os.kill(os.getpid(), 9)
    if sort == "left":
        os._exit(3)
    raise ValueError("of its own")


def told(folder: Path) -> None:
    (folder / "told").write_text(f"{os.environ['OMP_NUM_THREADS']} {os.environ['GEMS_HOME']}")
