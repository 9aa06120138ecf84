from dataclasses import replace

import numpy as np

from hidden_gems.datasets.interactions import Interactions
from hidden_gems.models.together import liked_together
from hidden_gems.recommend.live import LiveItems
from hidden_gems.recommend.related import LEAST_PEOPLE, similarity
from tests.worlds import COUNT, NOW, change, tables


def test_neighbours_of_the_model_come_first_in_their_order() -> None:
    made = tables()
    found = similarity(LiveItems.of(made, {}), 3)
    near = made.neighbours[3][made.weights[3] > 0]
    assert len(near) > 3
    assert (found[near] > 1).all()
    assert (np.diff(found[near]) <= 1e-6).all()
    others = np.setdiff1d(np.arange(1, COUNT + 1), [*near, 3])
    assert (found[others] <= 1).all()
    assert np.isneginf(found[[0, 3]]).all()


def test_gems_that_fewer_than_ten_people_liked_together_are_compared_by_what_is_known_of_them() -> None:
    made = tables()
    counts = np.full(made.neighbours.shape, LEAST_PEOPLE)
    counts[3, 1:] = LEAST_PEOPLE - 1
    found = similarity(LiveItems.of(replace(made, together=counts), {}), 3)
    assert np.flatnonzero(found > 1).tolist() == [made.neighbours[3, 0]]
    assert (similarity(LiveItems.of(replace(made, together=None), {}), 3) <= 1).all()


def test_pairs_are_counted_once_a_person() -> None:
    user, item = np.array([1, 1, 1, 2, 2, 3]), np.array([1, 2, 2, 1, 2, 3])
    log = Interactions(user, item, np.arange(6), np.ones(6, np.float32), 4, 4)
    neighbours = np.array([[0, 0], [2, 3], [1, 0], [1, 2]])
    assert liked_together(log, neighbours).tolist() == [[0, 0], [2, 0], [2, 0], [0, 0]]


def test_a_gem_without_history_is_compared_by_what_is_known_of_it() -> None:
    twin = {"name": "Gem 4", "description_en": "number 4", "type": "bar", "neighborhood": "Balat", "price_level": 4.0}
    twin |= {"authenticity": 0.133, "lat": 41.0656, "lon": 28.9741}
    items = LiveItems.of(tables(), {"twin": change("twin", NOW - 5, **twin)})
    found = similarity(items, COUNT + 1)
    assert int(np.argmax(found)) == 4
    assert 0.9 < found[4] <= 1.0
    assert np.isneginf(found[COUNT + 1])
    assert found[1] > found[2]  # a bar as well


def test_a_new_gem_of_which_nothing_is_known_is_like_none() -> None:
    items = LiveItems.of(tables(), {"blank": change("blank", NOW - 5, cost_text="?")})
    assert np.isneginf(similarity(items, COUNT + 1)).all()


def test_new_gems_may_be_like_old_ones() -> None:
    items = LiveItems.of(tables(), {"twin": change("twin", NOW - 5, type="bar", neighborhood="Balat")})
    assert similarity(items, 4)[COUNT + 1] > 0.5
