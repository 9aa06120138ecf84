"""Values by hand, what must hold of each estimator in expectation, and intervals in simulated logs."""

import numpy as np
import pytest
from scipy import stats

from hidden_gems.evaluation.metrics import Floats
from hidden_gems.evaluation.off_policy.estimators import (
    DM,
    DR,
    IPS,
    SNDR,
    SNIPS,
    ClippedDR,
    ClippedIPS,
    Estimator,
    Sample,
    all_estimators,
    effective_size,
)
from hidden_gems.evaluation.off_policy.report import clustered_interval
from tests.off_policy_coverage import World

# weights 2 and 0.5
TWO = Sample(
    reward=np.array([1.0, 0.5]),
    propensity=np.array([0.25, 0.5]),
    probability=np.array([0.5, 0.25]),
    modelled=np.array([0.5, 0.4]),
    expected=np.array([0.6, 0.3]),
)
UNBIASED = (IPS(), DR())


def many(places: int = 400, seed: int = 0) -> Sample:
    random = np.random.default_rng(seed)
    reward, propensity = random.random(places), random.uniform(0.1, 1.0, places)
    return Sample(reward, propensity, random.random(places), random.random(places), random.random(places))


@pytest.mark.parametrize(
    ("estimator", "value"),
    [
        (DM(), 0.45),
        (IPS(), (2 * 1.0 + 0.5 * 0.5) / 2),
        (ClippedIPS(1.0), (1 * 1.0 + 0.5 * 0.5) / 2),
        (SNIPS(), 2.25 / 2.5),
        (DR(), 0.45 + (2 * 0.5 + 0.5 * 0.1) / 2),
        (ClippedDR(1.0), 0.45 + (1 * 0.5 + 0.5 * 0.1) / 2),
        (SNDR(), 0.45 + 1.05 / 2.5),
    ],
)
def test_two_places_by_hand(estimator: Estimator, value: float) -> None:
    assert estimator.estimate(TWO) == pytest.approx(value)


def test_matrices_say_the_same_as_what_they_come_to() -> None:
    target, modelled = np.array([[0.5, 0.5], [0.75, 0.25]]), np.array([[0.5, 0.7], [4 / 15, 0.4]])
    found = Sample.of_matrices(TWO.reward, TWO.propensity, np.array([0, 1]), target, modelled)
    for name, value in vars(TWO).items():
        assert getattr(found, name) == pytest.approx(value)


@pytest.mark.parametrize("estimator", UNBIASED, ids=lambda each: each.name)
def test_the_mean_over_all_that_may_be_drawn_is_the_truth(estimator: Estimator) -> None:
    random = np.random.default_rng(1)
    logging, target = random.dirichlet(np.ones(6)), random.dirichlet(np.ones(6))
    reward, wrong_model = random.normal(size=6), random.normal(size=6)
    each = np.arange(6)
    drawn = Sample.of_matrices(reward, logging, each, np.tile(target, (6, 1)), np.tile(wrong_model, (6, 1)))
    assert logging @ estimator.contributions(drawn) == pytest.approx(target @ reward)


def test_with_a_perfect_model_nothing_is_left_to_chance() -> None:
    sample = many()
    exact = Sample(sample.modelled, sample.propensity, sample.probability, sample.modelled, sample.expected)
    for estimator in (DR(), SNDR(), ClippedDR(0.5)):
        assert estimator.contributions(exact) == pytest.approx(sample.expected)


@pytest.mark.parametrize("estimator", [SNIPS(), SNDR()], ids=lambda each: each.name)
def test_self_normalised_estimates_move_with_the_rewards(estimator: Estimator) -> None:
    sample = many()
    higher = Sample(sample.reward + 3, sample.propensity, sample.probability, sample.modelled, sample.expected)
    assert estimator.estimate(higher) == pytest.approx(estimator.estimate(sample) + 3)
    assert IPS().estimate(higher) != pytest.approx(IPS().estimate(sample) + 3, abs=0.1)


@pytest.mark.parametrize("estimator", all_estimators(limit=2.0), ids=lambda each: each.name)
def test_contributions_scatter_as_the_estimate_does_without_each_place(estimator: Estimator) -> None:
    sample = many()
    n = len(sample.reward)
    without = [
        estimator.estimate(Sample(*(np.delete(column, row) for column in vars(sample).values()))) for row in range(n)
    ]
    jackknife = np.sqrt((n - 1) / n * ((np.array(without) - np.mean(without)) ** 2).sum())
    assert estimator.contributions(sample).std(ddof=1) / np.sqrt(n) == pytest.approx(jackknife, rel=0.02)


def test_a_target_that_wants_nothing_of_it_has_no_self_normalised_value() -> None:
    nothing = Sample(TWO.reward, TWO.propensity, np.zeros(2), TWO.modelled, TWO.expected)
    assert np.isnan(SNIPS().estimate(nothing))
    assert np.isnan(SNDR().estimate(nothing))
    assert IPS().estimate(nothing) == 0.0
    assert DR().estimate(nothing) == pytest.approx(0.45)
    assert effective_size(nothing.weight) == 0.0


def test_effective_size_is_the_number_of_equal_weights() -> None:
    assert effective_size(np.full(7, 3.0)) == pytest.approx(7)
    assert effective_size(np.array([5.0, 0.0, 0.0])) == pytest.approx(1)
    assert effective_size(np.array([2.0, 1.0])) == pytest.approx(9 / 5)


def test_what_repeats_in_a_cluster_adds_nothing_and_elsewhere_halves_the_variance() -> None:
    values, cluster = np.random.default_rng(0).normal(size=5_000), np.arange(5_000)
    once = clustered_interval(values, cluster)
    within = clustered_interval(np.repeat(values, 2), np.repeat(cluster, 2))
    beside = clustered_interval(np.tile(values, 2), np.arange(10_000))
    assert (within.value, within.low, within.high) == pytest.approx((once.value, once.low, once.high))
    assert (once.high - once.low) / (beside.high - beside.low) == pytest.approx(np.sqrt(2), rel=1e-3)
    assert (within.users, beside.users) == (5_000, 10_000)
    assert once.high - once.low == pytest.approx(2 * 1.9604 * values.std(ddof=1) / np.sqrt(5_000), rel=1e-4)
    assert np.isnan(clustered_interval(values, np.zeros(5_000, dtype=int)).low)


def test_one_large_weight_makes_the_interval_less_sure() -> None:
    even, one = np.tile([1.0, -1.0], 50), np.zeros(100)
    one[7] = 10.0
    for values, freedom in ((even, 99.0), (one, 2.0)):  # of 100 squares the one has nearly all
        found = clustered_interval(values, np.arange(100))
        error = values.std(ddof=1) / 10
        assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, freedom) * error, rel=0.03)


def test_simulated_intervals_hold_the_truth_and_dr_is_not_wider_than_ips() -> None:
    world = World(seed=1)
    logs, places = 400, 1_500
    modelled = 0.5 * world.chance + 0.2  # wrong, and still of use
    inside: dict[str, list[bool]] = {"IPS": [], "DR": [], "SNIPS": []}
    errors: dict[str, list[float]] = {name: [] for name in inside}
    widths: dict[str, list[float]] = {name: [] for name in inside}
    for seed in range(logs):
        sample = drawn(world, places, seed, modelled)
        for estimator in (IPS(), DR(), SNIPS()):
            found = clustered_interval(estimator.contributions(sample), np.arange(places))
            inside[estimator.name].append(found.low <= world.truth <= found.high)
            errors[estimator.name].append(found.value - world.truth)
            widths[estimator.name].append(found.high - found.low)
    for name in ("IPS", "DR"):
        assert abs(np.mean(errors[name])) < 3 * np.std(errors[name]) / np.sqrt(logs)
    assert 0.92 <= np.mean(inside["DR"]) <= 0.98
    assert np.mean(inside["IPS"]) > 0.88  # its skew costs some
    assert np.median(widths["DR"]) < 0.9 * np.median(widths["IPS"])


def drawn(world: World, places: int, seed: int, modelled: Floats) -> Sample:
    random = np.random.default_rng((9, seed))
    moment = random.integers(world.moments, size=places)
    logging = world.logging[moment]
    item = (logging.cumsum(axis=1) > random.random(places)[:, None]).argmax(axis=1)
    reward = (random.random(places) < world.chance[moment, item]).astype(float)
    propensity = logging[np.arange(places), item]
    return Sample.of_matrices(reward, propensity, item, world.target[moment], modelled[moment])
