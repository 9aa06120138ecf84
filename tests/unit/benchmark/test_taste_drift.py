import json
import math

import numpy as np
import pytest

from hidden_gems.benchmark.taste_drift import WITHIN, curve, oracle, point, search_with, study
from hidden_gems.benchmark.taste_lives import WEEK_SECONDS, Life, Step, lives, swapped
from hidden_gems.drift.taste import TasteDrift


def life(change: int | None, outcomes: int = 200) -> Life:
    """An outcome every hundredth of a week, each after a slate that says a little of a change from `change` on."""
    spacing = WEEK_SECONDS // 100
    steps = []
    for number in range(outcomes):
        at = number * spacing
        evidence = 0.5 if change is not None and at >= change else -0.5
        steps += [Step(at, (1, 2, 3), 0, 0.0, False, evidence), Step(at, (), 1, 0.3, number % 3 == 0, 0.0)]
    return Life(steps, 0, change)


def test_finds_are_false_before_the_change_and_counted_from_it_after() -> None:
    changed, steady = life(WEEK_SECONDS), life(None)
    finds = [[(10, 5), (20, 6), (WEEK_SECONDS + 100, 131)], [(WEEK_SECONDS + 5, 101)]]
    found = point([changed, steady], finds, 2.0)
    assert (found.weeks, found.false_per_week) == (3, pytest.approx(2 / 3))
    assert found.people == {20: 1, 60: 1, 120: 0}
    assert (found.found[60], found.median_delay) == (1.0, 31.0)
    assert math.isnan(found.found[120])
    assert found.as_dict()["found"] == {"20": 1.0, "60": 1.0, "120": None}


def test_a_find_after_more_than_sixty_outcomes_is_too_late() -> None:
    changed = life(WEEK_SECONDS)
    found = point([changed], [[(WEEK_SECONDS + 70 * WEEK_SECONDS // 100, 100 + WITHIN + 1)]], 2.0)
    assert (found.found[60], found.median_delay) == (0.0, 61.0)


def test_sixty_gems_take_longer_to_answer_than_sixty_outcomes() -> None:
    changed = life(WEEK_SECONDS, outcomes=300)
    for outcomes, soon in ((178, 1.0), (182, 0.0)):
        found = point([changed], [[(WEEK_SECONDS + 100, 100 + outcomes)]], 2.0)
        assert (found.found[60], found.found_by_gems) == (0.0, soon)
    assert math.isnan(point([life(WEEK_SECONDS)], [[]], 2.0).found_by_gems)


def test_who_has_not_sixty_outcomes_after_it_is_not_judged() -> None:
    assert point([life(WEEK_SECONDS, outcomes=150)], [[]], 2.0).people == {20: 0, 60: 0, 120: 0}


def test_the_oracle_adds_up_evidence_from_the_change_on() -> None:
    assert oracle(life(WEEK_SECONDS), 2.0)[0] == (WEEK_SECONDS + 3 * (WEEK_SECONDS // 100), 103)
    assert oracle(life(None), 2.0) == []


def test_a_curve_leaves_out_only_who_is_not_found() -> None:
    people = [life(None), life(WEEK_SECONDS)]
    searched: list[float] = []

    def search(one: Life, threshold: float) -> list[tuple[int, int]]:
        searched.append(threshold)
        return oracle(one, threshold)

    points = list(curve(people, search, (3.0, 1.0)))
    assert searched == [1.0, 1.0, 3.0]
    assert [each.found[60] for each in points] == [1.0, 1.0]


def test_tastes_trade_places() -> None:
    types = np.array([[0.3, 2.0, -1.0, 1.0, -3.0]], dtype=np.float32)
    assert swapped(types, "favourites").tolist() == [pytest.approx([0.3, 1.0, -1.0, 2.0, -3.0])]
    assert swapped(types, "least").tolist() == [pytest.approx([0.3, -3.0, 1.0, -1.0, 2.0])]


@pytest.fixture(scope="module")
def lived() -> list[Life]:
    return lives("least", people=60, weeks=4, seed=1)


def test_a_city_says_when_who_changed(lived: list[Life]) -> None:
    changed = [each for each in lived if each.change is not None]
    assert 15 < len(changed) < 45
    assert {each.change for each in changed} == {lived[0].start + 2 * WEEK_SECONDS}
    for each in lived:
        times = [step.timestamp for step in each.steps]
        assert times == sorted(times)
    assert sum(bool(step.slate) for each in lived for step in each.steps) > 200


def test_evidence_is_against_a_change_before_it_and_for_it_after(lived: list[Life]) -> None:
    sides: dict[bool, list[float]] = {True: [], False: []}
    for each in lived:
        for step in each.steps:
            if step.slate:
                sides[each.steady(step.timestamp)].append(step.evidence)
    assert np.mean(sides[True]) < 0 < np.mean(sides[False])
    # exp of the evidence has mean 1 where nothing changed, whatever the two tastes are
    assert np.mean(np.exp(sides[True])) == pytest.approx(1.0, abs=0.25)


def test_the_same_seed_lives_the_same(lived: list[Life]) -> None:
    again = lives("least", people=60, weeks=4, seed=1)
    assert [each.steps for each in again] == [each.steps for each in lived]


def test_a_clear_change_is_found_and_a_study_is_json() -> None:
    found = study("shares", people=12, weeks=8, seeds=[100])
    [used] = [each for each in found.detector if each.threshold == found.chosen]
    assert used.found[60] >= 0.8
    assert used.false_per_week <= 0.05
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["reading"] == "shares"


def test_the_detector_starts_anew_after_a_find() -> None:
    one = lives("shares", people=2, weeks=10, seed=3)[1]
    finds = search_with(TasteDrift())(one, TasteDrift().threshold)
    assert [one.steady(at) for at, _ in finds].count(False) == 1
