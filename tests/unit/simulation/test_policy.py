import numpy as np
import pytest

from hidden_gems.simulation.city import City
from hidden_gems.simulation.parameters import PolicyParameters
from hidden_gems.simulation.policy import EMPTY, LoggedPopularity, Oracle, Request, Uniform, draw_slates


def _request(batch: int, popularity: list[float], eligible: list[bool], limit: int) -> Request:
    city = City(seed=0, people=2, days=1)
    context = city.context(np.zeros(1, np.int64), np.full(1, city.start))
    return Request(
        users=np.zeros(batch, np.int64),
        context=context,
        eligible=np.tile(eligible, (batch, 1)),
        popularity=np.array(popularity),
        limit=limit,
    )


def test_first_position_has_the_stated_probabilities() -> None:
    request = _request(40_000, [0, 3, 8, 100], [True, True, True, False], 1)
    slates = LoggedPopularity(PolicyParameters(power=0.5, uniform=0.1))(request, np.random.default_rng(0))
    weights = np.array([1.0, 2.0, 3.0, 0.0])
    expected = 0.9 * weights / 6 + 0.1 * np.array([1, 1, 1, 0]) / 3
    assert expected.sum() == pytest.approx(1.0)
    assert slates.propensity[:, 0] == pytest.approx(expected[slates.items[:, 0]])
    seen = np.bincount(slates.items[:, 0], minlength=4) / 40_000
    assert (abs(seen - expected) < 4 * np.sqrt(0.25 / 40_000)).all()
    assert seen[3] == 0
    assert slates.policy == "logged_popularity"


def test_later_positions_are_drawn_from_what_is_left() -> None:
    request = _request(60_000, [0, 3, 8], [True, True, True], 3)
    slates = LoggedPopularity(PolicyParameters(power=0.5, uniform=0.1))(request, np.random.default_rng(1))
    weights = np.array([1.0, 2.0, 3.0])
    after_two = slates.items[:, 0] == 2
    expected = 0.9 * weights[:2] / 3 + 0.05
    seen = np.bincount(slates.items[after_two, 1], minlength=2) / after_two.sum()
    assert (abs(seen - expected) < 4 * np.sqrt(0.25 / after_two.sum())).all()
    assert slates.propensity[after_two, 1] == pytest.approx(expected[slates.items[after_two, 1]])
    assert slates.propensity[:, 2] == pytest.approx(1.0)
    assert (np.sort(slates.items, axis=1) == [0, 1, 2]).all()


def test_inverse_propensities_recover_a_uniform_mean() -> None:
    request = _request(50_000, [0, 3, 8, 20], [True] * 4, 1)
    slates = LoggedPopularity(PolicyParameters())(request, np.random.default_rng(2))
    worth = np.array([1.0, 2.0, 3.0, 4.0])
    estimate = (0.25 / slates.propensity[:, 0] * worth[slates.items[:, 0]]).mean()
    assert estimate == pytest.approx(2.5, abs=0.05)


def test_too_few_items_leave_the_end_empty() -> None:
    request = _request(5, [1, 1, 1], [True, False, True], 3)
    slates = Uniform()(request, np.random.default_rng(0))
    assert (slates.items[:, 2] == EMPTY).all()
    assert (slates.propensity[:, 2] == 0).all()
    assert slates.propensity[:, 0] == pytest.approx(0.5)
    assert set(slates.items[:, :2].ravel()) == {0, 2}
    assert slates.policy == "uniform"


def test_uniform_share_of_zero_is_pure_popularity() -> None:
    request = _request(1000, [0, 0], [True, True], 1)
    slates = draw_slates(np.tile([1.0, 3.0], (1000, 1)), request, 0.0, "p", np.random.default_rng(0))
    assert set(np.unique(slates.propensity.round(6))) == {0.25, 0.75}


def test_oracle_shows_the_best_first_and_beats_the_log() -> None:
    rates = {}
    for name in ("log", "uniform", "oracle"):
        city = City(seed=2, people=250, days=4)
        policy = {"log": None, "uniform": Uniform(), "oracle": Oracle(city.truth)}[name]
        logs = [city.step(policy) for _ in range(4)]
        clicks, shown = np.sum([log.clicks() for log in logs], axis=0)
        rates[name] = clicks / shown
        reward = np.concatenate([chunk["expected_reward"] for log in logs for chunk in log.impressions])
        position = np.concatenate([chunk["position"] for log in logs for chunk in log.impressions])
        policies = {p for log in logs for chunk in log.impressions for p in chunk["policy"]}
        assert policies == {{"log": "logged_popularity"}.get(name, name)}
        if name == "oracle":
            same_slate = position[1:] > position[:-1]
            assert (np.diff(reward)[same_slate] <= 1e-5).all()
    assert rates["oracle"] > 2 * rates["log"] > 2 * 0.8 * rates["uniform"]


def test_every_logged_propensity_is_at_least_the_explored_share() -> None:
    city = City(seed=2, people=100, days=3)
    logs = [city.step() for _ in range(3)]
    propensity = np.concatenate([chunk["propensity"] for log in logs for chunk in log.impressions])
    assert propensity.min() >= 0.1 / len(city.gems)
    assert propensity.max() <= 1.0
