import numpy as np

from hidden_gems.datasets.moments import Moments
from hidden_gems.models.past import Fade, Past, picked
from tests.logs import log_of

LOG = log_of(
    [(1, 2), (1, 3), (2, 1), (1, 2), (0, 1), (1, 0)], users=3, items=4, rewards=[1.0, 0.5, 1.0, 0.25, 1.0, 1.0]
)
END = Moments.at(LOG.timestamp[[-1]])
ONE = np.array([1])


def test_visits_add_up_and_fade_by_steps() -> None:
    total = Past.of(LOG).total(ONE, END, Fade(half_life_steps=1.0)).toarray()
    np.testing.assert_allclose(total, [[0, 0, 0.25 + 0.25, 0.5 * 0.5]])


def test_visits_fade_by_days_back_from_the_persons_last() -> None:
    total = Past.of(LOG).total(ONE, END, Fade(half_life_days=1.0)).toarray()
    np.testing.assert_allclose(total, [[0, 0, 0.25 + 2**-3, 0.5 * 2**-2]])


def test_both_half_lives_multiply() -> None:
    weights = Fade(2.0, 4.0).weights(np.array([0, 2 * 86_400]), np.array([0, 8]))
    np.testing.assert_allclose(weights, [1.0, 0.5 * 0.25])


def test_repeats_count_once_with_the_best_reward_and_the_last_age() -> None:
    best = Past.of(LOG).best(ONE, END, Fade(half_life_steps=1.0)).toarray()
    np.testing.assert_allclose(best, [[0, 0, 1.0, 0.25]])


def test_only_what_came_strictly_before() -> None:
    past = Past.of(LOG)
    for ask in (past.total, past.best):
        found = ask(np.array([1, 1, 0, 2]), LOG.moments[np.array([3, 0, 5, 5])], Fade()).toarray()
        np.testing.assert_allclose(found, [[0, 0, 1.0, 0.5], [0, 0, 0, 0], [0, 0, 0, 0], [0, 1.0, 0, 0]])


def test_requests_with_the_same_past_are_asked_once() -> None:
    past = Past.of(LOG)
    moments = LOG.moments[np.array([4, 5, 1, 4])]
    user, which, when = past.asked(np.array([1, 1, 1, 2]), moments)
    assert user.tolist() == [1, 1, 2]
    assert which.tolist() == [1, 1, 0, 2]
    assert when.timestamp.tolist() == LOG.timestamp[[1, 4, 4]].tolist()


def test_cells_are_picked() -> None:
    table = Past.of(LOG).total(np.array([1, 2]), LOG.moments[np.array([5, 5])], Fade())
    np.testing.assert_allclose(picked(table, np.array([1, 0, 0]), np.array([1, 1, 2])), [1.0, 0.0, 1.25])


def test_nothing_happened() -> None:
    past = Past.of(log_of([], users=2, items=3))
    assert past.total(ONE, END, Fade()).nnz == past.best(ONE, END, Fade()).nnz == 0


def test_comes_back() -> None:
    past = Past.of(LOG)
    again = Past.restore(past.arrays())
    assert again.items == 4
    assert again.histories.order_only is False
    np.testing.assert_array_equal(again.total(ONE, END, Fade()).toarray(), past.total(ONE, END, Fade()).toarray())
