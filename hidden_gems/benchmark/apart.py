"""Run calls in processes of their own, several at a time: one that fails or is killed takes nobody with it.

On Linux they are forked from a process that did nothing but import the libraries and the module of the first call,
which costs more than most calls.
"""

import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from hidden_gems.core.errors import HiddenGemsError

_POLL_SECONDS = 1.0  # how often limits are looked at
_LIBRARIES = ("pandas", "scipy.sparse", "ibis", "duckdb", "lightgbm", "torch")
"""What takes long to import; one that is not there is left out."""


@dataclass(frozen=True)
class Call:
    """A call to make in a process of its own; what it finds out it leaves on disk."""

    function: Callable[..., None]  # of a module, so that a new process can import it
    arguments: tuple[Any, ...]
    after: tuple[int, ...] = ()  # places of the calls that must have ended before, well or badly


@dataclass(frozen=True)
class Ended:
    """How a call ended."""

    place: int  # of the call in the sequence that was given
    failure: str  # why it failed; empty if it did not
    seconds: float
    peak_mb: float  # most memory its process held, MiB; 0 if it was killed


@dataclass
class _Running:
    process: BaseProcess
    pipe: Connection
    started: float  # monotonic seconds


def run_apart(
    calls: Sequence[Call],
    jobs: int | None = None,
    limit_seconds: float | None = None,
    chosen: Sequence[int] = (),
    all_seconds: float | None = None,
) -> Iterator[Ended]:
    """Make the calls, each in a fresh process with one thread, in the order given as far as `after` allows.

    Args:
        calls: What to do.
        jobs: Processes at a time; by default one for each core.
        limit_seconds: A call that takes longer is ended and counts as failed.
        chosen: Places of the calls to make; the others count as ended. Empty means all.
        all_seconds: When that much time is over, calls that run are ended, and those that wait count as failed.

    Yields:
        Each call as it ends.
    """
    waiting = list(chosen) if chosen else list(range(len(calls)))
    running: dict[int, _Running] = {}
    most, began = jobs or os.cpu_count() or 1, time.monotonic()
    try:
        while waiting or running:
            if all_seconds is not None and time.monotonic() - began > all_seconds:
                yield from (Ended(place, "the time for all was over", 0.0, 0.0) for place in waiting)
                waiting, limit_seconds = [], 0.0
            open_calls = {*waiting, *running}
            ready = [place for place in waiting if not open_calls & set(calls[place].after)]
            for place in ready[: most - len(running)]:
                waiting.remove(place)
                running[place] = _start(calls[place])
            connection.wait([each.process.sentinel for each in running.values()], _POLL_SECONDS)
            for place, each in list(running.items()):
                late = limit_seconds is not None and time.monotonic() - each.started > limit_seconds
                if late:
                    each.process.kill()
                if late or not each.process.is_alive():
                    del running[place]
                    yield _end(place, each, limit_seconds if late else None)
    finally:
        for each in running.values():
            each.process.kill()
            each.process.join()


def workers(jobs: int | None) -> int:
    """Processes at a time: `jobs`, else one for each core."""
    return jobs or os.cpu_count() or 1


def _start(call: Call) -> _Running:
    if sys.platform == "linux":
        context = get_context("forkserver")
        context.set_forkserver_preload([*_LIBRARIES, call.function.__module__])
    else:
        context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    with _one_thread():
        arguments = (theirs, dict(os.environ), call.function, call.arguments)
        process = context.Process(target=_child, args=arguments, daemon=True)
        process.start()
    theirs.close()
    return _Running(process, ours, time.monotonic())


def _end(place: int, running: _Running, limit_seconds: float | None) -> Ended:
    running.process.join()
    seconds = time.monotonic() - running.started
    try:
        failure, peak_mb = running.pipe.recv() if running.pipe.poll() else ("", 0.0)
    except EOFError:
        code = running.process.exitcode or 0
        failure, peak_mb = f"its process was ended by signal {-code}" if code < 0 else f"exit code {code}", 0.0
        failure += "; out of memory?" if code == -9 and limit_seconds is None else ""
    running.pipe.close()
    if limit_seconds is not None:
        failure = f"it took longer than {limit_seconds:g} s"
    return Ended(place, failure, round(seconds, 2), round(peak_mb, 1))


def _child(
    pipe: Connection, environment: Mapping[str, str], function: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    os.environ.clear()  # it is that of the first call otherwise
    os.environ.update(environment)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    failure = ""
    try:
        function(*arguments)
    except HiddenGemsError as error:
        failure = str(error)
    except Exception as error:  # whatever a model raises is told, and the others go on
        failure = f"{type(error).__name__}: {error}"
    pipe.send((failure, peak_mb()))


def peak_mb() -> float:
    """Most memory that this process has held so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _leave_with_parent() -> None:
    """A parent that was killed cannot end its children, so they watch it."""
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Libraries count their threads when they are loaded: what starts in this block takes one."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
