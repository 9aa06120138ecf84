"""In a simulated city of 1,200 people, what is said of a release's policy is what is true of it; some minutes."""

from pathlib import Path

import pytest

from hidden_gems.benchmark.own_policy import LEAST_EFFECTIVE
from tests.own_policy_coverage import Study

PEOPLE, DAYS, SEED = 1_200, 20, 5


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    root: Path = tmp_path_factory.mktemp("city")
    return Study.of(PEOPLE, DAYS, SEED, root)


def test_the_interval_holds_what_the_policy_earns_and_it_may_be_a_canary(study: Study) -> None:
    found = study.whole(study.opened, SEED)
    assert found["effective"] > LEAST_EFFECTIVE
    assert found["low"] <= found["truth"] <= found["high"]
    assert found["logged_low"] <= found["true_value_of_the_log"] <= found["logged_high"]
    assert not found["refused"]


def test_the_same_release_upside_down_is_surely_worse(study: Study) -> None:
    found = study.whole(study.turned(), SEED)
    assert found["truth"] < found["true_value_of_the_log"]
    assert found["refused"]
