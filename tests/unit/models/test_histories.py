import numpy as np

from hidden_gems.datasets.moments import Moments
from hidden_gems.models.histories import Histories
from tests.logs import log_of, town


def test_the_last_interactions_before_a_moment_oldest_first() -> None:
    log = log_of([(1, 5), (2, 6), (1, 7), (0, 3), (1, 8)], users=4, items=9)
    histories = Histories.of(log)
    when = Moments.at(log.timestamp[[4, 4, 4, 0]] + np.array([1, 0, 1, 0]))
    item, ago = histories.last(np.array([1, 1, 2, 1]), when, 3)
    assert item.tolist() == [[5, 7, 8], [0, 5, 7], [0, 0, 6], [0, 0, 0]]  # strictly before: the moment itself is not
    day = 86_400
    assert ago.tolist() == [[4 * day + 1, 2 * day + 1, 1], [0, 4 * day, 2 * day], [0, 0, 3 * day + 1], [0, 0, 0]]


def test_an_order_counts_steps_back() -> None:
    log = log_of([(1, 5), (1, 7)], users=3, items=9)
    histories = Histories(np.array([0, 0, 2, 2]), log.item, np.array([4, 9]), log.reward, order_only=True)
    item, ago = histories.last(np.array([1, 2, 0]), Moments.at(np.array([10, 10, 10])), 3)
    assert item.tolist() == [[0, 5, 7], [0, 0, 0], [0, 0, 0]]
    assert ago.tolist() == [[0, 2, 1], [0, 0, 0], [0, 0, 0]]


def test_a_town_sorted_by_person() -> None:
    log = town()
    histories = Histories.of(log)
    assert histories.users == log.users
    moment = Moments.at(np.full(log.users, log.timestamp[-1] + 1))
    item, _ = histories.last(np.arange(log.users), moment, 100)
    for user in range(log.users):
        assert item[user][item[user] > 0].tolist() == log.item[log.user == user].tolist()
