import time

import pytest

from hidden_gems.core.clock import ShiftedClock, WallClock, clock_from
from hidden_gems.core.errors import BadInputError


def test_processes_with_one_origin_tell_one_time() -> None:
    first, second = clock_from("1000,60,5"), ShiftedClock(1000.0, 60.0, 5.0)
    assert abs(first.now() - second.now()) < 60.0
    assert abs(first.now() - (1000.0 + 60.0 * (time.time() - 5.0))) < 60.0


def test_without_an_origin_it_starts_now() -> None:
    assert 1000.0 <= clock_from("1000,1").now() < 1010.0
    assert isinstance(clock_from(""), WallClock)


@pytest.mark.parametrize("setting", ["x", "1", "1,2,3,4", "1,,3"])
def test_what_is_no_clock_is_said(setting: str) -> None:
    with pytest.raises(BadInputError, match="GEMS_CLOCK"):
        clock_from(setting)
