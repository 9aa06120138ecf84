from dataclasses import replace
from pathlib import Path

import numpy as np

from hidden_gems.datasets.moments import Moments
from hidden_gems.models.markov import Markov
from tests.logs import log_of, town

# person 1 goes 1, 2, 3; person 2 goes 1, 2; person 3 goes 2, 4; a day between all events
LOG = log_of([(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 2), (3, 4)], users=5, items=6)
AFTER = Moments.at(LOG.timestamp[-1:] + 1)


def test_a_conditional_probability_by_hand() -> None:
    table = Markov(balance=0.0, shrinkage=0.0).refit(LOG).follows.toarray()
    assert table[1].tolist() == [0, 0, 1.0, 0, 0, 0]
    assert table[2].tolist() == [0, 0, 0, 0.5, 0.5, 0]
    assert not table[[0, 3, 4, 5]].any()


def test_balance_and_shrinkage_by_hand() -> None:
    table = Markov(balance=0.5, shrinkage=3.0).refit(LOG).follows.toarray()
    np.testing.assert_allclose(table[1, 2], 2 / (2 + 3), rtol=1e-6)
    np.testing.assert_allclose(table[2, 3], 1 / (np.sqrt(2) + 3), rtol=1e-6)


def test_farther_places_count_a_half_and_the_way_back_as_given() -> None:
    table = Markov(window=2, back=0.5, balance=0.0, shrinkage=1.0).refit(LOG).follows.toarray()
    np.testing.assert_allclose(table[1, 2:4], np.array([2.0, 0.5]) / 3.5, rtol=1e-6)
    np.testing.assert_allclose(table[3, 1:3], np.array([0.25, 0.5]) / 1.75, rtol=1e-6)


def test_transitions_fade_by_the_time_between() -> None:
    table = Markov(gap_days=0.5, balance=0.0, shrinkage=1.0).refit(LOG).follows.toarray()
    np.testing.assert_allclose(table[1, 2], 0.5 / 1.5, rtol=1e-6)  # a day is two half-lives: a quarter, twice


def test_the_place_just_left_counts_most() -> None:
    model = Markov(balance=0.0, shrinkage=0.0, half_life_steps=0.5, recent=0.0).refit(LOG)
    scores = model.score_catalogue(np.array([2]), AFTER)[0]
    np.testing.assert_allclose(scores[1:], [0, 0.25, 0.5, 0.5, 0], rtol=1e-6)
    before = model.score_catalogue(np.array([2]), LOG.moments[4:5])[0]
    np.testing.assert_allclose(before[1:], [0, 1.0, 0, 0, 0], rtol=1e-6)  # they had been to item 1 only


def test_places_fade_by_age() -> None:
    model = Markov(balance=0.0, shrinkage=0.0, half_life_steps=1e9, half_life_days=1.0, recent=0.0).refit(LOG)
    np.testing.assert_allclose(model.score(np.array([2]), np.array([2]), AFTER), [0.5], rtol=1e-6)


def test_a_place_long_ago_is_left_out() -> None:
    log = log_of([(2, 1), (2, 2), (1, 1), *[(1, 3)] * 11], users=3, items=4)
    model = Markov(half_life_steps=1.0, recent=0.0).refit(log)
    later = Moments.at(log.timestamp[-1:] + 1)
    assert model.score(np.array([1]), np.array([2]), later) == 0  # 2 ** -11 is less than a thousandth


def test_the_last_of_one_person_and_the_first_of_the_next_are_no_transition() -> None:
    table = Markov(balance=0.0).refit(LOG).follows.toarray()
    assert table[3, 1] == table[2, 2] == 0


def _ring() -> list[tuple[int, int]]:
    """Everyone goes round twenty places, each from a place of their own."""
    return [(person, (person + turn) % 20 + 1) for turn in range(15) for person in range(1, 41)]


def test_learns_a_ring_and_says_what_it_chose(tmp_path: Path) -> None:
    log = replace(log_of(_ring(), users=41, items=21), order_only=True)
    model = Markov().fit(log)
    user = np.arange(1, 41)
    found = model.recommend(user, Moments.at(np.full(40, log.timestamp[-1] + 1)), 1)[:, 0]
    np.testing.assert_array_equal(found, (user + 15) % 20 + 1)
    assert model.gap_days is None
    assert model.half_life_days is None
    model.save(tmp_path)
    assert Markov.load(tmp_path) == model


def test_defaults() -> None:
    assert Markov() == Markov(1, 0.0, 0.5, 3.0, None, 0.5, None)
    assert Markov().fit(town(events=2_000)).trace.half_life == Markov().fit(town(events=2_000)).popular_half_life
