import socket

import pytest

from hidden_gems.cli import ports
from hidden_gems.cli.ports import PORTS, await_free, free_shift, shifted, taken
from hidden_gems.core.errors import BadInputError, HiddenGemsError


def test_the_ports_are_those_of_the_contract() -> None:
    assert shifted(0) == {
        "redis": (6390,), "s3": (9010,), "kafka": (9092,), "deep": (8000, 8001), "ranker": (8100, 8101),
        "learner": (8110,), "archiver": (8120,), "collector": (8090,), "transformer": (8080, 8081),
    }  # fmt: skip
    every = [port for of in shifted(0).values() for port in of]
    assert len(set(every)) == len(every)


def test_all_ports_move_together() -> None:
    assert shifted(5)["transformer"] == (8085, 8086)
    assert shifted(-6389)["redis"] == (1,)
    assert shifted(56_443)["kafka"] == (65_535,)
    for shift in (-6390, 56_444):
        with pytest.raises(BadInputError, match=rf"--port-base {shift} moves .* it may be -6,389 to 56,443"):
            shifted(shift)


def test_a_port_in_use_is_named_with_what_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_PATIENCE_SECONDS", 0.1)
    shift = free_shift()
    mine = shifted(shift)
    assert taken(mine) == {}
    await_free(mine)
    with socket.create_server(("127.0.0.1", mine["ranker"][1])):
        assert taken(mine) == {mine["ranker"][1]: "ranker"}
        with pytest.raises(HiddenGemsError, match=rf"port {mine['ranker'][1]} .* which ranker needs.*--port-base"):
            await_free(mine)
    await_free(mine)


def test_a_free_shift_is_not_the_default() -> None:
    assert all(free_shift() > 0 for _ in range(3))
    assert set(PORTS) == set(shifted(free_shift()))
