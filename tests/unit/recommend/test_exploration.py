"""The draw: every propensity is the probability it claims to be."""

import numpy as np
import pytest
from scipy.special import ndtr

from hidden_gems.recommend.exploration import SHARPEST, Drawn, Step, draw, effective_spread, largest_probability


def probabilities(utility: np.ndarray, spread: np.ndarray) -> np.ndarray:
    spread = effective_spread(spread)
    return np.array([largest_probability(utility, spread, place) for place in range(len(utility))])


@pytest.mark.parametrize("seed", range(6))
def test_propensities_are_the_shares_of_many_draws(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(2, 12))
    utility, spread = random.normal(size=n), random.uniform(0.05, 1.0, n)
    samples = 200_000
    best = (utility + effective_spread(spread) * random.standard_normal((samples, n))).argmax(axis=1)
    shares = np.bincount(best, minlength=n) / samples
    np.testing.assert_allclose(probabilities(utility, spread), shares, atol=4.5 * np.sqrt(0.25 / samples))


@pytest.mark.parametrize("seed", range(20))
def test_the_quadrature_is_exact_to_one_in_ten_thousand(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(2, 30))
    utility = random.normal(size=n) * random.choice([0.01, 0.3, 1.0, 3.0])
    spread = effective_spread(np.exp(random.uniform(-3.0, 0.0, n)))
    place = int(np.argmax(utility + spread * random.standard_normal(n)))
    x = np.linspace(utility[place] - 9 * spread[place], utility[place] + 9 * spread[place], 100_001)
    z = (x - utility[place]) / spread[place]
    density = np.exp(-0.5 * z * z) / (spread[place] * np.sqrt(2 * np.pi))
    others = np.arange(n) != place
    below = ndtr((x[:, None] - utility[others]) / spread[others]).prod(axis=1)
    exact = (density * below).sum() * (x[1] - x[0])
    assert largest_probability(utility, spread, place) == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("seed", range(10))
def test_propensities_of_a_position_sum_to_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 200))
    found = probabilities(random.normal(size=n), random.uniform(0.0, 0.5, n))
    assert found.sum() == pytest.approx(1.0, abs=1e-4 * n)
    assert (found >= 0).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(6))
def test_all_probabilities_of_a_position_at_once_are_those_of_each(seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 60))
    utility = random.normal(size=n) * random.choice([0.01, 0.3, 3.0])
    spread = effective_spread(np.exp(random.uniform(-4.0, 0.0, n)) * (seed != 5))
    able = 2 * np.arange(n)
    step = Step(able, utility, spread, share)
    each = [step.probability(int(candidate)) for candidate in able]
    np.testing.assert_allclose(step.probabilities(), each, rtol=2e-3, atol=2e-6)
    assert step.probabilities().sum() == pytest.approx(1.0, abs=1e-5)


def test_two_equal_ones_share_and_the_better_of_two_has_the_normal_law() -> None:
    assert probabilities(np.zeros(2), np.ones(2)) == pytest.approx([0.5, 0.5], abs=1e-6)
    found = probabilities(np.array([1.0, 0.0]), np.array([0.6, 0.8]))
    assert found[0] == pytest.approx(float(ndtr(1.0)), abs=1e-5)  # sqrt(0.36 + 0.64) = 1


def test_without_spread_the_best_is_certain_and_of_equal_ones_the_first() -> None:
    found = draw(np.array([1.0, 3.0, 3.0, 2.0]), np.zeros(4), 3, np.random.default_rng(0))
    assert found == Drawn((1, 2, 3), (1.0, 1.0, 1.0), (False, False, False), (1, 2, 3))


def test_a_place_is_explored_where_a_better_one_might_have_stood() -> None:
    utility, seen = np.array([0.0, 1.0, 2.0]), {}
    for seed in range(200):
        found = draw(utility, np.ones(3), 3, np.random.default_rng(seed))
        seen[found.places] = found.explored
    assert seen == {
        (2, 1, 0): (False, False, False), (2, 0, 1): (False, True, False), (1, 2, 0): (True, False, False),
        (1, 0, 2): (True, True, False), (0, 2, 1): (True, False, False), (0, 1, 2): (True, True, False),
    }  # fmt: skip
    ruled = draw(utility, np.zeros(3), 1, np.random.default_rng(0), lambda _: np.array([True, True, False]))
    assert (ruled.places, ruled.explored) == ((1,), (False,))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_no_position_is_explored_more_than_may_be_and_none_is_certain_because_of_it(share: float) -> None:
    utility, random, rounds = np.array([0.3, 0.2, 0.1, 0.0]), np.random.default_rng(1), 500
    law = probabilities(utility, np.ones(4))
    expected = np.append(1.0 - share, share * law[1:] / law[1:].sum()) if share < 1.0 - law[0] else law
    found = [draw(utility, np.ones(4), 3, random, explored_share=share) for _ in range(rounds)]
    for each in found:
        assert each.propensities[0] == pytest.approx(expected[each.places[0]], abs=1e-4)
    shares = np.bincount([each.places[0] for each in found], minlength=4) / rounds
    np.testing.assert_allclose(shares, expected, atol=4.5 * np.sqrt(0.25 / rounds))
    for position in range(3):
        assert np.mean([each.explored[position] for each in found]) <= share + 4.5 * np.sqrt(0.25 / rounds)
        leader = {each.propensities[position] for each in found if not each.explored[position]}
        assert min(leader) >= 1.0 - share
        assert leader == {1.0} if share == 0.0 else max(leader) < 1.0


def test_the_bound_takes_nothing_from_who_is_explored_less() -> None:
    utility, spread = np.array([0.0, 1.0, 2.0]), np.full(3, 0.4)
    bound, free = (draw(utility, spread, 3, np.random.default_rng(3), explored_share=share) for share in (0.5, 1.0))
    assert bound.places[0] == free.places[0]
    assert bound.propensities[0] == free.propensities[0] > 0.5


@pytest.mark.parametrize("gap", [1.0, 3.0, 5.0, 6.0, 8.0, 9.0])
@pytest.mark.parametrize("spread", [(1.0, 0.8), (0.2, 1.0), (1.0, 0.2)])
def test_the_probability_of_a_rare_one_is_right_and_never_zero(gap: float, spread: tuple[float, float]) -> None:
    width = float(np.hypot(*spread))
    found = largest_probability(np.array([0.0, gap * width / 1.28]), np.array(spread), 0)
    exact = float(ndtr(-gap / 1.28))
    assert found == pytest.approx(exact, rel=1e-3 if exact > 1e-6 else 1e-2)


def test_what_is_taken_enters_the_draw_and_its_propensity() -> None:
    def taken(chosen: tuple[int, ...]) -> np.ndarray:
        return np.array([0.0, 0.5 * len(chosen), 0.0])

    certain = draw(np.array([2.0, 1.0, 0.8]), np.zeros(3), 3, np.random.default_rng(0), taken=taken)
    assert (certain.places, certain.without) == ((0, 2, 1), (0, 1, 1))
    assert certain.explored == (False, False, False)
    for seed in range(5):
        found = draw(np.array([9.0, 1.0, 0.8]), np.full(3, 0.5), 3, np.random.default_rng(seed), taken=taken)
        second = float(ndtr((0.5 - 0.8) / np.hypot(0.5, 0.5)))
        assert found.propensities[1] == pytest.approx(second if found.places[1] == 1 else 1.0 - second, abs=1e-5)
        assert found.explored[1] == (found.places[1] == 1)


def test_a_belief_is_never_sharper_than_an_eighth_of_the_widest() -> None:
    assert effective_spread(np.array([0.0, 0.1, 0.8])).tolist() == pytest.approx([0.1, 0.1, 0.8])
    assert SHARPEST == 0.125
    assert effective_spread(np.zeros(2)).tolist() == [0.0, 0.0]
    assert effective_spread(np.empty(0)).size == 0


def test_one_candidate_is_certain_and_more_positions_than_candidates_are_not_filled() -> None:
    assert draw(np.array([7.0]), np.array([2.0]), 5, np.random.default_rng(0)) == Drawn((0,), (1.0,), (False,), (0,))
    found = draw(np.zeros(3), np.ones(3), 10, np.random.default_rng(0))
    assert sorted(found.places) == [0, 1, 2]
    assert found.propensities[2] == 1.0
    assert draw(np.empty(0), np.empty(0), 4, np.random.default_rng(0)) == Drawn((), ())


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    utility, spread = np.zeros(50), np.ones(50)
    first, again, other = (draw(utility, spread, 10, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_positions_fill_by_the_logged_propensities() -> None:
    utility, spread = np.array([0.5, 0.0, -0.5]), np.array([0.5, 1.0, 0.25])
    random = np.random.default_rng(3)
    draws = [draw(utility, spread, 2, random) for _ in range(20_000)]
    expected = probabilities(utility, spread)
    for place in range(3):
        mine = [each for each in draws if each.places[0] == place]
        assert len(mine) / len(draws) == pytest.approx(expected[place], abs=0.015)
        assert all(each.propensities[0] == pytest.approx(expected[place], abs=1e-9) for each in mine)
    given_first = [each for each in draws if each.places[0] == 0]
    left = probabilities(utility[1:], np.maximum(effective_spread(spread), 0)[1:])
    share = np.mean([each.places[1] == 1 for each in given_first])
    assert share == pytest.approx(left[0], abs=0.015)


def test_who_may_take_a_position_is_asked_each_time_and_enters_the_propensity() -> None:
    asked = []

    def allowed(chosen: tuple[int, ...]) -> np.ndarray:
        asked.append(chosen)
        return np.array([True, True, False, len(chosen) > 0])

    found = draw(np.zeros(4), np.ones(4), 3, np.random.default_rng(5), allowed)
    assert asked[0] == ()
    assert asked[1] == found.places[:1]
    assert 2 not in found.places
    assert found.places[0] in (0, 1)
    assert found.propensities == pytest.approx([0.5, 0.5, 1.0], abs=1e-6)


def test_where_nobody_may_the_draw_ends() -> None:
    def none_after_one(chosen: tuple[int, ...]) -> np.ndarray:
        return np.full(3, not chosen)

    assert len(draw(np.zeros(3), np.ones(3), 3, np.random.default_rng(0), none_after_one).places) == 1
