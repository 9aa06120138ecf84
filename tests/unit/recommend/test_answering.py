from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.core.names import embedding_row
from hidden_gems.datasets.dataset import About
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.context import CONTEXT_NAMES, context_vectors
from hidden_gems.features.raw import OWN, USER
from hidden_gems.features.request import RequestContext
from hidden_gems.features.rows import NEW_USER, UserRow
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.features.store import MemoryStore
from hidden_gems.models.item_knn import ItemKNN
from hidden_gems.recommend.answering import Answering, Ranked
from hidden_gems.recommend.candidates import CandidateGenerator
from hidden_gems.recommend.deep import DeepAnswer, Tensors
from hidden_gems.recommend.request import Filters, Request
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.recommend.world import World

NOW = 1_777_905_000
IDS = [f"g{number}" for number in range(1, 7)]
USER_ROWS = np.array([1, 1, 2, 2, 3, 3, 3])
ITEMS = np.array([1, 2, 1, 3, 2, 3, 4])
REWARD = np.array([1.0, 0.7, 1.0, 1.0, 0.3, 1.0, 1.0], dtype=np.float32)


def log() -> Interactions:
    return Interactions(USER_ROWS, ITEMS, np.arange(7) + NOW - 100, REWARD, users=4, items=7)


def tables() -> ReleaseTables:
    knn = ItemKNN(shrinkage=1.0).refit(log())
    place = np.full((7, 2), np.nan)
    place[1:] = [(41.0 + 0.01 * row, 29.0) for row in range(6)]
    born = np.array([np.nan, *[NOW - 1000.0] * 5, NOW - 1.0])
    return ReleaseTables(
        columns={
            "item_id": IDS,
            "type": ["cafe", "cafe", "bar", None, "bar", "cafe"],
            "lat": place[1:, 0].tolist(),
            "lon": place[1:, 1].tolist(),
            "authenticity": [0.5, np.nan, 0.25, 1.0, 0.0, 0.75],
        },
        neighbours=knn.rows,
        weights=knn.weights,
        prior=knn.prior,
        generator=CandidateGenerator().fit(log(), place, born).without_people(),
    )


class Doubled:
    """A deep model whose score is twice the row of the item, plus ten times the row of the person."""

    names = ("ncf",)

    def __init__(self) -> None:
        self.contexts: list[NDArray[np.float32]] = []

    def __call__(self, inputs: Tensors) -> DeepAnswer:
        self.contexts.append(inputs["context"])
        scores = (2.0 * inputs["rows"] + 10.0 * inputs["user"]).astype(np.float32)[None]
        return DeepAnswer(scores, inputs["ages"][0], np.ones(2, dtype=np.float32))


def by_ncf(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors[:, FEATURE_NAMES.index("ncf_score")]


def store(*liked: tuple[str, float, float]) -> MemoryStore:
    own = {name: dict(zip(OWN, (1.0, when, reward), strict=True)) for name, when, reward in liked}
    row = UserRow(NEW_USER.totals, {name: tuple(values.values()) for name, values in own.items()})
    found = MemoryStore()
    found.write_users({"somebody": row}, NOW)
    return found


def answering(found: MemoryStore, deep: Doubled | None = None) -> Answering:
    keys = MemoryKeyValue()
    keys.put({embedding_row("2026-05-04.1", "somebody"): b"3"})
    world = World.of("2026-05-04.1", About("made up", "Europe/Istanbul", "made-up"), ("ncf",), tables())
    return Answering(world, found, keys, deep or Doubled(), by_ncf)


def request(user: str = "somebody", limit: int = 10, repeat: bool = False) -> Request:
    return Request(user, RequestContext(NOW, "Europe/Istanbul"), limit, filters=Filters(exclude_seen=not repeat))


def test_the_row_key_names_release_and_person() -> None:
    assert embedding_row("2026-05-04.1", "p") == "row:2026-05-04.1:p"
    assert len(USER) == len(NEW_USER.totals)


def test_collaborative_scores_are_those_of_item_knn_for_the_same_history() -> None:
    knn, found = ItemKNN(shrinkage=1.0).refit(log()), tables()
    history, now = log(), Moments.at(np.array([NOW]))
    for user in (1, 2, 3):
        mine = history.user == user
        ours = found.collaborative(history.item[mine], history.reward[mine].astype(np.float64))
        np.testing.assert_allclose(ours, knn.score_catalogue(np.array([user]), now)[0], rtol=1e-6)
    cold = found.collaborative(np.empty(0, np.int64), np.empty(0))
    np.testing.assert_allclose(cold, knn.score_catalogue(np.array([0]), now)[0], rtol=1e-6)


def test_tables_come_back_equal_and_hold_no_nan_in_json(tmp_path: Path) -> None:
    tables().save(tmp_path)
    found = ReleaseTables.load(tmp_path)
    assert found.columns["authenticity"] == [0.5, None, 0.25, 1.0, 0.0, 0.75]
    assert found.item(2) == {"item_id": "g2", "type": "cafe", "lat": 41.01, "lon": 29.0, "authenticity": None}
    assert found.item(0) == {}
    assert found.index.ids == ("", *IDS)
    np.testing.assert_array_equal(found.neighbours, tables().neighbours)
    np.testing.assert_array_equal(found.weights, tables().weights)
    np.testing.assert_array_equal(found.prior, tables().prior)
    liked = Interactions(np.ones(2, np.int64), np.array([1, 3]), np.array([5, 6]), np.ones(2, np.float32), 2, 7)
    ours, theirs = (each.generator.with_history(liked).generate(np.array([1])) for each in (tables(), found))
    np.testing.assert_array_equal(ours.items, theirs.items)
    np.testing.assert_array_equal(ours.sources, theirs.sources)
    assert set(theirs.items[0].tolist()) == {2, 4, 5, 6}
    assert found.generator.generate(np.array([0])).items.shape == (1, 6)


def test_an_answer_is_ranked_and_leaves_out_what_is_known() -> None:
    found = answering(store(("g1", 5.0, 1.0), ("g3", 6.0, 0.5))).answer(request())
    assert found.item_ids == ("g6", "g5", "g4", "g2")
    assert found.rows.tolist() == [6, 5, 4, 2]
    assert found.scores.tolist() == [42.0, 40.0, 38.0, 34.0]  # 2 x row + 10 x row 3 of the person
    assert found.shown == range(4)
    assert "new" in found.sources[0]
    collaborative = found.vectors[:, FEATURE_NAMES.index("collaborative_score")]
    expected = tables().collaborative(np.array([1, 3]), np.array([1.0, 0.5]))
    np.testing.assert_array_equal(collaborative, expected[found.rows])
    own = found.vectors[:, FEATURE_NAMES.index("own_visits")]
    assert own.tolist() == [0.0] * 4


def test_what_is_known_may_come_again_where_it_is_asked_for() -> None:
    found = answering(store(("g1", 5.0, 1.0))).answer(request(repeat=True, limit=2))
    assert set(found.item_ids) == set(IDS)
    assert found.shown == range(2)
    assert found.vectors[found.item_ids.index("g1"), FEATURE_NAMES.index("own_visits")] == 1.0


def test_somebody_unknown_is_row_0_and_the_context_has_no_weather() -> None:
    deep = Doubled()
    found = answering(store(("g1", 5.0, 1.0)), deep).answer(request("nobody"))
    assert found.item_ids == tuple(reversed(IDS))
    assert found.scores.tolist() == [12.0, 10.0, 8.0, 6.0, 4.0, 2.0]
    [context] = deep.contexts
    assert context.shape == (1, len(CONTEXT_NAMES))
    np.testing.assert_array_equal(context, context_vectors(Moments.at(np.array([NOW])), "Europe/Istanbul"))


def test_liked_gems_that_the_release_does_not_know_are_no_history() -> None:
    found = answering(store(("gone", 5.0, 1.0))).answer(request())
    assert set(found.item_ids) == set(IDS)


@pytest.mark.parametrize(("limit", "shown"), [(1, 1), (3, 3), (9, 3)])
def test_no_more_is_shown_than_there_is(limit: int, shown: int) -> None:
    nothing = np.zeros((3, 60), np.float32)
    ranked = Ranked(("a", "b", "c"), np.arange(3), ((), (), ()), nothing, np.zeros(3, np.float32), limit)
    assert ranked.shown == range(shown)
