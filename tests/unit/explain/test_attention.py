"""Which places of a path are told, and that only those are told without which the score is lower."""

import asyncio
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hidden_gems.explain.asking import Reading, ask
from hidden_gems.explain.attention import Looked, attention, looked_at, without
from hidden_gems.explain.counterfactuals import Change
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.recommend.deep import DeepAnswer, Tensors
from hidden_gems.recommend.live import LiveItems
from tests.worlds import tables

ITEMS = LiveItems.of(tables(), {})
SASREC, WEATHER = FEATURE_NAMES.index("sasrec_score"), FEATURE_NAMES.index("weather")


def inputs(*history: int) -> dict[str, NDArray[Any]]:
    return {
        "history": np.array([history], dtype=np.int64),
        "ages": np.arange(len(history), 0, -1, dtype=np.float32)[None],
        "context": np.zeros((1, 30), dtype=np.float32),
    }


def test_places_with_an_even_share_at_least_are_looked_at_and_visits_add_up() -> None:
    weights = np.array([0.05, 0.3, 0.1, 0.3, 0.2], dtype=np.float32)
    found = looked_at(inputs(0, 7, 8, 7, 9), weights)  # four events, so an even share is a quarter
    assert [(each.row, pytest.approx(each.weight)) for each in found] == [(7, 0.6)]
    assert [each.row for each in looked_at(inputs(5, 4, 3, 2), np.full(4, 0.25, np.float32))] == [2, 3, 4]
    assert looked_at(inputs(7, 8), np.zeros(2, np.float32)) == []
    assert looked_at(inputs(0), np.zeros(1, np.float32)) == []


def test_without_a_place_all_its_visits_are_gone_and_nothing_else() -> None:
    asked = inputs(7, 8, 7, 9)
    found = without(asked, 7)
    assert found["history"].tolist() == [[8, 9]]
    assert found["ages"].tolist() == [[3.0, 1.0]]
    assert found["context"] is asked["context"]
    alone = without(inputs(7, 7), 7)
    assert (alone["history"].tolist(), alone["ages"].tolist()) == ([[0]], [[0.0]])


def test_a_place_is_told_of_a_gem_whose_score_it_raises() -> None:
    looked = [Looked(3, 0.5), Looked(4, 0.3)]
    lost = np.array([[0.2, 0.0], [-0.1, 1e-9]])
    assert attention(looked, lost, 0, ITEMS) == [{"item_id": "g3", "name": "Gem 3", "weight": 0.5}]
    assert attention(looked, lost, 1, ITEMS) == []


class Path:
    """Models that can be reckoned by hand: a gem's score is that of its path, which is the sum of its rows."""

    async def contributions(
        self, x: NDArray[np.float32], item_ids: tuple[str, ...]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return await self.scores(x, item_ids), np.zeros((len(x), 61))

    async def scores(self, x: NDArray[np.float32], item_ids: tuple[str, ...]) -> NDArray[np.float64]:
        assert len(item_ids) == len(x)
        return (x[:, SASREC] + 10.0 * x[:, WEATHER]).astype(np.float64)

    async def deep(self, inputs: Tensors) -> DeepAnswer:
        history = inputs["history"][0]
        total = np.float32(history.sum() + 100.0 * inputs["context"].sum())
        scores = np.array([[total, 2.0 * total]], dtype=np.float32)
        return DeepAnswer(scores, np.full(len(history), 1.0 / len(history), np.float32), np.zeros(0, np.float32))


def test_every_case_is_scored_by_all_models() -> None:
    vectors = np.zeros((2, 60), dtype=np.float32)
    vectors[:, SASREC] = 12.0, 24.0
    wet = Change("weather", "rain", {"weather": 1.0}, {"wet": 1.0})
    reading = Reading(inputs(5, 7), ("sasrec",))
    scored = asyncio.run(ask(Path(), vectors, vectors[:1], ("a", "b", "c"), [wet], reading))
    assert scored.scores.tolist() == [12.0, 24.0]
    assert scored.changed.tolist() == [122.0, 234.0]  # (12 + 100) + 10 and 2 (12 + 100) + 10
    assert [each.row for each in scored.looked] == [5, 7]
    assert scored.lost.tolist() == [[5.0, 10.0], [7.0, 14.0]]
    without_deep = asyncio.run(ask(Path(), vectors, vectors[:1], ("a", "b", "c"), [wet], None))
    assert (without_deep.changed.tolist(), without_deep.looked) == ([22.0, 34.0], [])
    nothing = asyncio.run(ask(Path(), vectors, vectors[:1], ("a", "b", "c"), [], None))
    assert (nothing.changed.size, nothing.lost.shape) == (0, (0, 2))


def test_scores_of_deep_models_that_differ_by_rounding_stay() -> None:
    class Rounds(Path):
        async def deep(self, inputs: Tensors) -> DeepAnswer:
            off = np.float32(1e-6 if inputs["context"].any() else 0.0)
            return DeepAnswer(np.full((1, 2), off), np.zeros(1, np.float32), np.zeros(0, np.float32))

    vectors = np.zeros((2, 60), dtype=np.float32)
    vectors[:, SASREC] = 0.5
    wet = Change("weather", "rain", {}, {"wet": 1.0})
    told = asyncio.run(ask(Rounds(), vectors, vectors[:0], ("a", "b"), [wet], Reading(inputs(0), ("sasrec",))))
    assert told.changed.tolist() == [0.5, 0.5]
