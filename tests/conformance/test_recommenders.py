"""What every recommender must do."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hidden_gems.datasets.interactions import Interactions
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.als import ALS
from hidden_gems.models.ease import EASE
from hidden_gems.models.item_knn import ItemKNN
from hidden_gems.models.markov import Markov
from hidden_gems.models.own_recent import OwnRecent
from hidden_gems.models.popular import Popular
from hidden_gems.models.protocol import Recommender
from hidden_gems.models.recent_popular import RecentPopular
from hidden_gems.models.revisits import Revisits
from hidden_gems.training.graphsage import GraphSAGERecommender, GraphSAGESettings
from hidden_gems.training.gru4rec import GRU4RecRecommender, GRU4RecSettings
from hidden_gems.training.loop import LoopConfig
from hidden_gems.training.ncf import NCFRecommender, NCFSettings
from hidden_gems.training.sasrec import SASRecRecommender, SASRecSettings
from hidden_gems.training.wide_deep import WideDeepRecommender, WideDeepSettings
from tests.logs import log_of, town

Make = Callable[[int], Recommender]

_SHORT = LoopConfig(epochs=3, batch=1, decay=0.0)


def _facts(items: int) -> ItemFacts:
    random = np.random.default_rng(1)
    attributes = random.random((items, 3)).astype(np.float32)
    attributes[0] = 0.0
    codes = np.arange(items) % 4
    return replace(
        ItemFacts.none(items), attributes=attributes, kind=codes, area=codes // 2, place=random.random((items, 2))
    )


def _ncf(items: int) -> NCFRecommender:
    return NCFRecommender(_facts(items), NCFSettings(width=16, hidden=(16, 8), loop=LoopConfig(epochs=3, batch=64)))


def _sasrec(items: int) -> SASRecRecommender:
    settings = SASRecSettings(width=16, heads=2, inner=16, length=12, remembered=20, predictions=64, loop=_SHORT)
    return SASRecRecommender(_facts(items), settings)


def _gru4rec(items: int) -> GRU4RecRecommender:
    settings = GRU4RecSettings(width=16, hidden=16, length=12, remembered=20, predictions=64, loop=_SHORT)
    return GRU4RecRecommender(_facts(items), settings)


def _graphsage(items: int) -> GraphSAGERecommender:
    settings = GraphSAGESettings(width=16, loop=LoopConfig(epochs=3, batch=16))
    return GraphSAGERecommender(_facts(items), settings)


def _wide_deep(items: int) -> WideDeepRecommender:
    settings = WideDeepSettings(factors=8, width=4, hidden=(16, 8), length=20, loop=LoopConfig(epochs=3, batch=64))
    return WideDeepRecommender(_facts(items), settings)


MODELS: dict[str, Make] = {
    "popular": lambda _: Popular(30.0),
    "recent_popular": lambda _: RecentPopular(),
    "own_recent": lambda _: OwnRecent(),
    "item_knn": lambda _: ItemKNN(half_life_days=30.0),
    "ease": lambda _: EASE(),
    "als": lambda _: ALS(width=8, epochs=4),
    "markov": lambda _: Markov(),
    "revisits": lambda items: Revisits.among(_facts(items)),
    "ncf": _ncf,
    "sasrec": _sasrec,
    "gru4rec": _gru4rec,
    "graphsage": _graphsage,
    "wide_deep": _wide_deep,
}


@pytest.fixture(params=MODELS)
def make(request: pytest.FixtureRequest) -> Make:
    return MODELS[request.param]


def _fitted(make: Make, log: Interactions) -> Recommender:
    return make(log.items).fit(log)


def test_fits_on_twenty_rows(make: Make) -> None:
    log = town(events=20)
    scores = _fitted(make, log).score(log.user, log.item, log.moments)
    assert scores.shape == (20,)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) > 1


def test_score_and_score_catalogue_agree(make: Make) -> None:
    log = town()
    model = _fitted(make, log)
    user, when = np.arange(log.users), Moments.at(np.full(log.users, log.timestamp[-1]))
    table = model.score_catalogue(user, when)
    assert table.shape == (log.users, log.items)
    assert table.dtype == np.float32
    item = np.arange(log.items)
    pairs = model.score(
        np.repeat(user, log.items), np.tile(item, log.users), when[np.repeat(np.arange(log.users), log.items)]
    )
    np.testing.assert_allclose(table[:, 1:], pairs.reshape(table.shape)[:, 1:], atol=1e-5)


def test_the_unknown_item_is_never_recommended_and_always_scored(make: Make) -> None:
    log = town()
    model = _fitted(make, log)
    when = log.moments[np.array([-1, -1, -1])]
    table = model.score_catalogue(np.array([0, 3]), when[:2])
    assert (table[:, 0] == -np.inf).all()
    assert np.isfinite(table[:, 1:]).all()
    assert np.isfinite(model.score(np.array([0, 3, 0]), np.array([0, 0, 5]), when)).all()


def test_rows_that_the_log_never_showed_score_as_unknown(make: Make) -> None:
    log = log_of([(1, 1), (1, 2), (2, 1), (2, 3)], users=4, items=5)
    model = _fitted(make, log)
    when = log.moments[np.array([-1, -1])]
    np.testing.assert_array_equal(*model.score_catalogue(np.array([0, 3]), when))


def test_the_unknown_person_gets_the_popular_items(make: Make) -> None:
    log = town()
    scores = _fitted(make, log).score_catalogue(np.array([0]), log.moments[-1:])[0]
    counts = np.bincount(log.item, minlength=log.items)
    assert counts[scores.argmax()] >= np.sort(counts)[-4]


def test_same_seed_same_scores(make: Make) -> None:
    log = town(events=200)
    first, second = (_fitted(make, log).score(log.user, log.item, log.moments) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_fits_anew_each_time(make: Make) -> None:
    log, other = town(events=200), town(events=300, seed=5)
    again = _fitted(make, other).fit(log).score(log.user, log.item, log.moments)
    np.testing.assert_array_equal(again, _fitted(make, log).score(log.user, log.item, log.moments))


def test_saves_and_loads_to_equal_scores(make: Make, tmp_path: Path) -> None:
    log = town(events=200)
    model = _fitted(make, log)
    model.save(tmp_path / "deep" / "model")
    loaded = type(model).load(tmp_path / "deep" / "model")
    user, when = np.arange(log.users), Moments.at(np.full(log.users, log.timestamp[-1]))
    np.testing.assert_array_equal(loaded.score_catalogue(user, when), model.score_catalogue(user, when))
    np.testing.assert_array_equal(
        loaded.score(log.user, log.item, log.moments), model.score(log.user, log.item, log.moments)
    )


def test_survives_one_item_and_one_user(make: Make) -> None:
    log = log_of([(1, 1)], users=2, items=2)
    table = _fitted(make, log).score_catalogue(np.array([0, 1]), log.moments[np.array([0, 0])])
    assert table.shape == (2, 2)
    assert np.isfinite(table[:, 1]).all()


def test_no_pairs_and_no_people_give_empty_answers(make: Make) -> None:
    log = town(events=50)
    model = _fitted(make, log)
    none = np.zeros(0, dtype=np.int64)
    assert model.score(none, none, Moments.at(none)).shape == (0,)
    assert model.score_catalogue(none, Moments.at(none)).shape == (0, log.items)
