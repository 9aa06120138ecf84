import numpy as np
import pytest

from hidden_gems.evaluation import intervals


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    inside = 0
    for trial in range(200):
        found = intervals.mean_interval(random.exponential(2.0, size=150), seed=trial, resamples=300)
        inside += found.low <= 2.0 <= found.high
    assert 180 <= inside <= 199


def test_people_are_resampled_with_all_their_values() -> None:
    random = np.random.default_rng(2)
    person = np.repeat(np.arange(30), 40)
    values = random.normal(size=30)[person]  # 40 equal values a person
    clustered = intervals.mean_interval(values, person)
    naive = intervals.mean_interval(values)
    assert clustered.users == 30
    assert naive.users == 1200
    assert clustered.value == pytest.approx(naive.value)
    assert clustered.high - clustered.low > 4 * (naive.high - naive.low)


def test_the_width_is_that_of_a_known_distribution() -> None:
    values = np.random.default_rng(3).normal(5.0, 1.0, size=2_000)
    found = intervals.mean_interval(values)
    error = values.std() / np.sqrt(2_000)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)


def test_missing_values_are_left_out_and_none_at_all_is_said() -> None:
    found = intervals.mean_interval(np.array([1.0, np.nan, 3.0]))
    assert (found.value, found.users) == (2.0, 2)
    nothing = intervals.mean_interval(np.array([np.nan, np.nan]))
    assert nothing.users == 0
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()


def test_many_metrics_give_what_each_gives_alone() -> None:
    random = np.random.default_rng(4)
    first, second = random.random(60), random.random(60)
    second[::3] = np.nan
    person = np.arange(60) // 2
    both = intervals.mean_intervals({"second": second, "first": first, "none": np.full(60, np.nan)}, person, seed=5)
    assert list(both) == ["second", "first", "none"]
    assert both["first"] == intervals.mean_interval(first, person, seed=5)
    assert both["second"] == intervals.mean_interval(second, person, seed=5)
    assert both["none"].users == 0


def test_the_seed_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(6).random(50)
    assert intervals.mean_interval(values, seed=1) == intervals.mean_interval(values, seed=1)
    assert intervals.mean_interval(values, seed=1).low != intervals.mean_interval(values, seed=2).low
    whole = intervals.mean_interval(values, seed=1, resamples=7)
    monkeypatch.setattr(intervals, "_CHUNK_CELLS", 100)  # two resamples a chunk
    assert intervals.mean_interval(values, seed=1, resamples=7).value == whole.value
    assert sum(len(chunk) for chunk in intervals.resample_weights(50, 1, 7)) == 7


def test_pairing_removes_what_both_share() -> None:
    random = np.random.default_rng(7)
    person = random.normal(0, 10, size=400)
    first, second = person + 1.1, person + 1.0 + random.normal(0, 0.1, size=400)
    found = intervals.paired_difference(first, second)
    assert found.low > 0.08
    assert found.high < 0.13
    assert found.value == pytest.approx((first - second).mean())


def test_ratio_of_means_over_what_has_both() -> None:
    first, second = np.array([2.0, 4.0, np.nan, 9.0]), np.array([1.0, 2.0, 5.0, np.nan])
    found = intervals.paired_ratio(first, second)
    assert (found.value, found.low, found.high, found.users) == (2.0, 2.0, 2.0, 2)
    unknown = intervals.paired_ratio(np.array([1.0, 1.0]), np.array([0.0, 1.0]))
    assert not np.isfinite(unknown.high)
    assert intervals.paired_ratio(np.array([np.nan]), np.array([1.0])).users == 0
