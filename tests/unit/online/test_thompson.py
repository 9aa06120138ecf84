import numpy as np
import pytest

from hidden_gems.online.index import MAX_ITEMS, GrowingIndex, grown
from hidden_gems.online.thompson import BetaThompson


def shape(arms: BetaThompson, item: str) -> tuple[float, float]:
    """Successes and failures out of mean and spread: of Beta(a, b), a + b = mean (1 - mean) / spread² - 1."""
    [mean], [spread] = arms.belief([item])
    total = mean * (1 - mean) / spread**2 - 1
    return pytest.approx(mean * total), pytest.approx((1 - mean) * total)


def test_a_new_arm_has_the_wide_prior() -> None:
    assert shape(BetaThompson(), "new") == (0.2, 1.8)
    mean, spread = BetaThompson(1.0, 3.0).belief(["new"])
    assert mean[0] == 0.25
    assert spread[0] == pytest.approx(np.sqrt(0.25 * 0.75 / 5.0))


def test_rewards_are_successes_and_the_rest_of_the_impressions_are_failures() -> None:
    arms = BetaThompson(1.0, 1.0)
    arms.learn_one("g", 3, 0.25)
    assert shape(arms, "g") == (1.25, 3.75)
    arms.learn_one("g", 0, 0.5)
    assert shape(arms, "g") == (1.75, 3.25)
    assert shape(arms, "other") == (1.0, 1.0)


def test_a_reward_may_come_before_its_impression() -> None:
    early, late = BetaThompson(1.0, 1.0), BetaThompson(1.0, 1.0)
    early.learn_many(["g", "g"], np.array([0.0, 1.0]), np.array([0.7, 0.0]))
    late.learn_many(["g", "g"], np.array([1.0, 0.0]), np.array([0.0, 0.7]))
    assert shape(early, "g") == shape(late, "g") == (1.7, 1.3)
    early.learn_one("g", 0, 0.9)
    assert shape(early, "g") == (2.6, 1.0)


def test_rewards_below_nought_count_as_nought() -> None:
    arms = BetaThompson(1.0, 1.0)
    arms.learn_one("g", 1, -0.5)
    assert shape(arms, "g") == (1.0, 2.0)


def test_after_a_half_life_of_impressions_old_ones_count_half() -> None:
    arms = BetaThompson(1.0, 1.0, half_life=4.0)
    arms.learn_one("g", 2, 1.0)
    arms.learn_one("other", 100, 0.0)
    assert shape(arms, "g") == (2.0, 2.0)
    arms.learn_one("g", 4, 0.0)
    assert shape(arms, "g") == (1.5, 1 + 5 - 0.5)
    once = BetaThompson(1.0, 1.0, half_life=4.0)
    once.learn_many(["g", "other", "g"], np.array([2.0, 100.0, 4.0]), np.array([1.0, 0.0, 0.0]))
    np.testing.assert_allclose(once.belief(["g", "other"]), arms.belief(["g", "other"]))


def test_an_arm_has_its_own_prior_and_keeps_what_it_learned() -> None:
    arms = BetaThompson()
    arms.learn_one("b", 1, 0.0)
    arms.set_priors(["a", "b"], np.array([2.0, 3.0]), np.array([8.0, 7.0]))
    assert (shape(arms, "a"), shape(arms, "b"), shape(arms, "c")) == ((2.0, 8.0), (3.0, 8.0), (0.2, 1.8))


def test_draws_follow_the_belief() -> None:
    arms = BetaThompson().set_priors(["a", "b"], np.array([20.0, 5.0]), np.array([80.0, 5.0]))
    random = np.random.default_rng(0)
    draws = np.array([arms.draw(["a", "b"], random) for _ in range(4000)])
    mean, spread = arms.belief(["a", "b"])
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=0.01)
    np.testing.assert_allclose(draws.std(axis=0), spread, rtol=0.05)


@pytest.mark.parametrize(
    ("exposures", "reward", "said"),
    [(-1.1, 0.0, "exposures"), (np.nan, 0.0, "exposures"), (np.inf, 0.0, "exposures"), (1.0, 1.01, "at most 1"),
     (1.0, np.nan, "finite"), (0.0, -np.inf, "finite")],
)  # fmt: skip
def test_numbers_out_of_range_are_refused_and_nothing_is_learned(exposures: float, reward: float, said: str) -> None:
    arms = BetaThompson()
    with pytest.raises(ValueError, match=said):
        arms.learn_many(["a", "b"], np.array([1.0, exposures]), np.array([1.0, reward]))
    assert shape(arms, "a") == (0.2, 1.8)
    arms.learn_one("a", 0.0, 1.0)
    assert shape(arms, "a") == (1.2, 1.8)


@pytest.mark.parametrize("wrong", [(0.0, 1.0, None), (1.0, 0.0, None), (1.0, 1.0, 0.0), (np.nan, 1.0, None)])
def test_priors_and_half_life_must_be_above_nought(wrong: tuple[float, float, float | None]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        BetaThompson(*wrong)
    with pytest.raises(ValueError, match="above 0"):
        BetaThompson().set_priors(["a"], np.array([1.0]), np.array([0.0]))
    with pytest.raises(ValueError, match="finite"):
        BetaThompson().set_priors(["a"], np.array([np.inf]), np.array([1.0]))


def test_only_tables_of_the_right_size_and_sign_are_restored() -> None:
    arms = BetaThompson()
    arms.learn_one("a", 1, 0.5)
    good = arms.arrays()
    assert shape(BetaThompson().restore(["a"], good), "a") == shape(arms, "a")
    for wrong in (good | {"learned": -good["learned"]}, good | {"priors": 0 * good["priors"]},
                  good | {"learned": good["learned"] * np.nan}, good | {"priors": good["priors"][:1]},
                  good | {"learned": good["learned"][:1]}, good | {"priors": good["priors"] * np.inf}):  # fmt: skip
        with pytest.raises(ValueError, match="arms"):
            BetaThompson().restore(["a"], wrong)
    with pytest.raises(ValueError, match="3 rows"):
        BetaThompson().restore(["a", "b"], good)


def test_rows_are_bounded() -> None:
    assert MAX_ITEMS == 200_000
    assert GrowingIndex().limit == MAX_ITEMS
    arms = BetaThompson()
    arms.index.limit = 1
    arms.learn_many(["a", "b", "", "a"], np.ones(4), np.zeros(4))
    assert (shape(arms, "a"), shape(arms, "b"), shape(arms, "")) == ((0.2, 3.8), (0.2, 1.8), (0.2, 1.8))
    assert arms.index.ids == ["a"]


def test_tables_double_and_keep_what_they_hold() -> None:
    table = np.arange(6.0).reshape(3, 2)
    assert grown(table, 3) is table
    assert grown(table, 4).tolist() == [*table.tolist(), [0, 0], [0, 0], [0, 0]]
    assert len(grown(table, 100)) == 100
