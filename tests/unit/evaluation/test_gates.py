import numpy as np
import pytest

from hidden_gems.evaluation.gates import GateConfig, Judged, canary_refused, gate


def judged(name: str, level: float, fingerprint: str = "f", spread: float = 0.01, people: int = 400) -> Judged:
    values = level + np.random.default_rng(0).normal(0, spread, size=people)
    return Judged(name, fingerprint, np.arange(people), {"ndcg@10": values, "auc": values + 0.3})


def exact(name: str, level: float) -> Judged:
    return Judged(name, "f", np.arange(3), {"ndcg@10": np.full(3, level)})


def test_a_first_release_needs_the_floor_only() -> None:
    report = gate(exact("ranker", 0.30), exact("popular", 0.20))
    assert report.promote
    assert report.reasons[0] == "all 1 metrics of ranker are finite"
    assert report.reasons[1] == "ndcg@10 of ranker is 0.3000, popular has 0.2000; at least 0.1900 is asked: reached"
    assert report.reasons[2] == "there is no champion yet"
    assert report.as_dict()["promote"] is True


@pytest.mark.parametrize(("level", "promote"), [(0.2, True), (0.19, True), (0.1899, False)])
def test_the_floor_allows_five_percent(level: float, promote: bool) -> None:
    report = gate(exact("ranker", level), exact("popular", 0.2))
    assert report.promote is promote
    assert report.reasons[1].endswith(": reached" if promote else ": not reached")
    assert "at least 0.1900 is asked" in report.reasons[1]


@pytest.mark.parametrize(("level", "promote"), [(0.2, True), (0.197, True), (0.196, False), (0.15, False)])
def test_the_champion_may_not_be_lost_by_two_percent(level: float, promote: bool) -> None:
    report = gate(exact("ranker", level), exact("popular", 0.1), exact("champion", 0.2))
    assert report.promote is promote
    assert f"{level / 0.2 - 1:+.1%}" in report.reasons[2]
    assert report.reasons[2].endswith("it does" if promote else "it does not")


def test_it_is_the_lower_end_that_counts() -> None:
    random = np.random.default_rng(1)
    noisy = Judged("ranker", "f", np.arange(60), {"ndcg@10": random.random(60)})
    champion = Judged("champion", "f", np.arange(60), {"ndcg@10": np.full(60, noisy.values["ndcg@10"].mean())})
    report = gate(noisy, exact("popular", 0.1), champion)
    assert not report.promote
    assert gate(noisy, exact("popular", 0.1), champion, GateConfig(margin=-0.9)).promote


def test_a_champion_of_another_dataset_is_not_compared() -> None:
    other = judged("champion", 0.9, fingerprint="other")
    report = gate(judged("ranker", 0.30), judged("popular", 0.20), other)
    assert report.promote
    assert report.reasons[2] == "the champion champion was judged on another dataset and is not compared"


def test_only_people_whom_both_judged_are_compared() -> None:
    candidate = Judged("ranker", "f", np.array([1, 2, 3]), {"ndcg@10": np.array([0.5, 0.5, 0.0])})
    champion = Judged("champion", "f", np.array([0, 1, 2]), {"ndcg@10": np.array([0.9, 0.5, 0.5])})
    report = gate(candidate, exact("popular", 0.1), champion)
    assert report.promote
    assert "2 people" in report.reasons[2]


@pytest.mark.parametrize("values", [np.array([np.nan]), np.array([np.inf]), np.empty(0)])
def test_figures_that_are_not_finite_stop_a_candidate(values: np.ndarray) -> None:
    broken = Judged("ranker", "f", np.arange(3), {"ndcg@10": np.full(3, 0.5), "auc": values})
    report = gate(broken, exact("popular", 0.1))
    assert not report.promote
    assert report.reasons[0] == "ranker has no finite value of auc"
    empty = gate(Judged("ranker", "f", np.arange(3), {"ndcg@10": np.full(3, np.nan)}), exact("popular", 0.1))
    assert not empty.promote
    assert "ndcg@10" in empty.reasons[0]


def difference(high: float, logged: float = 0.1) -> dict[str, object]:
    value = logged + high - 0.02
    about = {"reward": "a click", "estimator": "DR", "value": value, "logged_value": logged}
    return about | {"difference_value": high - 0.02, "difference_low": high - 0.04, "difference_high": high}


@pytest.mark.parametrize(("high", "refused"), [(0.05, False), (-0.0019, False), (-0.0021, True)])
def test_a_canary_may_be_worse_by_the_margin_and_not_surely_by_more(high: float, refused: bool) -> None:
    found = canary_refused(difference(high))
    assert (found is not None) is refused
    if found is not None:
        assert "a place earned 0.1000 in the log and would earn 0.0779 under the release (DR)" in found
        assert "-0.0221 (95 % -0.0421 to -0.0021)" in found
        assert canary_refused(difference(high), config=GateConfig(margin=-0.5)) is None
        assert canary_refused(difference(high), without_estimate=True) == found


def test_a_canary_without_an_estimate_is_told_why_and_what_to_do() -> None:
    found = canary_refused({"why_none": "no slate of the log has propensities"})
    assert found is not None
    assert "(no slate of the log has propensities)" in found
    assert "--without-estimate" in found
    assert "before releases had one" in str(canary_refused({}))
    assert canary_refused({}, without_estimate=True) is None
