"""What a full explanation asks the models, wherever they run: contributions, and scores of what could be different."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hidden_gems.explain.attention import Looked, looked_at, without
from hidden_gems.explain.counterfactuals import Change, Vectors, changed_inputs, changed_vectors
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.recommend.deep import DEEP_FEATURES, DeepAnswer, Tensors

SAME = 1e-5
"""Scores of deep models that differ by less are equal: sizes of a call change how sums are rounded."""


class Parts(Protocol):
    """The models behind an explanation, in this process or a hop away."""

    async def contributions(
        self, x: Vectors, item_ids: tuple[str, ...]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scores of the ranker for n vectors, n, and what each feature adds to them, n X 61."""
        ...

    async def scores(self, x: Vectors, item_ids: tuple[str, ...]) -> NDArray[np.float64]:
        """Scores alone, n."""
        ...

    async def deep(self, inputs: Tensors) -> DeepAnswer:
        """What the served graph says."""
        ...


@dataclass(frozen=True)
class Reading:
    """What the deep models were asked about the k gems of a slate."""

    inputs: Tensors  # as `recommend.deep.deep_inputs` makes them
    models: tuple[str, ...]  # in the order of the rows of their scores


@dataclass(frozen=True)
class Scored:
    """What the models said about the k gems and about candidates beside them."""

    background: Vectors  # other candidates, m X 60
    contributions: NDArray[np.float64]  # of the k gems, then of the m others, (k + m) X 61
    scores: NDArray[np.floating]  # of the ranker for the k gems, k
    tried: Sequence[Change]
    changed: NDArray[np.floating]  # of the ranker for the k gems under each change, c · k
    looked: Sequence[Looked] = ()
    lost: NDArray[np.floating] = field(default_factory=lambda: np.zeros((0, 0)))  # by k gems without each place, a X k


async def ask(
    parts: Parts,
    vectors: Vectors,
    others: Vectors,
    item_ids: tuple[str, ...],
    tried: Sequence[Change],
    reading: Reading | None,
) -> Scored:
    """Ask all that a full explanation needs.

    Args:
        parts: The models.
        vectors: Of the k gems, k X 60.
        others: Of the m candidates beside them, m X 60.
        item_ids: Of both, k + m.
        tried: What could be different.
        reading: Of the k gems; None where the deep models did not answer, or there are none.

    Raises:
        PartUnavailableError: If a part does not answer.
    """
    count = len(vectors)
    scores, told = await parts.contributions(np.concatenate([vectors, others]), item_ids)
    blocks, looked = await _blocks(parts, vectors, tried, reading)
    asked = np.concatenate(blocks) if blocks else vectors[:0]
    found = await parts.scores(asked, item_ids[:count] * len(blocks)) if blocks else scores[:0]
    changes = len(tried) * count
    lost = scores[:count] - found[changes:].reshape(len(looked), count)
    return Scored(others, told, scores[:count], tried, found[:changes], looked, lost)


async def _blocks(
    parts: Parts, vectors: Vectors, tried: Sequence[Change], reading: Reading | None
) -> tuple[list[Vectors], list[Looked]]:
    """Vectors under each change, then those where each place was never visited, k X 60 each; and those places."""
    changed = [changed_vectors(vectors, change) for change in tried]
    if reading is None:
        return changed, []
    now = await parts.deep(reading.inputs)
    looked = looked_at(reading.inputs, now.attention)
    asked = [changed_inputs(reading.inputs, change) for change in tried]
    asked += [without(reading.inputs, each.row) for each in looked]
    told = await asyncio.gather(*(parts.deep(each) for each in asked))
    blocks = [*changed, *(vectors for _ in looked)]
    return [_rescored(x, reading.models, now, other) for x, other in zip(blocks, told, strict=True)], looked


def _rescored(vectors: Vectors, models: Sequence[str], now: DeepAnswer, other: DeepAnswer) -> Vectors:
    """Vectors with the scores of the deep models in another case, where they are others."""
    found = vectors.copy()
    for row, name in enumerate(models):
        column = FEATURE_NAMES.index(DEEP_FEATURES[name])
        moved = np.abs(other.scores[row] - now.scores[row]) > SAME
        found[moved, column] = other.scores[row][moved]
    return found
