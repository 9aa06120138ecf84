"""The local stack as its user runs it: up, status, logs, recommend, down; and nothing left, however it ends."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hidden_gems.cli.ports import free_shift, shifted
from hidden_gems.cli.stack import READY
from tests.e2e.processes import end_all, living, wait_for
from tests.stacks import environment

GEMS = [sys.executable, "-m", "hidden_gems.cli"]
START_SECONDS = 300.0
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(furnished_home: Path, tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "a-home"
    shutil.copytree(furnished_home, home)
    yield home
    left = living(home)
    end_all(home)
    assert left == {}


@pytest.fixture
def run(home: Path) -> Run:
    told = {**os.environ, **environment(home), "COLUMNS": "160"}

    def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*GEMS, *arguments], env=told, capture_output=True, text=True, timeout=START_SECONDS, check=False
        )

    return command


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    command, told = [*GEMS, "up", *arguments], {**os.environ, **environment(home)}
    with (home / "up.log").open("w") as log:
        return subprocess.Popen(command, env=told, stdout=log, stderr=subprocess.STDOUT, text=True)


def state(home: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((home / "stack.json").read_text()))
    except FileNotFoundError:
        return {}


def listening(home: Path) -> set[str]:
    """Addresses that processes of a home listen on."""
    lines = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    pids = set(living(home))
    return {line.split()[3] for line in lines if {int(pid) for pid in re.findall(r"pid=(\d+)", line)} & pids}


def test_a_stack_in_the_background_from_its_start_to_its_end(home: Path, run: Run) -> None:
    shift = str(free_shift())
    up = run("up", "--detach", "--port-base", shift)
    assert up.returncode == 0, up.stdout + up.stderr
    assert "The stack is ready: " in up.stdout
    assert "(simulated), release " in up.stdout
    assert "api.key" not in up.stdout
    assert (home / "api.key").read_text() in up.stdout
    assert (home / "api.key").stat().st_mode & 0o077 == 0

    found = listening(home)
    assert {int(address.rpartition(":")[2]) for address in found} == {
        port
        for name, ports in shifted(int(shift)).items()
        for port in ports
        if name != "s3"  # only with --durable
    }
    assert {address.rpartition(":")[0] for address in found} <= {"127.0.0.1", "[::ffff:127.0.0.1]"}

    assert run("up", "--detach").returncode == 1
    assert "runs already" in run("up").stderr

    looked = run("status", "--json")
    assert looked.returncode == 0, looked.stdout
    status = json.loads(looked.stdout)
    assert set(status["parts"]) == {"redis", "kafka", *READY}
    assert status["well"]
    assert status["lag"] is not None
    assert status["state_version"] is not None
    assert status["release"] == state(home)["release"]
    assert status["now"] < time.time() - 86_400  # the city ended long ago

    asked = run(
        "recommend", "--user", "somebody", "--weather", "rain", "--at", "20:00", "--language", "tr", "--limit", "3"
    )
    assert asked.returncode == 0, asked.stderr
    assert "ranker+thompson" in asked.stdout
    assert " %" in asked.stdout
    slate = json.loads(run("recommend", "--user", "somebody", "--limit", "2", "--json").stdout)
    assert [item["position"] for item in slate["items"]] == [0, 1]
    assert "tansu" in run("logs", "kafka", "--lines", "20").stdout

    _killed_and_started_again(home, run, status["parts"]["ranker"]["pid"])

    down = run("down")
    assert (down.returncode, "The stack ended in " in down.stdout) == (0, True)
    assert living(home) == {}
    assert listening(home) == set()
    assert run("status").returncode == 1
    gone = run("recommend", "--user", "somebody")
    assert gone.returncode == 1
    assert gone.stderr.startswith("gems: no stack of ")
    assert "`gems up` starts one" in gone.stderr
    assert run("logs", "ranker", "--lines", "1").returncode == 0
    assert json.loads(run("doctor", "--json").stdout)["well"]


def _killed_and_started_again(home: Path, run: Run, pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: state(home)["parts"]["ranker"]["restarts"] == 1, 20)
    assert wait_for(lambda: json.loads(run("status", "--json").stdout)["well"], 60)
    assert state(home)["parts"]["ranker"]["pid"] != pid
    said = run("logs", "stack").stdout
    assert "ranker ended with -9." in said
    assert "ranker is started again in 0.5 s." in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_lives_after_ctrl_c_and_after_a_kill_of_the_parent(home: Path, number: signal.Signals) -> None:
    process = start(home, "--port-base", str(free_shift()))
    try:
        when = 5.0 if number == signal.SIGINT else START_SECONDS  # in the middle of the start, and when all is ready
        wait_for(lambda: state(home).get("ready"), when)
        assert len(living(home)) > 3
        process.send_signal(number)
        process.wait(60)
    finally:
        process.kill()
    assert wait_for(lambda: not living(home), 60), living(home)
    if number == signal.SIGKILL:
        assert state(home)["ready"]
    assert "Traceback" not in (home / "up.log").read_text()


def test_a_port_in_use_is_named_and_nothing_is_started(home: Path, run: Run) -> None:
    shift = free_shift()
    with socket.create_server(("127.0.0.1", shifted(shift)["collector"][0])) as other:
        port = other.getsockname()[1]
        up = run("up", "--port-base", str(shift))
    assert up.returncode == 1
    assert up.stderr.splitlines()[-1] == (
        f"gems: port {port} of 127.0.0.1, which collector needs, is in use; "
        "stop what listens there, or move all ports with --port-base 10000"
    )
    assert living(home) == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--port-base", "70000"), "--port-base 70000 moves a port out of"),
        (("--redis", "nowhere"), "--redis nowhere: expected HOST:PORT"),
        (("--data", "/nowhere/at/all"), "has no release in"),
    ],
)
def test_wrong_options_are_one_sentence(run: Run, arguments: tuple[str, ...], said: str) -> None:
    up = run("up", *arguments)
    assert up.returncode == 2
    assert said in up.stderr
    assert "Traceback" not in up.stderr
