"""`gems status`, `gems logs` and `gems down` on a stack that is one small server of ours."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hidden_gems.cli.__main__ import app
from hidden_gems.cli.stack_state import PartState, StackState, stack_lock
from hidden_gems.cli.status import look, read_metrics
from tests.e2e.processes import wait_for

METRICS = """# HELP gems_release_info 1 for the release that answers
# TYPE gems_release_info gauge
gems_release_info{version="2026-05-03.9"} 0.0
gems_release_info{version="2026-05-04.2"} 1.0
gems_online_state_version 41.0
gems_learner_lag_messages 3.0
gems_online_verdict{verdict="not watched"} 0.0
gems_online_verdict{verdict="good"} 1.0
gems_online_returns_total{outcome="done"} 2.0
"""


class Metrics(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/metrics" else self.status)
        self.end_headers()
        self.wfile.write(METRICS.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def a_stack(server: str, log: Path, **more: object) -> StackState:
    part = PartState(os.getpid(), (1,), str(log))
    asked = replace(part, url=f"{server}/ready")
    names = ("learner", "transformer")
    known: dict[str, object] = {
        "pid": os.getpid(), "started": 1_777_910_400.0, "dataset": "city", "simulated": True, "root": "/r",
        "releases": "/r/releases", "release": "2026-05-04.1", "clock": "100.0,0,5.0",
        "addresses": dict.fromkeys(names, server) | {"redis": "127.0.0.1:1"},
        "parts": dict.fromkeys(names, asked) | {"redis": part}, "ready": True,
    }  # fmt: skip
    return StackState(**known | more)  # type: ignore[arg-type]


def test_what_runs_is_told_with_release_version_and_lag(server: str, tmp_path: Path) -> None:
    found = look(a_stack(server, tmp_path / "log"))
    assert found["well"]
    assert (found["release"], found["state_version"], found["lag"]) == ("2026-05-04.2", 41, 3)
    assert (found["online"], found["returns"]) == ("good", 2)
    assert (found["now"], found["since"]) == (100.0, "2026-05-04T16:00:00+00:00")
    assert found["parts"]["redis"] == {
        "pid": os.getpid(), "ports": [1], "restarts": 0, "log": str(tmp_path / "log"), "health": "ok",
    }  # fmt: skip


def test_what_is_not_well_is_told(server: str, tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    parts = {
        "learner": PartState(1, (), "", 4, "given up"),
        "transformer": PartState(1, (), "", url="http://127.0.0.1:1/ready"),
        "redis": PartState(dead.pid, (), ""),
    }
    state = a_stack(
        server, tmp_path, parts=parts, addresses={"learner": server, "transformer": "http://127.0.0.1:1", "redis": ":"}
    )
    found = look(state)
    assert not found["well"]
    assert found["parts"]["learner"]["health"] == "given up"
    assert found["parts"]["transformer"]["health"].startswith("does not answer")
    assert found["parts"]["redis"]["health"] == "dead"
    assert found["release"] == "2026-05-04.1"
    assert found["lag"] is None


def test_a_server_that_refuses_is_not_well(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Metrics, "status", 500)
    assert look(a_stack(server, tmp_path))["parts"]["learner"]["health"] == "answers 500"


def test_a_stack_that_starts_is_not_well_yet(server: str, tmp_path: Path) -> None:
    assert not look(a_stack(server, tmp_path, ready=False))["well"]


def test_the_commands_tell_people_and_programs(server: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\nthree\n")
    run = CliRunner()
    with stack_lock():
        a_stack(server, log).write()
        shown = run.invoke(app, ["status"])
        assert shown.exit_code == 0
        for words in ("city (simulated), release 2026-05-04.2", "its clock is not the machine's", "state version 41"):
            assert words in shown.output
        assert json.loads(run.invoke(app, ["status", "--json"]).output)["running"] is True
        assert run.invoke(app, ["logs", "learner", "--lines", "2"]).output == "two\nthree\n"
    shown = run.invoke(app, ["status"])
    assert shown.exit_code == 1
    assert "`gems up` starts one" in shown.output
    assert "The last one began 2026-05-04T16:00:00+00:00" in shown.output
    assert json.loads(run.invoke(app, ["status", "--json"]).output) == {"running": False}
    told = json.loads(run.invoke(app, ["logs", "learner", "--json"]).output)
    assert told == {"name": "learner", "path": str(log), "lines": ["one", "two", "three"]}
    assert "there are stack, learner, transformer, redis" in str(run.invoke(app, ["logs", "nobody"]).exception)


def test_without_a_stack_there_is_nothing_to_end_and_no_log() -> None:
    run = CliRunner()
    ended = run.invoke(app, ["down"])
    assert ended.exit_code == 0
    assert ended.output.startswith("No stack of ")
    assert json.loads(run.invoke(app, ["down", "--json"]).output) == {"ended": False}
    assert "no stack of" in str(run.invoke(app, ["logs", "learner"]).exception)


def test_a_log_is_followed_into_the_file_that_takes_its_place(server: str, tmp_path: Path) -> None:
    log, seen = tmp_path / "log", tmp_path / "seen"
    log.write_text("long ago\nbefore\n")
    a_stack(server, log).write()
    command = [sys.executable, "-m", "hidden_gems.cli", "logs", "learner", "--lines", "1", "--follow"]
    with seen.open("w") as output, subprocess.Popen(command, stdout=output) as following:
        try:
            assert wait_for(lambda: seen.read_text() == "before\n", 30)
            with log.open("a") as file:
                file.write("later\n")
            assert wait_for(lambda: seen.read_text() == "before\nlater\n", 30)
            log.rename(tmp_path / "log.1")
            log.write_text("anew\nand on\n")
            assert wait_for(lambda: seen.read_text() == "before\nlater\nanew\nand on\n", 30)
            following.send_signal(signal.SIGINT)
            assert following.wait(10) == 0
        finally:
            following.kill()


def test_samples_with_and_without_labels_are_read() -> None:
    assert read_metrics(METRICS)["gems_release_info"] == [
        ({"version": "2026-05-03.9"}, 0.0),
        ({"version": "2026-05-04.2"}, 1.0),
    ]
    assert read_metrics('a{b="c\\"d",e="f"} 1e+3\nnot a sample\n') == {"a": [({"b": 'c\\"d', "e": "f"}, 1000.0)]}
