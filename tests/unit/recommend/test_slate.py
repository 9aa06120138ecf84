import numpy as np
import pytest

from hidden_gems.recommend.request import Preferences
from hidden_gems.recommend.slate import (
    Beliefs,
    hand_over,
    in_order,
    policy_name,
    standardised,
    utilities,
    wishes,
)


def test_the_hand_over_is_smooth_and_ends_where_the_plan_says() -> None:
    assert [hand_over(likes) for likes in (-1, 0, 5, 10, 11)] == [0.0, 0.0, 0.5, 1.0, 1.0]
    steps = np.diff([hand_over(likes) for likes in np.linspace(0, 10, 101)])
    assert (steps > 0).all()
    assert steps.max() < 0.02


def test_standardised_values_have_mean_0_and_width_1() -> None:
    found = standardised(np.array([1.0, 2.0, 6.0]))
    assert found.mean() == pytest.approx(0.0)
    assert found.std() == pytest.approx(1.0)
    assert standardised(np.full(3, 0.1)).tolist() == [0.0, 0.0, 0.0]
    assert standardised(np.array([1.0, np.nan, 3.0, -np.inf])).tolist() == [-1.0, 0.0, 1.0, 0.0]
    assert standardised(np.array([np.nan])).tolist() == [0.0]


BELIEFS = Beliefs(np.array([3.0, 1.0, 2.0]), np.array([0.1, 0.3, 0.2]), np.array([0.1, 0.05, 0.2]))


def test_somebody_new_gets_half_of_the_arms_and_their_whole_draw() -> None:
    found = utilities(BELIEFS, np.array([9.0, 0.0, 0.0]), likes=0)
    scale = np.sqrt(np.var(BELIEFS.mean) + np.mean(BELIEFS.spread**2))
    arms = (BELIEFS.mean - 0.2) / scale
    np.testing.assert_allclose(found.mean, 0.5 * standardised(BELIEFS.score) + 0.5 * arms, atol=1e-12)
    np.testing.assert_allclose(found.spread, 0.5 * BELIEFS.spread / scale)
    assert found.handed_over == 0.0


def test_somebody_known_gets_the_models_and_a_fifth_of_that_spread() -> None:
    online = np.array([0.0, 1.0, 0.0])
    found, new = utilities(BELIEFS, online, likes=10), utilities(BELIEFS, online, likes=0)
    scale = np.sqrt(np.var(BELIEFS.mean) + np.mean(BELIEFS.spread**2))
    expected = 0.9 * standardised(BELIEFS.score) + 0.1 * (BELIEFS.mean - 0.2) / scale + 0.25 * standardised(online)
    np.testing.assert_allclose(found.mean, expected, atol=1e-12)
    np.testing.assert_allclose(found.spread, new.spread / 5)
    assert found.handed_over == 1.0


def test_a_new_gem_of_which_nothing_is_known_is_explored_for_everybody() -> None:
    nothing = np.array([np.inf, 0.0, np.inf])
    found, plain = (utilities(BELIEFS, None, 20, evidence=each) for each in (nothing, None))
    cold = utilities(BELIEFS, None, 0)
    scale = np.sqrt(np.var(BELIEFS.mean) + np.mean(BELIEFS.spread**2))
    assert standardised(BELIEFS.score)[1] < 0
    assert found.mean[1] == pytest.approx(0.5 * (0.3 - 0.2) / scale)
    better = utilities(BELIEFS, None, 20, evidence=np.array([0.0, np.inf, np.inf]))
    assert better.mean[0] == cold.mean[0]  # a score above the mean counts as it is
    assert found.spread[1] == cold.spread[1] == pytest.approx(5 * plain.spread[1])
    assert found.mean[[0, 2]].tolist() == plain.mean[[0, 2]].tolist()
    assert found.spread[[0, 2]].tolist() == plain.spread[[0, 2]].tolist()


def test_a_new_gem_is_handed_over_to_the_models_with_what_is_found_out_about_it() -> None:
    by_likes = [utilities(BELIEFS, None, 20, evidence=np.array([np.inf, likes, np.inf])) for likes in (0, 2, 5, 8, 10)]
    plain = utilities(BELIEFS, None, 20)
    for values in ([found.mean[1] for found in by_likes], [found.spread[1] for found in by_likes]):
        assert values == sorted(values, reverse=True)
        assert len(set(values)) == len(values)
    assert by_likes[-1].mean.tolist() == plain.mean.tolist()
    assert by_likes[-1].spread.tolist() == plain.spread.tolist()
    stranger = [utilities(BELIEFS, None, 0, evidence=np.array([np.inf, likes, np.inf])).spread[1] for likes in (0, 10)]
    assert stranger[0] == stranger[1]  # half of the arms' belief is the most


def test_without_beliefs_there_is_no_spread_and_without_candidates_nothing() -> None:
    zeros = np.zeros(3)
    found = utilities(Beliefs(BELIEFS.score, zeros, zeros), None, 0)
    assert found.spread.tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(found.mean, 0.5 * standardised(BELIEFS.score), atol=1e-12)
    empty = np.empty(0)
    assert utilities(Beliefs(empty, empty, empty), None, 3).mean.size == 0


def test_wishes_move_utilities_and_nothing_else() -> None:
    preferences = Preferences(frozenset({"cafe"}), frozenset({"bar"}), 2.0)
    found = wishes(preferences, ["cafe", "bar", "museum", None], np.array([0.0, 2.0, 3.0, np.nan]))
    assert found.tolist() == [0.5, -1.0, -0.5, 0.0]
    assert wishes(Preferences(), ["cafe"], np.array([4.0])).tolist() == [0.0]
    with_wish = utilities(BELIEFS, None, 0, np.array([0.0, 0.5, 0.0]))
    assert (with_wish.mean - utilities(BELIEFS, None, 0).mean).tolist() == pytest.approx([0.0, 0.5, 0.0])


def test_places_follow_the_scores_whatever_their_scale() -> None:
    assert in_order(np.array([10.0, -20.0, 3000.0])).tolist() == [0.5, 0.0, 1.0]
    assert in_order(np.array([5.0, 5.0, 9.0])).tolist() == [0.0, 0.0, 1.0]
    assert in_order(np.array([np.nan, 1.0])).tolist() == [0.0, 1.0]
    assert in_order(np.array([4.0])).tolist() == [0.0]


def test_policies_are_named_after_what_ranked_and_what_was_missing() -> None:
    assert policy_name("recommend", ["features"]) == "ranker+thompson-features"
    assert policy_name("recommend", ["ranker"]) == "blend+thompson-ranker"
    assert policy_name("similar", ["deep"]) == "similar-deep"
