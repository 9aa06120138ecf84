from pathlib import Path

import numpy as np
import pytest

from hidden_gems.datasets.moments import Moments
from hidden_gems.models import als
from hidden_gems.models.als import ALS
from tests.logs import log_of, town

LOG = log_of([(1, 1), (1, 2), (2, 1), (2, 3), (3, 2)], users=5, items=5, rewards=[1.0, 0.5, 1.0, 1.0, 1.0])


def _loss(model: ALS) -> float:
    """The loss of the docstring, over the people and items that were met."""
    people, items = model.person[1:4], model.item[1:4]
    reward = np.array([[1.0, 0.5, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    scores = people @ items.T
    met = reward > 0
    fit = (reward * (1 - scores) ** 2).sum() + model.unobserved * (scores**2).sum()
    sizes = ((met.sum(1) + 3 * model.unobserved) @ (people**2).sum(1)) + (
        (met.sum(0) + 3 * model.unobserved) @ (items**2).sum(1)
    )
    return float(fit + model.regularisation * sizes)


def test_people_are_at_the_minimum_given_the_items() -> None:
    model = ALS(width=2, unobserved=0.2, regularisation=0.1, epochs=3).refit(LOG)
    best = _loss(model)
    for person in (1, 2, 3):
        for axis in (0, 1):
            for step in (-1e-2, 1e-2):
                model.person[person, axis] += step
                assert _loss(model) > best
                model.person[person, axis] -= step


def test_by_hand_in_one_dimension() -> None:
    model = ALS(width=1, unobserved=0.5, regularisation=0.1, epochs=0).refit(LOG)
    items = model.item[:, 0]
    squares = (items**2).sum()
    left = items[1] ** 2 + 0.5 * items[2] ** 2 + 0.5 * squares + 0.1 * (2 + 0.5 * 3)
    np.testing.assert_allclose(model.person[1, 0], (items[1] + 0.5 * items[2]) / left, rtol=1e-5)


def test_more_rounds_lower_the_loss() -> None:
    losses = [_loss(ALS(width=2, regularisation=0.05, epochs=epochs).refit(LOG)) for epochs in (1, 4, 16)]
    assert losses[0] > losses[1] > losses[2]


def test_who_met_nothing_is_zero_and_gets_popularity() -> None:
    model = ALS(recent=1.0).refit(LOG)
    assert not model.person[[0, 4]].any()
    assert not model.item[[0, 4]].any()
    scores = model.score_catalogue(np.array([4]), Moments.at(LOG.timestamp[-1:] + 1))[0]
    np.testing.assert_allclose(scores[1:], 1.1 * np.array([2.0, 1.5, 1.0, 0.0]) / 4.5, rtol=1e-6)


def test_solving_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log = town()
    whole = ALS(epochs=2).refit(log)
    monkeypatch.setattr(als, "_CELLS", 3_000)
    np.testing.assert_allclose(ALS(epochs=2).refit(log).person, whole.person, atol=1e-3)


def test_a_sample_keeps_whom_it_is_judged_by(monkeypatch: pytest.MonkeyPatch) -> None:
    log = town()
    monkeypatch.setattr(als, "_SEARCH_EVENTS", 150)
    part = als._sample(log, np.array([3, 4]), 0)
    assert {3, 4} <= set(part.user.tolist())
    assert len(part.user) < len(log.user)
    counts = np.bincount(log.user, minlength=log.users)
    for person in np.unique(part.user):
        assert (part.user == person).sum() == counts[person]


def test_chooses_and_comes_back(tmp_path: Path) -> None:
    assert ALS() == ALS(width=32, unobserved=0.1, regularisation=0.003, epochs=16, seed=0)
    model = ALS(width=8, epochs=3).fit(town(events=2_000))
    assert model.epochs == 3
    model.save(tmp_path)
    assert ALS.load(tmp_path) == model
    model.forget_choice()
    assert model.width == 8


def test_wide_vectors_are_not_tried_where_they_are_too_much_work(monkeypatch: pytest.MonkeyPatch) -> None:
    log = town(events=2_000)
    tried: list[int] = []
    learn = ALS.learn
    monkeypatch.setattr(ALS, "learn", lambda model, part: (tried.append(model.width), learn(model, part))[1])
    monkeypatch.setattr(als, "_WORK", (log.users + log.items) * 64**3)
    ALS(epochs=1).fit(log)
    assert set(tried) == {16, 32, 64}
