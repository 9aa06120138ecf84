import numpy as np
import pytest

from hidden_gems.evaluation.calibration import Bins, LogisticMap

PEOPLE = np.array([4, 9])


def two_people() -> Bins:
    """Three pairs with one negative each; the second person has a pair without one."""
    probability = np.array([[0.9, 0.1], [0.8, 0.3], [0.6, np.nan]])
    return Bins.of(probability, np.array([0, 0, 1]), PEOPLE)


def test_the_curve_finds_the_probabilities_of_its_groups() -> None:
    scores = np.repeat([0.0, 1.0], 1_000)
    yes = np.concatenate([np.arange(1_000) < 100, np.arange(1_000) < 800])
    curve = LogisticMap.fit(scores, yes)
    assert curve(np.array([0.0, 1.0])) == pytest.approx([0.1, 0.8], abs=2e-3)
    assert (curve.centre, curve.spread) == (0.5, 0.5)
    assert curve.slope > 0


def test_the_curve_stays_finite_where_scores_say_everything_or_nothing() -> None:
    apart = LogisticMap.fit(np.array([0.0, 1.0]), np.array([False, True]))
    assert apart(np.array([0.0, 1.0])) == pytest.approx([1 / 3, 2 / 3], abs=1e-3)  # Platt's targets
    alike = LogisticMap.fit(np.zeros(8), np.arange(8) < 2)
    assert alike.spread == 1.0
    assert alike(np.zeros(1)) == pytest.approx([(2 * 0.75 + 6 * 0.125) / 8], abs=1e-4)


def test_every_pair_is_in_one_bin_of_its_person() -> None:
    bins = two_people()
    assert bins.sums.shape == (2, 10, 3)
    assert bins.sums[:, :, 0].sum(axis=1).tolist() == [4.0, 1.0]
    assert bins.sums[:, :, 1].sum(axis=1) == pytest.approx([2.1, 0.6])
    assert bins.sums[:, :, 2].sum(axis=1).tolist() == [2.0, 1.0]
    assert [share for _, _, share in bins.table()] == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert [said for _, said, _ in bins.table()] == pytest.approx([0.1, 0.3, 0.6, 0.8, 0.9])


def test_equal_probabilities_share_a_bin() -> None:
    bins = Bins.of(np.full((3, 2), 0.5), np.array([0, 0, 1]), PEOPLE)
    assert bins.table() == [(6, 0.5, 0.5)]
    assert bins.error(resamples=20).value == 0.0


def test_the_error_is_the_mean_distance_over_pairs() -> None:
    found = two_people().error(resamples=50)
    assert found.value == pytest.approx((0.1 + 0.3 + 0.4 + 0.2 + 0.1) / 5)
    assert found.users == 2
    assert found.low == pytest.approx((0.1 + 0.3 + 0.2 + 0.1) / 4)  # only the first person
    assert found.high == pytest.approx(0.4)  # only the second


def test_a_person_of_several_windows_is_one() -> None:
    joined = Bins.joined([two_people(), two_people()])
    assert joined.people.tolist() == [4, 9, 4, 9]
    assert joined.error(resamples=10).users == 2
    assert joined.error(resamples=10).value == pytest.approx(two_people().error(resamples=10).value)


def test_nobody_has_no_error() -> None:
    nobody = Bins.of(np.empty((0, 2)), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    assert nobody.table() == []
    assert np.isnan(nobody.error().value)
    assert nobody.error().users == 0
