import numpy as np
import pytest
from numpy.typing import NDArray

from hidden_gems.evaluation.beyond_accuracy import popularity_lift
from hidden_gems.evaluation.intervals import Paired, mean_interval, paired_difference, paired_ratio
from hidden_gems.evaluation.protocols import full_catalogue, recall_by_group, recall_of_items
from hidden_gems.evaluation.report import Comparison
from hidden_gems.evaluation.truth import truth_after
from tests.unit.evaluation.test_protocols import FUTURE, PAST, by_item

A, B = np.array([0.2, 0.4, 0.9, 0.5]), np.array([0.1, 0.4, np.nan, 0.3])


def test_differences_and_ratios_are_those_of_two_at_a_time() -> None:
    paired = Paired.of({"a": A, "b": B}, seed=3, resamples=200)
    assert paired is not None
    assert paired.users == 3
    assert paired.means.tolist() == pytest.approx([1.1 / 3, 0.8 / 3])
    ratio, difference = paired.ratio("a", "b"), paired.difference("a", "b")
    expected = paired_ratio(A, B, seed=3, resamples=200)
    assert ratio.value == pytest.approx(1.1 / 0.8)
    assert (ratio.low, ratio.high) == pytest.approx((expected.low, expected.high))
    expected = paired_difference(A, B, seed=3, resamples=200)
    assert (difference.value, difference.low) == pytest.approx((expected.value, expected.low))
    assert Paired.of({"a": A, "b": np.full(4, np.nan)}) is None


def test_values_of_one_person_stay_together() -> None:
    """One person with all the good values at four cut-offs: a resample has all of them or none."""
    values, people = np.array([1.0] * 4 + [0.0] * 4), np.array([7] * 4 + [1, 2, 3, 4])
    paired = Paired.of({"a": values, "b": 1.0 - values}, people, resamples=500)
    assert paired is not None
    assert paired.users == 5
    assert paired.means.tolist() == [0.5, 0.5]
    together = mean_interval(values, people, resamples=500)
    alone = mean_interval(values, resamples=500)
    assert together.low == 0.0 < alone.low
    assert (paired.difference("a", "b").low, together.low) == (-1.0, 0.0)


def test_a_ratio_to_nothing_is_not_finite() -> None:
    paired = Paired.of({"a": np.ones(3), "zero": np.zeros(3)}, resamples=10)
    assert paired is not None
    assert paired.ratio("a", "zero").value == np.inf
    assert paired.ratio("zero", "a").value == 0.0


def test_a_comparison_turned_round() -> None:
    one = Comparison("a", "b", "p", "m", "c", 0.1, 0.0, 0.3, 2.0, 1.25, 4.0, users=5)
    assert one.turned() == Comparison("b", "a", "p", "m", "c", -0.1, -0.3, 0.0, 0.5, 0.25, 0.8, users=5)
    assert one.turned().turned() == one


def test_recall_of_some_items_by_hand() -> None:
    """Persons 1 and 4 came to items 3 and 5 for the first time; item 1 is best for everyone."""
    truth = truth_after(PAST, FUTURE, repeats=False)
    last = np.array([False, False, False, False, True, True])
    found = recall_of_items(by_item, truth, last, 1, among=True)
    assert found.people.tolist() == [4]
    assert found.values["recall@1"].tolist() == [0.0]
    assert found.left_out == 1
    assert recall_of_items(by_item, truth, last, 2, among=True).values["recall@2"].tolist() == [1.0]
    whole = recall_of_items(by_item, truth, last, 4, among=False)
    assert whole.values["recall@4"].tolist() == [0.0]
    assert recall_of_items(by_item, truth, ~last & False, 4, among=False).people.tolist() == []


def test_equal_scores_give_the_mean_over_their_orders() -> None:
    """Persons 1 and 4 may be shown items 3, 4, 5 and 1 to 5; persons 1 and 4 came to 3 and 5."""
    truth, everything = truth_after(PAST, FUTURE, repeats=False), np.ones(6, dtype=bool)

    def alike(users: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.zeros((len(users), 6))

    def first_best(users: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.tile([0.0, 0.0, 0.0, 1.0, 0.0, 0.0], (len(users), 1))

    for k, expected in ((1, [1 / 3, 1 / 5]), (2, [2 / 3, 2 / 5]), (3, [1.0, 3 / 5]), (20, [1.0, 1.0])):
        assert recall_of_items(alike, truth, everything, k, among=False).values[f"recall@{k}"] == pytest.approx(
            expected
        )
    assert recall_of_items(first_best, truth, everything, 1, among=True).values["recall@1"].tolist() == [1.0, 0.0]
    assert recall_of_items(first_best, truth, everything, 3, among=True).values["recall@3"].tolist() == [1.0, 0.5]


def test_recall_by_group_by_hand() -> None:
    truth = truth_after(PAST, FUTURE, repeats=True)
    found = full_catalogue(by_item, truth, k=2)
    groups = np.array([-1, 0, 0, 0, 1, 1])
    first = recall_by_group(found, truth, groups, 0, 2)  # persons 1 (items 2, 3) and 2 (item 1); lists are [1, 2]
    assert first.people.tolist() == [1, 2]
    assert first.values["recall@2"].tolist() == [0.5, 1.0]
    assert first.left_out == 1
    assert recall_by_group(found, truth, groups, 1, 2).values["recall@2"].tolist() == [0.0]
    assert recall_by_group(found, truth, groups, 2, 2).people.tolist() == []


def test_popularity_lift_by_hand() -> None:
    counts = np.array([0, 3, 1])
    lift = popularity_lift(np.array([[1, 2], [2, -1], [-1, -1]]), counts)
    assert lift[:2].tolist() == pytest.approx([2.0 / 2.5, 1.0 / 2.5])
    assert np.isnan(lift[2])
    assert np.isnan(popularity_lift(np.array([[1]]), np.zeros(3, dtype=np.int64))[0])
