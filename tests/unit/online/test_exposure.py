"""Exposures of gems over slates that are forgotten little by little."""

import numpy as np
import pytest

from hidden_gems.online.entries import Shown
from hidden_gems.online.exposure import Exposure
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.state import OnlineState
from hidden_gems.online.thompson import BetaThompson

SLATES = [("a", "b"), ("b",), ("c", "a", "d"), ("b",)] * 25


def test_many_at_once_are_the_same_as_one_after_another() -> None:
    together, apart = Exposure(half_life=7.0), Exposure(half_life=7.0)
    together.learn_many(SLATES)
    for slate in SLATES:
        apart.learn_many([slate])
    np.testing.assert_allclose(together.of(["a", "b", "c", "d"]), apart.of(["a", "b", "c", "d"]))
    assert together.slates == pytest.approx(apart.slates)


def test_a_count_over_slates_is_the_share_of_late_slates() -> None:
    found = Exposure(half_life=50.0)
    found.learn_many([("old",)] * 2_000)
    found.learn_many([("half",), ()] * 1_000)
    assert found.of(["half"])[0] / found.slates == pytest.approx(0.5, abs=0.01)
    assert found.of(["old"])[0] / found.slates < 1e-6
    assert found.slates == pytest.approx(50.0 / np.log(2.0), rel=0.02)


def test_nothing_and_the_empty_id_count_for_nobody() -> None:
    found = Exposure()
    found.learn_many([])
    found.learn_many([("",)])
    assert found.of(["", "a"]).tolist() == [0.0, 0.0]
    assert found.slates == 1.0


def test_no_half_life_of_nothing() -> None:
    with pytest.raises(ValueError, match="half-life"):
        Exposure(half_life=0.0)


@pytest.mark.parametrize("table", [[0.0], [0.0, 1.0, 2.0], [0.0, -1.0], [0.0, np.nan]])
def test_tables_that_cannot_be_counts_are_refused(table: list[float]) -> None:
    with pytest.raises(ValueError, match="exposures"):
        Exposure().restore(["a"], {"shown": np.array(table)})


def test_the_online_state_counts_what_was_shown_and_keeps_it() -> None:
    state = OnlineState(0, BetaThompson(), OnlineFactors())
    state.learn([Shown("s1", "u", ("a", "b")), Shown("s2", "", ("a",))], [], {})
    state.learn([Shown("s3", "u", ("c",))], [], {})
    back = OnlineState.from_bytes(state.to_bytes())
    for each in (state, back):
        assert each.exposure.of(["a", "b", "c"]).round(2).tolist() == [2.0, 1.0, 1.0]
        assert each.exposure.slates == pytest.approx(3.0, abs=0.01)
    assert back.exposure.of(["a", "b", "c"]).tolist() == state.exposure.of(["a", "b", "c"]).tolist()
    assert back.to_bytes() == state.to_bytes()
