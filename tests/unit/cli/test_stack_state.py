import subprocess
import sys
import time
from pathlib import Path

import pytest

from hidden_gems.cli.stack_state import (
    PartState,
    StackState,
    last_stack,
    need_stack,
    running_stack,
    stack_lock,
    tail,
)
from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.core.home import gems_home


def a_state(**more: object) -> StackState:
    known = {
        "pid": 7, "started": 1.5, "dataset": "city", "simulated": True, "root": "/r", "releases": "/r/releases",
        "release": "2026-05-04.1", "clock": "100.0,1,5.0", "addresses": {"redis": "127.0.0.1:1"},
        "parts": {"redis": PartState(8, (1,), "/log", 2, "dead")}, "ready": True,
    }  # fmt: skip
    return StackState(**known | more)  # type: ignore[arg-type]


def test_a_state_is_read_as_it_was_written() -> None:
    assert last_stack() is None
    assert running_stack() is None
    a_state().write()
    assert last_stack() == a_state()
    assert [path.name for path in gems_home().iterdir()] == ["stack.json"]


def test_a_stack_runs_for_as_long_as_its_lock_is_held() -> None:
    with stack_lock():
        a_state().write()
        assert running_stack() == a_state()
        assert need_stack() == a_state()
        a_state(ready=False).write()
        with pytest.raises(HiddenGemsError, match="still starting"):
            need_stack()
    assert running_stack() is None
    with pytest.raises(HiddenGemsError, match=r"no stack of .* runs; `gems up` starts one"):
        need_stack()


def test_only_one_stack_of_a_home_runs() -> None:
    def again() -> None:
        with stack_lock():
            raise AssertionError("two locks")

    with stack_lock(), pytest.raises(HiddenGemsError, match="runs already: `gems status` shows it, `gems down` ends"):
        again()
    with stack_lock():
        pass


def test_somebody_who_looks_does_not_keep_a_stack_from_starting() -> None:
    with stack_lock():
        pass
    path = gems_home() / "stack.lock"
    program = (
        "import fcntl, sys, time; file = open(sys.argv[1]); fcntl.flock(file, fcntl.LOCK_SH)\n"
        "print(1, flush=True); time.sleep(0.4)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as looking:
        assert looking.stdout is not None
        looking.stdout.readline()
        began = time.monotonic()
        with stack_lock():
            assert time.monotonic() - began > 0.1


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log, 5) == []
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(1000)) + b"\xff")
    assert tail(log, 2) == ["line 999", "�"]
    assert tail(log, 0) == []
    assert len(tail(log, 10_000)) == 1001
    log.write_text("short")
    assert tail(log, 3) == ["short"]
