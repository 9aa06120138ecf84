import time
from pathlib import Path

import pytest

from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS, ORDER_ONLY_BELOW, SimulatedClock, WallClock
from hidden_gems.core.errors import BadInputError, MissingExtraError, PartUnavailableError
from hidden_gems.core.home import gems_home


def test_the_wall_clock_is_that_of_the_machine() -> None:
    assert WallClock().now() == pytest.approx(time.time(), abs=60)


def test_a_simulated_clock_runs_at_its_rate_from_its_start() -> None:
    machine = [50.0]
    clock = SimulatedClock(start=1_000.0, rate=60.0, monotonic=lambda: machine[0])
    assert clock.now() == 1_000.0
    machine[0] = 52.5
    assert clock.now() == 1_150.0
    clock.advance(10)
    assert clock.now() == 1_160.0


def test_without_a_rate_it_moves_by_hand() -> None:
    machine = [50.0]
    clock = SimulatedClock(start=1_000.0, monotonic=lambda: machine[0])
    machine[0] = 99.0
    assert clock.now() == 1_000.0
    clock.advance(-1)
    assert clock.now() == 999.0


def test_units() -> None:
    assert (HOUR_SECONDS, DAY_SECONDS, ORDER_ONLY_BELOW) == (60 * 60, 24 * 60 * 60, 100_000_000)


def test_home_is_absolute_and_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEMS_HOME", "there")
    assert gems_home() == tmp_path / "there"
    monkeypatch.delenv("GEMS_HOME")
    assert gems_home() == tmp_path / ".gems"
    assert not any(tmp_path.glob("*gems*"))


def test_errors_keep_what_they_name() -> None:
    missing = MissingExtraError("torch", "train")
    assert isinstance(missing, BadInputError)
    assert (missing.extra, str(missing).count("'hidden-gems[train]'"), "'torch'" in str(missing)) == ("train", 1, True)
    away = PartUnavailableError("redis", "no answer in 50 ms")
    assert (away.part, str(away)) == ("redis", "redis is unavailable: no answer in 50 ms")
