import numpy as np
import pytest

from hidden_gems.datasets.contract import TIMES_OF_DAY
from hidden_gems.explain.counterfactuals import HOURS, Change, changed_vectors, changes, counterfactuals
from hidden_gems.features.schema import FEATURE_NAMES


def column(name: str) -> int:
    return FEATURE_NAMES.index(name)


def test_other_times_of_day_and_other_weather_are_tried() -> None:
    tried = changes("evening", "rain")
    assert [(each.name, each.word) for each in tried] == [
        ("time_of_day", "morning"), ("time_of_day", "afternoon"), ("time_of_day", "night"), ("weather", "clear"),
    ]  # fmt: skip
    assert [each.word for each in changes(None, None)] == ["clear", "rain"]
    assert [each.word for each in changes(None, "storm")] == ["clear", "rain"]


def test_hours_lie_in_the_middle_of_their_time() -> None:
    assert set(HOURS) == set(TIMES_OF_DAY)
    assert HOURS == {"morning": 9.0, "afternoon": 14.5, "evening": 19.5, "night": 1.0}


def test_only_the_features_of_the_change_are_other() -> None:
    vectors = np.arange(120, dtype=np.float32).reshape(2, 60)
    tried = [each for each in changes("evening", "clear") if each.word in ("night", "rain")]
    found = changed_vectors(vectors, tried)
    assert found.shape == (4, 60)
    turn = 2 * np.pi / 24
    assert found[0, column("time_of_day_sin")] == pytest.approx(np.sin(turn))
    assert found[1, column("time_of_day_cos")] == pytest.approx(np.cos(turn))
    assert found[0, column("is_night")] == 1.0
    assert found[2, column("weather")] == pytest.approx(0.75)
    hours = {"time_of_day_sin", "time_of_day_cos", "is_night"}
    for block, names in ((found[:2], hours), (found[2:], {"weather"})):
        same = [number for number, name in enumerate(FEATURE_NAMES) if name not in names]
        assert np.array_equal(block[:, same], vectors[:, same])
    assert np.array_equal(vectors, np.arange(120, dtype=np.float32).reshape(2, 60))
    assert changed_vectors(vectors, []).shape == (0, 60)


def test_the_largest_changes_are_told_with_the_ranks_they_cost() -> None:
    tried = [Change("weather", word, {}) for word in ("a", "b", "c", "d", "e")]
    scores = np.array([3.0, 2.0, 1.0])
    changed = np.array(
        [
            3.0, 2.0, 1.0,  # nothing happens
            1.5, 2.0, 1.0,  # the first falls one rank
            0.5, 2.0, 1.0,  # the first falls two
            3.2, 2.0, 1.0,
            3.1, 2.0, 1.0,
        ]
    )  # fmt: skip
    assert counterfactuals(scores, changed, tried, 0) == [
        {"change": {"weather": "c"}, "score_change": -2.5, "rank_change": 2},
        {"change": {"weather": "b"}, "score_change": -1.5, "rank_change": 1},
        {"change": {"weather": "d"}, "score_change": 0.2, "rank_change": 0},
    ]
    assert counterfactuals(scores, changed, tried, 1) == []


def test_a_gem_that_others_fall_behind_rises() -> None:
    tried = [Change("weather", "rain", {})]
    [found] = counterfactuals(np.array([3.0, 2.0]), np.array([1.0, 2.5]), tried, 1)
    assert found == {"change": {"weather": "rain"}, "score_change": 0.5, "rank_change": -1}
