"""Linear arms against a plain ridge regression, and as a bandit."""

import numpy as np
import pytest

from hidden_gems.online.linear import LinearArms


def logged(count: int, seed: int = 0) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Impressions of five gems with levels of their own; the second feature moves the reward by 0.4."""
    random = np.random.default_rng(seed)
    gem = random.integers(0, 5, count)
    contexts = np.stack([np.ones(count), random.random(count), random.random(count)], axis=1)
    reward = np.clip(0.05 * gem + 0.4 * contexts[:, 1] + random.normal(0, 0.05, count), -1, 1)
    return [f"g{each}" for each in gem], contexts, reward


def test_theta_is_the_ridge_regression_of_reward_on_context() -> None:
    gems, x, y = logged(400)
    arms = LinearArms(3, strength=2.0)
    arms.learn_many(gems, x, np.ones(400), y)
    expected = np.linalg.solve(x.T @ x + 2.0 * np.eye(3), x.T @ y)
    np.testing.assert_allclose(arms.weights, expected, rtol=1e-9)
    mean, spread = arms.shift(["g1"], np.array([[1.0, 0.9, 0.5]]))
    mine = np.array([each == "g1" for each in gems])
    usual = (x[mine].sum(axis=0) + 10.0 * x.mean(axis=0)) / (mine.sum() + 10.0)
    apart = np.array([1.0, 0.9, 0.5]) - usual
    assert mean[0] == pytest.approx(apart @ expected)
    assert spread[0] == pytest.approx(0.3 * np.sqrt(apart @ np.linalg.inv(x.T @ x + 2.0 * np.eye(3)) @ apart))


def test_slates_and_clicks_may_come_in_any_order() -> None:
    gems, x, y = logged(50)
    one, other = LinearArms(3), LinearArms(3)
    one.learn_many(gems, x, np.ones(50), np.zeros(50))
    one.learn_many(gems, x, np.zeros(50), y)
    other.learn_many(gems, x, np.zeros(50), y)
    other.learn_many(gems, x, np.ones(50), np.zeros(50))
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-12)


def test_one_at_a_time_is_the_same_to_the_bit() -> None:
    gems, x, y = logged(60)
    many, halves, single = LinearArms(3), LinearArms(3), LinearArms(3)
    many.learn_many(gems, x, np.ones(60), y)
    halves.learn_many(gems[:17], x[:17], np.ones(17), y[:17])
    halves.learn_many(gems[17:], x[17:], np.ones(43), y[17:])
    for gem, context, reward in zip(gems, x, y, strict=True):
        single.learn_one(gem, context, 1.0, float(reward))
    for name, table in many.arrays().items():
        assert (table == single.arrays()[name]).all()
        assert (table == halves.arrays()[name]).all()


def test_a_gem_that_was_never_shown_starts_from_what_all_gems_share() -> None:
    arms = LinearArms(3, strength=1.0)
    arms.learn_many(*logged(2000)[:2], np.ones(2000), logged(2000)[2])
    low, high = arms.shift(["new", "new"], np.array([[1.0, 0.0, 0.5], [1.0, 1.0, 0.5]]))[0]
    assert high - low == pytest.approx(0.4, abs=0.02)
    assert low == pytest.approx(-high, abs=0.02)


def test_upper_and_draw_are_about_mean_and_spread() -> None:
    arms = LinearArms(3, strength=5.0)
    arms.learn_many(*logged(40)[:2], np.ones(40), logged(40)[2])
    contexts = np.array([[1.0, 0.9, 0.1], [1.0, 0.2, 0.8]])
    mean, spread = arms.shift(["g1", "new"], contexts)
    np.testing.assert_allclose(arms.upper(["g1", "new"], contexts, alpha=2.0), mean + 2.0 * spread)
    random = np.random.default_rng(3)
    draws = np.array([arms.draw(["g1", "new"], contexts, random) for _ in range(4000)])
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=0.01)
    np.testing.assert_allclose(draws.std(axis=0), spread, rtol=0.05)


def test_what_changed_lately_is_followed_with_a_half_life() -> None:
    arms = LinearArms(2, strength=1.0, half_life=50.0)
    x = np.array([[1.0, 0.0], [1.0, 1.0]] * 300)
    arms.learn_many(["g"] * 600, x, np.ones(600), x[:, 1] * 0.8)
    before = arms.weights[1]
    arms.learn_many(["g"] * 600, x, np.ones(600), (1.0 - x[:, 1]) * 0.8)
    assert before > 0.6
    assert arms.weights[1] < -0.6


@pytest.mark.parametrize(
    ("contexts", "exposures", "rewards"),
    [
        (np.full((1, 3), np.nan), np.ones(1), np.zeros(1)),
        (np.ones((1, 2)), np.ones(1), np.zeros(1)),
        (np.ones((1, 3)), np.array([-1.1]), np.zeros(1)),
        (np.ones((1, 3)), np.ones(1), np.array([np.inf])),
        (np.ones((1, 3)), np.ones(1), np.array([1.5])),
    ],
)
def test_what_is_no_number_is_refused_and_changes_nothing(
    contexts: np.ndarray, exposures: np.ndarray, rewards: np.ndarray
) -> None:
    arms = LinearArms(3)
    with pytest.raises(ValueError, match="arms must be finite"):
        arms.learn_many(["g"], contexts, exposures, rewards)
    assert not any(table.any() for table in arms.arrays().values())


def test_settings_that_mean_nothing_are_refused() -> None:
    for wrong in ({"strength": 0.0}, {"noise": -1.0}, {"own_strength": 0.0}, {"half_life": -5.0}):
        with pytest.raises(ValueError, match="above 0"):
            LinearArms(3, **wrong)
    with pytest.raises(ValueError, match="cannot have these tables"):
        LinearArms(2).restore(["g"], LinearArms(3).arrays())
