from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.training.windows import Windows, by_person
from tests.logs import log_of, town

LOG = by_person(town(events=900, users=7))


def _one_person(events: int, *, order_only: bool = False) -> Interactions:
    log = log_of([(1, item) for item in range(1, events + 1)], users=2, items=events + 1)
    return replace(log, order_only=order_only)


def test_sorts_by_person_then_time_without_unknown_rows() -> None:
    log = by_person(log_of([(2, 1), (1, 3), (0, 1), (2, 2), (1, 0), (1, 1)], users=3, items=4))
    assert log.user.tolist() == [1, 1, 2, 2]
    assert log.item.tolist() == [3, 1, 1, 2]


@pytest.mark.parametrize("session_days", [None, 3.0])
def test_every_event_is_predicted_once_from_what_came_just_before_it(session_days: float | None) -> None:
    windows = Windows(LOG, length=20, batch=100, session_days=session_days)
    steps = windows.cut(np.random.default_rng(0))
    assert len(steps) == windows.steps == 9
    found = []
    for step in steps:
        batch = windows.read(step)
        assert batch.history.shape == batch.ages.shape
        assert batch.history.shape[1] <= 21
        last = batch.history.ravel()[batch.at]
        before = batch.target - 1
        same = (before >= 0) & (LOG.user[before] == LOG.user[batch.target])
        np.testing.assert_array_equal(last[last > 0], LOG.item[before][last > 0])
        assert not last[~same].any()
        if session_days is None:
            assert (last[same] > 0).all()
        found.append(batch.target)
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), np.arange(900))


def test_a_fifth_of_a_window_is_only_read() -> None:
    windows = Windows(_one_person(100), length=20, batch=1000)
    (rows,) = windows.cut(np.random.default_rng(0))
    rows = rows[np.argsort(rows[:, 1])]
    assert rows[0, 0] == rows[0, 1] == 0
    np.testing.assert_array_equal(rows[1:, 1] - rows[1:, 0], np.minimum(rows[1:, 1], 4))
    np.testing.assert_array_equal(np.diff(rows[1:, 1]), 16)
    np.testing.assert_array_equal(rows[1:, 1], rows[:-1, 2] + 1)


def test_cuts_are_drawn_anew_and_follow_the_seed() -> None:
    windows = Windows(_one_person(100), length=20, batch=1000)
    one, same, other = (windows.cut(np.random.default_rng(seed))[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert {*one[:, 1]} != {*other[:, 1]}


def test_windows_of_a_step_have_about_the_same_length() -> None:
    pairs = [(user, 1 + k % 5) for user in range(1, 41) for k in range(3 if user <= 20 else 9)]
    windows = Windows(by_person(log_of(pairs, users=41, items=6)), length=20, batch=60)
    widths = [windows.read(step).history.shape[1] for step in windows.cut(np.random.default_rng(0))]
    assert widths[0] == 3
    assert widths[-1] == 9


def test_reads_ages_before_the_last_prediction() -> None:
    windows = Windows(_one_person(5), length=20, batch=1000)
    batch = windows.read(windows.cut(np.random.default_rng(0))[0])
    assert batch.history.tolist() == [[0, 1, 2, 3, 4]]
    assert (batch.ages / DAY_SECONDS).tolist() == [[0, 4, 3, 2, 1]]
    assert batch.at.tolist() == [0, 1, 2, 3, 4]
    assert batch.target.tolist() == [0, 1, 2, 3, 4]
    ordered = Windows(_one_person(5, order_only=True), length=20, batch=1000, session_days=1.0)
    batch = ordered.read(ordered.cut(np.random.default_rng(0))[0])
    assert batch.ages.tolist() == [[0, 4, 3, 2, 1]]
    assert batch.ages.dtype == np.float32


def test_what_came_before_each_prediction() -> None:
    windows = Windows(_one_person(5), length=20, batch=1000)
    item, ages = windows.before(np.array([0, 2, 4]), 3)
    assert item.tolist() == [[0, 0, 0], [0, 1, 2], [2, 3, 4]]
    assert (ages / DAY_SECONDS).tolist() == [[0, 0, 0], [0, 2, 1], [3, 2, 1]]
    ordered = Windows(_one_person(5, order_only=True), length=20, batch=1000)
    assert ordered.before(np.array([2]), 3)[1].tolist() == [[0, 2, 1]]


def test_sessions_span_no_more_days_than_allowed() -> None:
    windows = Windows(_one_person(60), length=50, batch=1000, session_days=10.0)
    for seed in range(5):
        (rows,) = windows.cut(np.random.default_rng(seed))
        days = rows[:, 2] - rows[:, 0]  # one event a day
        assert days.max() <= 10
        assert days.max() >= 9
