"""The parts an answer depends on, each asked once, in time, and never trusted blindly."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.core.kv import Fetched, KeyValue
from hidden_gems.features.request import RequestContext
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.recommend.deep import DeepAnswer, Tensors, deep_answer, deep_inputs
from hidden_gems.recommend.person import Person, PersonKeys
from hidden_gems.recommend.request import Request
from hidden_gems.recommend.slate import Beliefs
from hidden_gems.recommend.world import World
from inference.shell.breaker import Breaker
from inference.shell.client import Predictor
from inference.shell.deadline import Deadline
from inference.shell.metrics import PART_FAILURES
from inference.transformer.metrics import stage

Vectors = NDArray[np.float32]


@dataclass
class People:
    """Rows of people in the store, behind a breaker.

    Args:
        keys: The store; its calls have a time limit of their own and run in a thread.
    """

    keys: KeyValue
    breaker: Breaker = field(default_factory=Breaker)

    async def person(self, world: World, user_id: str) -> Person:
        """Who asks.

        Raises:
            PartUnavailableError: If the store does not answer in time, or holds a row that cannot be read.
        """
        reader = PersonKeys(world.new_user)
        found = await self._fetch(reader.asked(world.release, user_id))
        try:
            return reader.read(found)
        except ValueError as error:
            PART_FAILURES.labels("features", "unreadable").inc()
            raise PartUnavailableError("features", str(error)) from error

    async def _fetch(self, asked: dict[str, Any]) -> Fetched:
        if not self.breaker.allows():
            PART_FAILURES.labels("features", "skipped").inc()
            raise PartUnavailableError("features", "calls are skipped for now")
        try:
            with stage("fetch"):
                found = await asyncio.to_thread(self.keys.fetch, **asked)
        except PartUnavailableError:
            self.breaker.failed()
            PART_FAILURES.labels("features", "unavailable").inc()
            raise
        except BaseException:
            self.breaker.abandoned()
            raise
        self.breaker.succeeded()
        return found


@dataclass(frozen=True)
class Ranked:
    """Beliefs, and the version of the online state they come from."""

    beliefs: Beliefs
    state_version: int


@dataclass(frozen=True)
class Models:
    """The two hops of an answer, and the longer calls that a full explanation waits for."""

    deep: Predictor
    ranker: Predictor
    reader: Predictor  # deep again, with more time
    explainer: Predictor  # the ranker again, with more time

    async def deep_scores(
        self, world: World, person: Person, request: Request, rows: NDArray[np.int64], deadline: Deadline
    ) -> DeepAnswer:
        """What the served graph says about n candidates.

        Raises:
            PartUnavailableError: If it does not answer in time, or with what cannot be scores.
        """
        with stage("deep"):
            inputs = deep_inputs(world, person, request, rows)
            outputs, _ = await self.deep.call(inputs, {"release": world.release}, deadline)
        return _deep_answer(world, inputs, outputs)

    async def deep_again(self, world: World, inputs: Tensors) -> DeepAnswer:
        """What the served graph says to another question, with the time of an explanation.

        Raises:
            PartUnavailableError: As above.
        """
        with stage("reading"):
            outputs, _ = await self.reader.call(inputs, {"release": world.release})
        return _deep_answer(world, inputs, outputs)

    async def beliefs(self, world: World, x: Vectors, item_ids: tuple[str, ...], deadline: Deadline) -> Ranked:
        """What the ranker says about n candidates.

        Raises:
            PartUnavailableError: As above.
        """
        parameters: dict[str, str | int | bool] = {"release": world.release}
        if world.released:
            parameters["online"] = False
        with stage("ranker"):
            outputs, said = await self.ranker.call(_question(x, item_ids), parameters, deadline)
        score, mean, spread = (
            _checked("ranker", outputs.get(name), (len(x),)).astype(np.float64) for name in ("score", "mean", "spread")
        )
        return Ranked(Beliefs(score, mean, spread), int(said.get("state_version", 0)))

    async def contributions(
        self, world: World, x: Vectors, item_ids: tuple[str, ...]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scores, n, and what each feature adds to them, n X 61.

        Raises:
            PartUnavailableError: As above.
        """
        parameters: dict[str, str | int | bool] = {"release": world.release, "contributions": True}
        with stage("contributions"):
            outputs, _ = await self.explainer.call(_question(x, item_ids), parameters)
        score = _checked("ranker", outputs.get("score"), (len(x),)).astype(np.float64)
        told = _checked("ranker", outputs.get("contributions"), (len(x), x.shape[1] + 1))
        return score, told.astype(np.float64)

    async def scores(self, world: World, x: Vectors, item_ids: tuple[str, ...]) -> NDArray[np.float64]:
        """Scores alone, n, with the time of an explanation.

        Raises:
            PartUnavailableError: As above.
        """
        with stage("counterfactuals"):
            outputs, _ = await self.explainer.call(_question(x, item_ids), {"release": world.release})
        return _checked("ranker", outputs.get("score"), (len(x),)).astype(np.float64)

    async def hold(self, world: World) -> bool:
        """Whether both hold a release, so that requests may turn to it."""
        nobody = Request("", RequestContext(1, world.about.timezone, order_only=world.about.order_only))
        inputs = deep_inputs(world, Person(), nobody, np.zeros(1, dtype=np.int64))
        blank = np.full((1, len(FEATURE_NAMES)), np.nan, dtype=np.float32)
        known = {"release": world.release}
        deep, ranker = await asyncio.gather(
            self.deep.answers(inputs, known) if world.models else _nothing(),
            self.ranker.answers(_question(blank, ("",)), known),
        )
        return deep and ranker

    async def close(self) -> None:
        """End the connections."""
        parts = (self.deep, self.ranker, self.reader, self.explainer)
        await asyncio.gather(*(part.close() for part in parts))


async def _nothing() -> bool:
    """A release without deep models needs nobody who holds them."""
    return True


def _deep_answer(world: World, inputs: Tensors, outputs: Tensors) -> DeepAnswer:
    vector = outputs.get("vector")
    shapes = {
        "scores": (len(world.models), len(inputs["rows"])),
        "attention": (1, inputs["history"].shape[1]),
        "vector": (1, 0 if vector is None else vector.shape[-1]),
    }
    return deep_answer({name: _checked("deep", outputs.get(name), shape) for name, shape in shapes.items()})


def _question(x: Vectors, item_ids: tuple[str, ...]) -> dict[str, NDArray[np.generic]]:
    return {"x": x, "item_ids": np.array([name.encode() for name in item_ids], dtype=np.object_)}


def _checked(part: str, values: NDArray[np.generic] | None, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An output of a part.

    Raises:
        PartUnavailableError: If it is missing, has another shape, or holds a number that is not finite.
    """
    if values is None or values.shape != shape or not np.isfinite(values).all():
        PART_FAILURES.labels(part, "nonsense").inc()
        raise PartUnavailableError(part, f"expected finite numbers of shape {shape}")
    return np.asarray(values)
