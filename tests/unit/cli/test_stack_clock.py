import os
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from hidden_gems.cli.options import Places
from hidden_gems.cli.stack_clock import StackClock, materialized_at, stack_clock
from hidden_gems.core.errors import ReleaseError

NOW = 1_777_910_400
DAY = 86_400


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(tmp_path)
    materialize(places, NOW)
    return places


def materialize(places: Places, at: int) -> None:
    places.feast.mkdir(parents=True, exist_ok=True)
    moments = pd.Series([datetime.fromtimestamp(at, UTC)] * 3, dtype="datetime64[us, UTC]")
    pd.DataFrame({"event_timestamp": moments}).to_parquet(places.feast / "user_rows.parquet")


def test_data_that_end_today_have_the_clock_of_the_machine(places: Places) -> None:
    assert materialized_at(places.feast) == NOW
    for wall in (NOW, NOW + DAY, NOW - DAY):
        assert stack_clock(places, wall) == StackClock("", None)
    assert StackClock().about() == ""


def test_data_that_ended_long_ago_go_on_where_they_ended(places: Places) -> None:
    clock = stack_clock(places, NOW + DAY + 1.0)
    assert clock.setting == f"{NOW}.000,1,{NOW + DAY + 1}.000"
    assert "2026-05-04 16:00 UTC" in StackClock(f"{NOW},0,0").about()
    assert stack_clock(places, NOW - DAY - 1.0).setting.startswith(f"{NOW}.000,1,")


def test_the_next_stack_goes_on_where_the_last_one_was_noted(places: Places) -> None:
    wall = NOW + 100.0 * DAY
    clock = stack_clock(places, wall)
    clock.keep()
    kept = places.redis / "clock"
    os.utime(kept, (wall + 3600, wall + 3600))
    later = stack_clock(places, wall + 9 * DAY)
    assert later.setting == f"{NOW + 3602}.000,1,{wall + 9 * DAY:.3f}"
    assert list(places.redis.iterdir()) == [kept]
    materialize(places, NOW + DAY)
    assert stack_clock(places, wall).setting.startswith(f"{NOW + DAY}.000,1,")


def test_an_order_counts_on(places: Places) -> None:
    materialize(places, 100_837)
    clock = stack_clock(places, float(NOW))
    assert clock.setting == f"100837.000,1,{NOW}.000"
    assert StackClock("100837,0,0").about() == (
        "The data know an order only, no times: the clock of the stack stands at 100837 and counts on."
    )


def test_without_features_there_is_no_stack(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="never materialized; `gems train` does it"):
        stack_clock(Places(tmp_path))
