from pathlib import Path

import numpy as np
import pytest

from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.moments import Moments
from hidden_gems.models import ease
from hidden_gems.models.ease import EASE
from tests.logs import log_of, town

LOG = log_of([(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 1), (3, 4)], users=5, items=6)
AFTER = Moments.at(LOG.timestamp[-1:] + 1)
X = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 1]], dtype=np.float64)


def _weights(x: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    inverse = np.linalg.inv(x.T @ x + np.diag(diagonal))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def test_the_closed_form() -> None:
    model = EASE(regularisation=2.0, recent=0.0).refit(LOG)
    expected = _weights(X, np.full(4, 2.0 * 7 / 4))
    assert model.kept.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(model.weights, expected, rtol=1e-4, atol=1e-6)
    scores = model.score_catalogue(np.array([1]), AFTER)[0]
    np.testing.assert_allclose(scores[1:], [*(expected[0] + expected[1]), 0.0], rtol=1e-4, atol=1e-6)


def test_dropout_adds_a_part_of_the_diagonal() -> None:
    model = EASE(regularisation=1.0, dropout=0.5).refit(LOG)
    expected = _weights(X, 7 / 4 + 0.5 * np.array([3, 2, 1, 1]))
    np.testing.assert_allclose(model.weights, expected, rtol=1e-4, atol=1e-6)


def test_people_can_weigh_the_same_whatever_they_did() -> None:
    scaled = X / np.sqrt(X.sum(axis=1, keepdims=True))
    model = EASE(person_norm=1.0).refit(LOG)
    expected = _weights(scaled, np.full(4, (scaled**2).sum(axis=0).mean()))
    np.testing.assert_allclose(model.weights, expected, rtol=1e-4, atol=1e-6)


def test_only_the_most_popular_items_are_kept() -> None:
    model = EASE(items=2, recent=1.0).refit(LOG)
    assert model.kept.tolist() == [1, 2]
    scores = model.score_catalogue(np.array([2]), AFTER)[0]
    np.testing.assert_allclose(scores[3:], 1.1 * np.array([1, 1, 0]) / 7, rtol=1e-6)
    pairs = model.score(np.array([2, 2]), np.array([3, 1]), Moments.at(np.repeat(AFTER.timestamp, 2)))
    np.testing.assert_allclose(pairs, scores[[3, 1]], rtol=1e-6)


def test_the_history_fades() -> None:
    steady = EASE(recent=0.0).refit(LOG)
    model = EASE(half_life_steps=1.0, recent=0.0).refit(LOG)
    scores = model.score_catalogue(np.array([1]), AFTER)[0]
    np.testing.assert_allclose(scores[1:5], 0.5 * steady.weights[0] + steady.weights[1], rtol=1e-5, atol=1e-7)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log = town()
    whole = EASE().refit(log)
    scores = whole.score(log.user, log.item, log.moments)
    monkeypatch.setattr(ease, "_CHUNK", 7)
    monkeypatch.setattr(ease, "_PAIR_CHUNK", 11)
    parts = EASE().refit(log)
    np.testing.assert_allclose(parts.weights, whole.weights, atol=1e-6)
    np.testing.assert_allclose(parts.score(log.user, log.item, log.moments), scores, atol=1e-6)


def test_an_unsolvable_table_is_one_sentence() -> None:
    with pytest.raises(BadInputError, match="EASE cannot solve for 4 items; choose a regularisation above -9"):
        EASE(regularisation=-9.0).refit(LOG)


def test_chooses_and_comes_back(tmp_path: Path) -> None:
    assert EASE() == EASE(1.0, 0.0, 0.0, None, None, items=12_000, recent=1e-4, own=0.0)
    model = EASE(items=100).fit(town(events=3_000))
    assert model.items == 100
    model.save(tmp_path)
    assert EASE.load(tmp_path) == model
