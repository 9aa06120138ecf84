from pathlib import Path

import numpy as np
import pytest

from hidden_gems.datasets.moments import Moments
from hidden_gems.models import item_knn
from hidden_gems.models.item_knn import ItemKNN
from tests.logs import log_of, town

# people 1, 2, 3 and items 1, 2, 3, 4; item 4 belongs to person 3 alone
LOG = log_of([(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 1), (3, 4)], users=4, items=6)
WHEN = Moments.at(LOG.timestamp[-1:] + 1)


def test_neighbours_by_hand() -> None:
    model = ItemKNN(neighbours=2, shrinkage=0.0).fit(LOG)
    assert model.rows[1].tolist() == [2, 3]
    np.testing.assert_allclose(model.weights[1], [2 / np.sqrt(6), 1 / np.sqrt(3)], rtol=1e-6)
    assert model.rows.shape == (6, 2)
    assert model.rows[4].tolist() == [1, 0]  # a short list is filled with 0
    assert model.weights[4, 1] == 0
    assert model.rows[5].tolist() == [0, 0]  # nobody met item 5


def test_shrinkage_is_added_to_the_denominator() -> None:
    model = ItemKNN(shrinkage=2.0).fit(LOG)
    assert model.rows.shape == (6, 5)  # no more neighbours than other items
    np.testing.assert_allclose(model.weights[1, 0], 2 / (np.sqrt(6) + 2.0), rtol=1e-6)


def test_score_sums_similarities_and_a_trace_of_popularity() -> None:
    model = ItemKNN(shrinkage=0.0, popularity=0.01).fit(LOG)
    expected = 1 / np.sqrt(3) + 1 / np.sqrt(2) + 0.01 * 1 / 3  # item 3 beside 1 and 2; popularity 1 of 3
    score = model.score(np.array([1]), np.array([3]), WHEN)
    np.testing.assert_allclose(score, [expected], rtol=1e-6)


def test_only_neighbours_of_the_history_count() -> None:
    model = ItemKNN(neighbours=1, shrinkage=0.0, popularity=0.0).fit(LOG)
    scores = model.score_catalogue(np.array([3]), WHEN)[0]  # person 3 met 1 and 4; nearest to 1 is 2, nearest to 4 is 1
    np.testing.assert_allclose(scores[1:], [1 / np.sqrt(3), 2 / np.sqrt(6), 0, 0, 0], rtol=1e-6)


def test_a_person_without_history_gets_popularity() -> None:
    scores = ItemKNN(popularity=0.3).fit(LOG).score_catalogue(np.array([0]), WHEN)[0]
    np.testing.assert_allclose(scores[1:], [0.3, 0.2, 0.1, 0.1, 0.0], rtol=1e-6)


def test_repeats_count_once_with_the_best_reward() -> None:
    once = log_of([(1, 1), (1, 2), (2, 1), (2, 2)], users=3, items=3, rewards=[0.7, 1.0, 1.0, 1.0])
    twice = log_of([(1, 1), (1, 1), (1, 2), (2, 1), (2, 2)], users=3, items=3, rewards=[0.3, 0.7, 1.0, 1.0, 1.0])
    np.testing.assert_array_equal(ItemKNN().fit(once).weights, ItemKNN().fit(twice).weights)
    x1, x2 = np.array([0.7, 1.0]), np.array([1.0, 1.0])
    similar = x1 @ x2 / (np.linalg.norm(x1) * np.linalg.norm(x2) + 10.0)
    np.testing.assert_allclose(ItemKNN(popularity=0).fit(once).score(np.array([1]), np.array([2]), WHEN), 0.7 * similar)


def test_the_history_fades_from_the_persons_last_interaction() -> None:
    log = log_of([(1, 1), (2, 1), (2, 2), (1, 3), (3, 4)], users=4, items=5)  # person 1: item 1 three days before 3
    model = ItemKNN(shrinkage=0.0, popularity=0.0, half_life_days=1.5).fit(log)
    steady = ItemKNN(shrinkage=0.0, popularity=0.0).fit(log)
    who, what = np.array([1]), np.array([2])
    np.testing.assert_allclose(model.score(who, what, WHEN), steady.score(who, what, WHEN) / 4)


def test_defaults_and_settings_come_back(tmp_path: Path) -> None:
    assert ItemKNN() == ItemKNN(neighbours=200, shrinkage=10.0, half_life_days=None, popularity=1e-3)
    for model in (ItemKNN(), ItemKNN(3, 2.0, 7.0, 0.5)):
        model.fit(LOG).save(tmp_path)
        assert ItemKNN.load(tmp_path) == model


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log = town()
    whole = ItemKNN().fit(log)
    scores = whole.score(log.user, log.item, log.moments)
    monkeypatch.setattr(item_knn, "_ITEM_CHUNK", 7)
    monkeypatch.setattr(item_knn, "_PAIR_CHUNK", 11)
    parts = ItemKNN().fit(log)
    np.testing.assert_array_equal(parts.rows, whole.rows)
    np.testing.assert_array_equal(parts.score(log.user, log.item, log.moments), scores)
