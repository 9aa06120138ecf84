"""Which texts a full explanation gets: of a model where there is one, of the templates else and in brief."""

import asyncio
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.explain.budget import Budget
from hidden_gems.explain.narrative import Endpoint, Narrator
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.recommend.deep import DeepAnswer, Tensors
from hidden_gems.recommend.world import World
from inference.transformer.answers import Answers
from inference.transformer.explaining import Explaining
from inference.transformer.parts import People, Vectors
from tests.endpoints import stand_in
from tests.unit.transformer.test_slates import served


class LinearModels:
    """A ranker that can be reckoned by hand: the price adds its level, nothing else adds anything."""

    async def contributions(
        self, world: World, x: Vectors, item_ids: tuple[str, ...]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        told = np.zeros((len(x), x.shape[1] + 1))
        price = FEATURE_NAMES.index("price_level")
        told[:, price] = np.nan_to_num(x[:, price])
        return told.sum(axis=1), told

    async def deep_again(self, world: World, inputs: Tensors) -> DeepAnswer:
        length, count = inputs["history"].shape[1], len(inputs["rows"])
        return DeepAnswer(np.zeros((1, count), np.float32), np.zeros(length, np.float32), np.zeros(0, np.float32))

    async def scores(self, world: World, x: Vectors, item_ids: tuple[str, ...]) -> NDArray[np.float64]:
        return np.nan_to_num(x[:, FEATURE_NAMES.index("price_level")]).astype(np.float64)


def explained(detail: str, url: str | None) -> list[str]:
    async def run() -> list[str]:
        narrator = Narrator(Endpoint(url, "small"), Budget(60, 100_000, 1_000_000), 5.0) if url else None
        keys = MemoryKeyValue()
        answers = Answers(People(keys), LinearModels(), np.random.default_rng(0))  # type: ignore[arg-type]
        explaining = Explaining(answers, keys, narrator)
        answer = served()
        told = await explaining.of(replace(answer, request=replace(answer.request, explain=detail)), [])
        if narrator:
            await narrator.close()
        return [each["text"] for each in told or []]

    return asyncio.run(run())


def test_a_model_writes_full_explanations_and_no_brief_ones() -> None:
    with stand_in() as endpoint:
        endpoint.says = lambda names: f"I think {names[0]} is worth a visit today."
        full = explained("full", endpoint.url)
        assert len(full) == 2
        assert all(text.startswith("I think Gem ") for text in full)
        assert len(endpoint.asked) == 2
        assert not [text for text in explained("brief", endpoint.url) if "I think" in text]
        assert len(endpoint.asked) == 2


def test_without_a_model_or_with_a_lying_one_the_template_stays() -> None:
    template = explained("full", None)
    assert all(text.count(".") >= 2 for text in template)
    with stand_in() as endpoint:
        endpoint.says = lambda names: f"{names[0]} has a Michelin star."
        assert explained("full", endpoint.url) == template
        assert len(endpoint.asked) == 2
