"""The supervisor with real processes that are small."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from hidden_gems.cli import supervisor as module
from hidden_gems.cli.supervisor import Part, Supervisor
from hidden_gems.core.errors import HiddenGemsError

LIVES = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text('here'); time.sleep(60)"


def part(folder: Path, name: str, program: str = LIVES, first: bool = False, **more: str) -> Part:
    ready = folder / f"{name}.ready"
    command = (sys.executable, "-c", program, str(ready))
    return Part(name, command, folder / "logs" / f"{name}.log", ready.exists, environment=more, first=first)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_the_others_need_is_ready_before_they_start_and_all_end_with_the_block(tmp_path: Path) -> None:
    told: list[tuple[str, bool]] = []
    parts = [part(tmp_path, "a"), part(tmp_path, "b"), part(tmp_path, "base", first=True)]
    with Supervisor(parts, print) as supervisor:
        supervisor.start_all(lambda name, ready: told.append((name, ready)))
        pids = [supervisor.pid(name) for name in ("a", "b", "base")]
        assert all(alive(pid) for pid in pids)
        assert told[:2] == [("base", False), ("base", True)]
        assert told[2:4] == [("a", False), ("b", False)]
        assert sorted(told[4:]) == [("a", True), ("b", True)]
        states = supervisor.states()
        assert {name: state.pid for name, state in states.items()} == dict(zip(("a", "b", "base"), pids, strict=True))
        assert {state.down for state in states.values()} == {""}
        assert supervisor.tend() is False
    assert not any(alive(pid) for pid in pids)


def test_a_process_that_dies_at_the_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    program = "import sys; [print('line', i) for i in range(30)]; sys.exit(3)"
    with Supervisor([part(tmp_path, "a", program)], print) as supervisor, pytest.raises(HiddenGemsError) as found:
        supervisor.start_all()
    said = str(found.value)
    assert said.startswith("a ended with 3 before it was ready. Its log ")
    assert said.count("  | line") == module.LAST_LINES
    assert said.endswith("  | line 29")


def test_a_process_that_never_answers_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READY_SECONDS", 0.2)
    program = "import time; print('hm', flush=True); time.sleep(60)"
    with Supervisor([part(tmp_path, "a", program)], print) as supervisor:
        with pytest.raises(HiddenGemsError, match="a was not ready after 0 s"):
            supervisor.start_all()
        pid = supervisor.pid("a")
    assert not alive(pid)


def test_a_process_that_is_killed_is_told_and_started_again_after_a_pause(tmp_path: Path) -> None:
    told: list[str] = []
    with Supervisor([part(tmp_path, "a"), part(tmp_path, "b")], told.append) as supervisor:
        supervisor.start_all()
        pid, other = supervisor.pid("a"), supervisor.pid("b")
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        while not supervisor.tend():
            time.sleep(0.01)
        assert told == ["a ended with -9.\na is started again in 0.5 s."]
        assert supervisor.states()["a"].down == "ended with -9"
        while not supervisor.tend():
            time.sleep(0.01)
        assert time.monotonic() - began >= 0.5
        assert told[1:] == ["a was started again."]
        state = supervisor.states()["a"]
        assert state.pid != pid
        assert alive(state.pid)
        assert (state.restarts, state.down) == (1, "")
        assert supervisor.pid("b") == other
    assert not alive(state.pid)


def test_pauses_grow_and_a_process_that_keeps_dying_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF_SECONDS", (0.0, 0.02))
    told: list[str] = []
    with Supervisor([part(tmp_path, "a", "raise SystemExit('no')")], told.append) as supervisor:
        supervisor.start("a")
        deadline = time.monotonic() + 20
        while "given up" not in supervisor.states()["a"].down:
            supervisor.tend()
            assert time.monotonic() < deadline
        assert supervisor.tend() is False
        state = supervisor.states()["a"]
    assert state.restarts == 2
    assert state.down == "given up after 3 deaths in a row"
    assert [said.splitlines()[-1] for said in told[:-1:2]] == [
        "a is started again in 0 s.",
        "a is started again in 0.02 s.",
    ]
    assert "a ended with 1. Its log" in told[0]
    assert told[-1].splitlines()[-1].startswith("a is given up after 3 deaths in a row; the others go on. Its log: ")


def test_a_death_after_a_long_life_counts_as_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_SECONDS", (0.0,))
    monkeypatch.setattr(module, "STEADY_SECONDS", 0.0)
    with Supervisor([part(tmp_path, "a", "raise SystemExit(1)")], lambda said: None) as supervisor:
        supervisor.start("a")
        deadline = time.monotonic() + 20
        while supervisor.states()["a"].restarts < 3:
            supervisor.tend()
            assert time.monotonic() < deadline
        assert "given up" not in supervisor.states()["a"].down


def test_what_is_ended_on_purpose_stays_down_until_it_is_started(tmp_path: Path) -> None:
    with Supervisor([part(tmp_path, "a")], lambda said: None) as supervisor:
        supervisor.start_all()
        supervisor.end("a")
        assert supervisor.tend() is False
        assert supervisor.states()["a"].down == "ended on purpose"
        assert not alive(supervisor.pid("a"))
        supervisor.start("a")
        supervisor.await_ready(["a"])
        assert alive(supervisor.pid("a"))
        assert supervisor.states()["a"].down == ""


def test_variables_reach_the_process_and_a_new_start_keeps_the_log_of_the_last_one(tmp_path: Path) -> None:
    program = "import os, pathlib, sys, time; print(os.environ['GEMS_X'], flush=True);" + LIVES
    for value in ("one", "two"):
        with Supervisor([part(tmp_path, "a", program, GEMS_X=value)], print) as supervisor:
            supervisor.start_all()
        (tmp_path / "a.ready").unlink()
    assert (tmp_path / "logs" / "a.log").read_text() == "two\n"
    assert (tmp_path / "logs" / "a.log.1").read_text() == "one\n"
