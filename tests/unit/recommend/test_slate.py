import numpy as np
import pytest

from hidden_gems.recommend.request import Preferences
from hidden_gems.recommend.slate import (
    Beliefs,
    Constraint,
    Diversity,
    Utilities,
    fill,
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


def test_a_newcomer_among_the_gems_is_explored_for_everybody() -> None:
    newcomers = np.array([False, True, False])
    found, plain = (utilities(BELIEFS, None, 20, newcomers=each) for each in (newcomers, None))
    cold = utilities(BELIEFS, None, 0)
    scale = np.sqrt(np.var(BELIEFS.mean) + np.mean(BELIEFS.spread**2))
    assert standardised(BELIEFS.score)[1] < 0
    assert found.mean[1] == pytest.approx(0.5 * (0.3 - 0.2) / scale)
    better = utilities(BELIEFS, None, 20, newcomers=np.array([True, False, False]))
    assert better.mean[0] == cold.mean[0]  # a score above the mean counts as it is
    assert found.spread[1] == cold.spread[1] == pytest.approx(5 * plain.spread[1])
    assert found.mean[[0, 2]].tolist() == plain.mean[[0, 2]].tolist()
    assert found.spread[[0, 2]].tolist() == plain.spread[[0, 2]].tolist()


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


def diversity(types: list[str | None], neighborhoods: list[str | None] | None = None, limit: int = 5) -> Diversity:
    return Diversity({"type": types, "neighborhood": neighborhoods or [None] * len(types)}, limit)


@pytest.mark.parametrize(("limit", "cap"), [(1, 1), (2, 1), (3, 2), (5, 2), (6, 3), (10, 4), (50, 20)])
def test_a_word_may_take_four_tenths_of_a_slate_rounded_up(limit: int, cap: int) -> None:
    assert diversity(["cafe"], limit=limit).cap == cap


def test_a_full_type_is_not_allowed_while_others_are_left() -> None:
    rule = diversity(["cafe", "cafe", "cafe", "bar", None])
    assert rule.allowed((0,)).tolist() == [False, True, True, True, True]
    assert rule.allowed((0, 1)).tolist() == [False, False, False, True, True]
    assert rule.allowed((0, 1, 3, 4)).tolist() == [False, False, True, False, False]  # nothing else is left


def test_gems_of_unknown_type_are_never_full() -> None:
    rule = diversity([None] * 5)
    assert rule.allowed((0, 1, 2)).tolist() == [False, False, False, True, True]


def test_where_both_rules_cannot_hold_the_neighborhood_gives_way_first() -> None:
    rule = diversity(["cafe", "cafe", "cafe", "bar"], ["Balat", "Balat", "Moda", "Balat"])
    assert rule.allowed((0, 1)).tolist() == [False, False, False, True]  # Balat is full, but the other is a cafe


def test_a_rule_that_kept_the_best_out_is_told() -> None:
    rule = diversity(["cafe", "cafe", "cafe", "bar"], limit=5)
    utility = np.array([4.0, 3.0, 2.0, 1.0])
    assert rule.fired(utility, (0, 1, 3)) == {2: Constraint("new_type", "cafe", "bar")}
    assert rule.fired(utility, (3, 0, 1)) == {}
    quarter = diversity(["cafe", "bar", "museum", "garden"], ["Balat", "Balat", "Balat", "Moda"])
    assert quarter.fired(utility, (0, 1, 3)) == {2: Constraint("new_neighborhood", "Balat", "Moda")}


def test_a_slate_keeps_to_its_rules_and_says_how_likely_it_was() -> None:
    types: list[str | None] = ["cafe"] * 30 + ["bar"] * 10
    utility = np.concatenate([np.full(30, 5.0), np.zeros(10)])
    found = fill(Utilities(utility, np.full(40, 0.5), 0.0), diversity(types, limit=10), np.random.default_rng(0))
    kinds = [types[place] for place in found.places]
    assert kinds[:4] == ["cafe"] * 4
    assert kinds[4:8] == ["bar"] * 4
    assert len(found.places) == len(set(found.places)) == 10
    assert set(found.fired) == {4, 5, 6, 7}
    assert found.fired[4] == Constraint("new_type", "cafe", "bar")
    assert found.propensities[0] == pytest.approx(1 / 30, abs=1e-3)
    assert found.propensities[4] == pytest.approx(1 / 10, abs=1e-3)


def test_policies_are_named_after_what_ranked_and_what_was_missing() -> None:
    assert policy_name("recommend", ["features"]) == "ranker+thompson-features"
    assert policy_name("recommend", ["ranker"]) == "blend+thompson-ranker"
    assert policy_name("similar", ["deep"]) == "similar-deep"
