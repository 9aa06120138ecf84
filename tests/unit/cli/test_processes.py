import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from hidden_gems.cli.processes import child, free_port, kafka_broker, redis_server
from hidden_gems.core.errors import HiddenGemsError

Server = Callable[..., AbstractContextManager[str]]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_child_and_its_children_end_when_the_block_is_left_by_an_error(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def leave_by_an_error() -> None:
        with log.open("w") as output, child(["sh", "-c", "sleep 60 & echo $!; sleep 60"], output):
            while not log.read_text():
                time.sleep(0.01)
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        leave_by_an_error()
    assert gone_within(int(log.read_text()), 2)


def test_variables_reach_the_child(tmp_path: Path) -> None:
    with child(["sh", "-c", "echo $GEMS_X"], subprocess.PIPE, {"GEMS_X": "here"}) as process:
        assert process.communicate()[0] == "here\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_redis_ends_with_the_process_that_started_it(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "import signal, sys, time; from pathlib import Path\n"
        "from hidden_gems.cli.processes import redis_server, stop_on_signals\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job is deaf to it
        "stop_on_signals()\n"
        "with redis_server(Path(sys.argv[1])) as address:\n"
        "    print(address, flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("127.0.0.1:")
        [server] = [int(pid) for pid in children(process.pid)]
        process.send_signal(number)
        process.wait(10)
    assert gone_within(server, 5)


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def only_on_loopback(address: str) -> bool:
    port = f"{int(address.split(':')[1]):04X}"
    table = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    listening = [row.split()[1] for row in table.splitlines() if f":{port} " in row and " 0A " in row]
    return listening == [f"0100007F:{port}"]


def test_redis_keeps_its_data_and_listens_on_loopback_only(tmp_path: Path) -> None:
    from hidden_gems.core.kv import RedisKeyValue

    with redis_server(tmp_path) as address:
        RedisKeyValue(address).put({"a": b"1"})
        assert only_on_loopback(address)
    with redis_server(tmp_path) as address:
        assert RedisKeyValue(address).get(["a"]) == [b"1"]


def test_two_free_ports_can_be_bound() -> None:
    assert 1024 < free_port() < 65_536


def test_the_broker_listens_on_loopback_only_and_ends_with_the_block(tmp_path: Path) -> None:
    with kafka_broker(tmp_path / "new" / "folder") as address:
        assert only_on_loopback(address)
        assert address.split(":")[1] in (tmp_path / "new" / "folder" / "kafka.log").read_text()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(address.split(":")[1])))


@pytest.mark.parametrize("server", [redis_server, kafka_broker])
def test_a_server_takes_the_port_it_is_given_again_and_again(tmp_path: Path, server: Server) -> None:
    port = free_port()
    for _ in range(2):
        with server(tmp_path, port) as address:
            assert address == f"127.0.0.1:{port}"
            socket.create_connection(("127.0.0.1", port)).close()


@pytest.mark.parametrize("server", [redis_server, kafka_broker])
def test_a_port_in_use_is_named(tmp_path: Path, server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(HiddenGemsError, match=f"port {port} of 127.0.0.1 is in use"), server(tmp_path, port):
            pass


def test_a_broker_that_does_not_start_names_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", shutil.which("false") or "")
    with pytest.raises(HiddenGemsError, match=r"the Kafka broker did not start; its log is .*kafka\.log"):
        kafka_broker(tmp_path).__enter__()
    monkeypatch.setenv("CALF_TANSU_BIN", str(tmp_path / "nothing"))
    with pytest.raises(HiddenGemsError, match="there is no Kafka broker"):
        kafka_broker(tmp_path).__enter__()
