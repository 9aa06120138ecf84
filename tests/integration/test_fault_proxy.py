"""The proxy of the drills does the harm it says, and no other."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from hidden_gems.cli.processes import free_port
from tests.drills.proxy import FaultProxy


@pytest.fixture
def echo() -> Iterator[int]:
    """Port of a server that sends back what comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection:
                try:
                    while data := connection.recv(65_536):
                        connection.sendall(data)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(echo: int) -> Iterator[FaultProxy]:
    with FaultProxy(echo, free_port(), seed=1) as made:
        yield made


def asked(proxy: FaultProxy, data: bytes = b"hello", timeout: float = 2.0) -> bytes:
    """What comes back of a connection's only question; nothing where it ended."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout) as connection:
        try:
            connection.sendall(data)
            return connection.recv(65_536)
        except ConnectionError:
            return b""


def test_without_harm_everything_passes(proxy: FaultProxy) -> None:
    assert asked(proxy) == b"hello"
    assert proxy.harmed == 0


def test_it_is_slow_by_the_chunk_and_by_the_byte(proxy: FaultProxy) -> None:
    proxy.do(delay_seconds=0.1, bytes_a_second=100.0)
    began = time.monotonic()
    assert asked(proxy) == b"hello"
    assert 0.3 <= time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        ({"mode": "reset"}, b""),
        ({"mode": "half"}, b"he"),
        ({"lose_requests": 1.0}, b""),
        ({"lose_replies": 1.0}, b""),
        ({"corrupt": 1.0}, b"hello"),  # flipped there and back
        ({"unwelcome": b"ell"}, b""),
        ({"unwelcome": b"elf"}, b"hello"),
    ],
)
def test_each_harm_is_what_it_says(proxy: FaultProxy, harm: dict[str, object], found: bytes) -> None:
    proxy.do(**harm)
    assert asked(proxy) == found
    assert (proxy.harmed > 0) == (found != b"hello" or "corrupt" in harm)
    proxy.do()
    assert asked(proxy) == b"hello"


def test_a_black_hole_holds_what_comes_until_it_is_none(proxy: FaultProxy) -> None:
    proxy.do(mode="blackhole")
    with socket.create_connection(("127.0.0.1", proxy.port), 0.3) as connection:
        connection.sendall(b"hello")
        with pytest.raises(TimeoutError):
            connection.recv(10)
        proxy.do()
        connection.settimeout(2.0)
        assert connection.recv(10) == b"hello"


def test_a_quarter_lost_is_about_a_quarter_and_the_same_for_the_same_seed(echo: int) -> None:
    def lost() -> list[bool]:
        with FaultProxy(echo, free_port(), seed=3) as proxy:
            proxy.do(lose_replies=0.25)
            return [asked(proxy) == b"" for _ in range(60)]

    first = lost()
    assert 5 <= sum(first) <= 25
    assert first == lost()


def test_a_server_that_is_gone_ends_connections(proxy: FaultProxy) -> None:
    with FaultProxy(free_port(), free_port()) as nobody:
        assert asked(nobody) == b""
    assert asked(proxy) == b"hello"
