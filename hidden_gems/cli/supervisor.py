"""Start processes, await that they answer, start those anew that die, and end all: the local twin of Kubernetes."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from hidden_gems.cli.processes import STOP_SECONDS, end, spawn
from hidden_gems.cli.stack_state import PartState, tail
from hidden_gems.core.errors import HiddenGemsError

READY_SECONDS = 60.0
POLL_SECONDS = 0.1
LAST_LINES = 12
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Pause before each new start of a process that keeps dying; after the last one it is given up."""
STEADY_SECONDS = 60.0
"""A process that lived so long starts again with the first pause."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Part:
    """One process of a stack."""

    name: str
    command: tuple[str, ...]
    log: Path
    ready: Callable[[], bool]
    url: str = ""  # that `ready` asks, where it asks one
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    keep: tuple[int, ...] = ()  # descriptors of locks that it holds for as long as it lives
    first: bool = False  # a server that the others need: started before them, ended after them
    stop_seconds: float = STOP_SECONDS  # how long it may take to end by itself


@dataclass
class _Life:
    process: subprocess.Popen[str]
    began: float  # monotonic seconds
    deaths: int = 0  # in a row
    restarts: int = 0
    again_at: float | None = None  # monotonic seconds
    down: str = ""


class Supervisor(AbstractContextManager["Supervisor"]):
    """The processes of a stack; all of them end with the block, and with the thread that made it.

    Call it from one thread only: the kernel ends a child when the thread that started it ends.

    Args:
        parts: In the order of their start.
        tell: Called with a sentence about what happened.
    """

    def __init__(self, parts: Sequence[Part], tell: Tell) -> None:
        self.parts = {part.name: part for part in parts}
        self._tell = tell
        self._lives: dict[str, _Life] = {}

    def start_all(self, progress: Callable[[str, bool], None] = lambda name, ready: None) -> None:
        """Start everything and wait until all of it answers: first what the others need, one after the other.

        Args:
            progress: Told with False when a part was started and with True when it is ready.

        Raises:
            HiddenGemsError: If a part dies before it is ready, or takes longer than a minute.
        """
        first = [[name] for name, part in self.parts.items() if part.first]
        for names in [*first, [name for name, part in self.parts.items() if not part.first]]:
            for name in names:
                self.start(name)
                progress(name, False)
            self.await_ready(names, lambda name: progress(name, True))

    def start(self, name: str) -> None:
        """Start a part that does not run."""
        part, before = self.parts[name], self._lives.get(name)
        if before is None:
            _turn(part.log)
        with part.log.open("a") as log:
            process = spawn(part.command, log, part.environment, part.keep)
        life = _Life(process, time.monotonic())
        if before:
            life.deaths, life.restarts = before.deaths, before.restarts + 1
        self._lives[name] = life

    def await_ready(self, names: Sequence[str], ready: Callable[[str], None] = lambda name: None) -> None:
        """Wait until parts answer.

        Raises:
            HiddenGemsError: If one dies before, or takes longer than a minute; quotes the end of its log.
        """
        waiting, deadline = list(names), time.monotonic() + READY_SECONDS
        while waiting:
            for name in list(waiting):
                code = self._lives[name].process.poll()
                if code is not None:
                    raise HiddenGemsError(f"{name} ended with {code} before it was ready.{self._last_words(name)}")
                if self.parts[name].ready():
                    waiting.remove(name)
                    ready(name)
            if waiting and time.monotonic() > deadline:
                raise HiddenGemsError(
                    f"{waiting[0]} was not ready after {READY_SECONDS:.0f} s.{self._last_words(waiting[0])}"
                )
            time.sleep(POLL_SECONDS if waiting else 0)

    def tend(self) -> bool:
        """Look after all parts once: say which died, and start those anew whose pause is over.

        Returns:
            Whether anything changed.
        """
        now, changed = time.monotonic(), False
        for name, life in list(self._lives.items()):
            if life.down and life.again_at is None:
                continue
            if life.again_at is not None:
                if now >= life.again_at:
                    self.start(name)
                    self._tell(f"{name} was started again.")
                    changed = True
            elif (code := life.process.poll()) is not None:
                self._mourn(name, life, code, now)
                changed = True
        return changed

    def end(self, name: str) -> None:
        """End a part on purpose; `tend` leaves it down, `start` brings it back."""
        life = self._lives[name]
        end([life.process], self.parts[name].stop_seconds)
        life.down, life.again_at = "ended on purpose", None

    def pid(self, name: str) -> int:
        """Process id of a part."""
        return self._lives[name].process.pid

    def states(self) -> dict[str, PartState]:
        """What is known about each part."""
        return {name: self._state(self.parts[name], life) for name, life in self._lives.items()}

    @staticmethod
    def _state(part: Part, life: _Life) -> PartState:
        return PartState(life.process.pid, part.ports, str(part.log), life.restarts, life.down, part.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything, what the others need last."""
        end([life.process for name, life in self._lives.items() if not self.parts[name].first])
        for name, life in reversed(self._lives.items()):
            end([life.process], self.parts[name].stop_seconds)

    def _mourn(self, name: str, life: _Life, code: int, now: float) -> None:
        end([life.process])  # what it left in its group
        life.deaths = 0 if now - life.began >= STEADY_SECONDS else life.deaths
        said = f"{name} ended with {code}.{self._last_words(name)}"
        if life.deaths >= len(BACKOFF_SECONDS):
            life.down = f"given up after {life.deaths + 1} deaths in a row"
            self._tell(f"{said}\n{name} is {life.down}; the others go on. Its log: {self.parts[name].log}")
            return
        pause = BACKOFF_SECONDS[life.deaths]
        life.again_at, life.down, life.deaths = now + pause, f"ended with {code}", life.deaths + 1
        self._tell(f"{said}\n{name} is started again in {pause:g} s.")

    def _last_words(self, name: str) -> str:
        log = self.parts[name].log
        lines = tail(log, LAST_LINES)
        return f" Its log {log} ends with:\n" + "\n".join(f"  | {line}" for line in lines) if lines else ""


def _turn(log: Path) -> None:
    """Make room for a new log; the one before stays beside it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
