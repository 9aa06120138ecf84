from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.datasets.interactions import Interactions
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.traces import MEETING_SECONDS
from hidden_gems.training.examples import AHEAD_SECONDS, come_back, log_chance, meetings, own_negatives, requests
from hidden_gems.training.negatives import NO_NEGATIVE

HOURS = 3_600


def _log(events: list[tuple[int, int, float, float]], order_only: bool = False) -> Interactions:
    user, item, hour, reward = (np.array(column) for column in zip(*events, strict=True))
    return Interactions(
        user.astype(np.int64), item.astype(np.int64), (hour * HOURS).astype(np.int64), reward.astype(np.float32),
        users=4, items=9, order_only=order_only,
    )  # fmt: skip


EVENTS = [
    (1, 5, 1, 0.1),
    (2, 5, 2, 0.5),
    (1, 6, 3, 0.2),
    (1, 5, 4, 1.0),
    (0, 5, 5, 1.0),
    (1, 0, 6, 1.0),
    (1, 5, 16, 0.3),
]


def test_a_meeting_is_its_first_interaction_with_its_best_reward() -> None:
    met = meetings(_log(EVENTS))
    assert met.user.tolist() == [1, 2, 1, 1]
    assert met.item.tolist() == [5, 5, 6, 5]
    assert (met.timestamp / HOURS).tolist() == [1, 2, 3, 16]
    assert met.reward.tolist() == pytest.approx([1.0, 0.5, 0.2, 0.3])


def test_a_meeting_ends_after_twelve_hours_without() -> None:
    assert len(meetings(_log([(1, 5, 0, 1.0), (1, 5, 11.99, 1.0), (1, 5, 20, 1.0)])).user) == 1
    assert len(meetings(_log([(1, 5, 0, 1.0), (1, 5, MEETING_SECONDS / HOURS, 1.0)])).user) == 2


def test_an_order_has_no_meetings() -> None:
    assert len(meetings(_log(EVENTS, order_only=True)).user) == 5
    nothing = _log(EVENTS).part(slice(0, 0))
    assert len(meetings(nothing).user) == 0


def test_people_come_back_from_one_in_a_hundred_on() -> None:
    once = [(1 + i % 3, 1 + i // 3, float(i), 1.0) for i in range(24)]
    assert not come_back(_log(once))
    assert come_back(_log([*once, (1, 1, 99.0, 1.0)]))
    hundred = Interactions(
        np.r_[np.arange(99), 0], np.ones(100, dtype=np.int64), np.arange(100), np.ones(100, dtype=np.float32), 100, 2
    )
    assert come_back(hundred)
    assert not come_back(replace(hundred, user=np.arange(100)))


def test_own_negatives_are_what_was_not_gone_to() -> None:
    history, random = np.array([[0, 3, 3, 7], [0, 0, 0, 0], [0, 0, 0, 2]]), np.random.default_rng(0)
    drawn = own_negatives(history, np.array([7, 1, 4]), 4_000, random)
    assert set(drawn[0].tolist()) == {3, NO_NEGATIVE}
    assert (drawn[0] == 3).mean() == pytest.approx(2 / 3, abs=0.03)
    assert set(drawn[1].tolist()) == {NO_NEGATIVE}
    assert set(drawn[2].tolist()) == {2}


def test_chance_by_hand() -> None:
    history = np.array([[0, 3, 3, 7]])
    chance = log_chance(np.array([[7, 3, 5, 0]]), history, own=2, uniform=0.5)
    assert chance.dtype == np.float32
    assert chance.tolist() == [pytest.approx([np.log(2 / 3 / 0.5), np.log(4 / 3 / 0.5), 0, 0])]
    assert log_chance(np.array([[7, 3]]), history, own=0, uniform=0.5).tolist() == [[0, 0]]


def test_some_are_asked_before_their_moment() -> None:
    when = Moments.at(np.full(4_000, 10**9), weather=["rain"] * 4_000, temperature_c=[5.0] * 4_000)
    asked = requests(when, np.random.default_rng(0), 0.25)
    earlier = asked.timestamp < 10**9
    assert earlier.mean() == pytest.approx(0.25, abs=0.03)
    assert asked.timestamp.min() >= 10**9 - AHEAD_SECONDS == 10**9 - 7 * 86_400
    assert (10**9 - asked.timestamp[earlier]).mean() == pytest.approx(AHEAD_SECONDS / 2, rel=0.1)
    assert (asked.weather[earlier] == 0).all()
    assert np.isnan(asked.temperature_c[earlier]).all()
    assert (asked.weather[~earlier] == when.weather[0]).all()
    assert (asked.temperature_c[~earlier] == 5.0).all()


def test_nobody_is_asked_before_the_first_second() -> None:
    asked = requests(Moments.at(np.array([5] * 50)), np.random.default_rng(0), 1.0)
    assert asked.timestamp.min() == 0
