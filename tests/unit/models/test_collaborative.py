from dataclasses import replace

import numpy as np

from hidden_gems.datasets.moments import Moments
from hidden_gems.models.held_out import hold_out
from hidden_gems.models.item_knn import ItemKNN
from hidden_gems.models.markov import Markov
from tests.logs import log_of, town

LOG = log_of([(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (1, 2)], users=4, items=5)
AFTER = Moments.at(LOG.timestamp[-1:] + 1)


def test_popularity_and_own_visits_are_added() -> None:
    more = ItemKNN(recent=2.0, own=3.0, own_half_life_steps=1.0)
    plain, added = (model.refit(LOG).score_catalogue(np.array([1]), AFTER)[:, 1:] for model in (ItemKNN(), more))
    expected = 2.0 * 1.1 * np.array([2, 3, 1, 0]) / 6 + 3.0 * np.array([0.25, 1.5, 0, 0])
    np.testing.assert_allclose((added - plain)[0], expected, rtol=1e-5)


def test_own_visits_are_given_weight_where_people_come_back_only() -> None:
    once = town(events=3_000, users=60)
    keys = once.user * once.items + once.item
    _, first = np.unique(keys, return_index=True)
    early, held_out = hold_out(once.part(np.sort(first)))
    assert held_out is not None
    assert ItemKNN().choose(early, held_out).own == 0.0
    pairs = [(person, person % 7 + 1) for _ in range(12) for person in range(1, 61)]
    pairs += [(person, (person + 1) % 7 + 1) for person in range(1, 61, 2)]
    home = replace(log_of(pairs, users=61, items=9), order_only=True)
    early, held_out = hold_out(home)
    assert held_out is not None
    model = Markov().choose(early, held_out).refit(home)
    when = Moments.at(np.full(30, home.timestamp[-1] + 1))
    even = np.arange(2, 61, 2)
    np.testing.assert_array_equal(model.recommend(even, when, 1)[:, 0], even % 7 + 1)


def test_choosing_leaves_new_items_in_the_order_without_own_visits() -> None:
    model = ItemKNN(own=5.0).refit(LOG)
    without = ItemKNN().refit(LOG)
    np.testing.assert_array_equal(
        model.recommend(np.array([1]), AFTER, 3, known=LOG), without.recommend(np.array([1]), AFTER, 3, known=LOG)
    )
