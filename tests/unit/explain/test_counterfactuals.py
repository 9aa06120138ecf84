from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.datasets.contract import TIMES_OF_DAY
from hidden_gems.explain.counterfactuals import (
    HOURS,
    Change,
    changed_inputs,
    changed_vectors,
    changes,
    counterfactuals,
    no_reasons,
)
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.recommend.deep import deep_inputs
from tests.worlds import person, request, world


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
    night, rain = (each for each in changes("evening", "clear") if each.word in ("night", "rain"))
    at_night, in_rain = changed_vectors(vectors, night), changed_vectors(vectors, rain)
    turn = 2 * np.pi / 24
    assert at_night[0, column("time_of_day_sin")] == pytest.approx(np.sin(turn))
    assert at_night[1, column("time_of_day_cos")] == pytest.approx(np.cos(turn))
    assert at_night[0, column("is_night")] == 1.0
    assert in_rain[0, column("weather")] == pytest.approx(0.75)
    hours = {"time_of_day_sin", "time_of_day_cos", "is_night"}
    for block, names in ((at_night, hours), (in_rain, {"weather"})):
        same = [number for number, name in enumerate(FEATURE_NAMES) if name not in names]
        assert np.array_equal(block[:, same], vectors[:, same])
    assert np.array_equal(vectors, np.arange(120, dtype=np.float32).reshape(2, 60))


@pytest.mark.parametrize(
    ("name", "word", "then"),
    [("time_of_day", "night", {"timestamp": 1_777_845_600}), ("weather", "rain", {"weather": "rain"}),
     ("weather", "clear", {"weather": "clear"})],
)  # fmt: skip
def test_the_deep_models_are_asked_what_they_would_be_asked_then(name: str, word: str, then: dict[str, object]) -> None:
    asked = request(mood="calm")  # a Monday, 17:30
    later = replace(asked, context=replace(asked.context, **then))  # type: ignore[arg-type]
    now, expected = (deep_inputs(world(), person("g3"), each, np.array([1, 2])) for each in (asked, later))
    [change] = [each for each in changes("evening", None) if (each.name, each.word) == (name, word)]
    found = changed_inputs(now, change)
    np.testing.assert_allclose(found["context"], expected["context"], atol=1e-6)
    assert not np.allclose(found["context"], now["context"])
    assert all(found[key] is now[key] for key in now if key != "context")


def test_a_time_that_all_candidates_share_is_no_reason_where_others_would_do_as_well() -> None:
    tried = [Change("time_of_day", word, {}) for word in ("morning", "night")] + [Change("weather", "rain", {})]
    scores = np.array([2.0, 1.0])
    changed = np.array([1.0, 1.0, 2.5, 1.5, 2.0, 0.5])  # by change, of both gems
    assert no_reasons(scores, changed, tried) == [{"weather"}, {"time"}]
    assert no_reasons(scores, scores[:0], []) == [frozenset(), frozenset()]


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


def test_a_change_that_moves_a_gem_comes_before_a_larger_one_that_does_not() -> None:
    tried = [Change("weather", word, {}) for word in ("clear", "rain")]
    scores, changed = np.array([2.0, 1.9]), np.array([9.0, 1.9, 1.8, 1.9])
    found = counterfactuals(scores, changed, tried, 0)
    assert [(each["change"], each["rank_change"]) for each in found] == [
        ({"weather": "rain"}, 1),
        ({"weather": "clear"}, 0),
    ]
