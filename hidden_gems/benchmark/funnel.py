"""One request through the functions that serve, with the models of a release in this process."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.benchmark.loop_release import TrialRelease
from hidden_gems.features.arm_context import arm_context
from hidden_gems.recommend.answering import Found, choose, find, utilities_of, vectors
from hidden_gems.recommend.deep import DeepAnswer, deep_inputs
from hidden_gems.recommend.person import Person
from hidden_gems.recommend.request import Request
from hidden_gems.recommend.slate import Beliefs, Filled, Utilities
from hidden_gems.recommend.world import World


@dataclass(frozen=True)
class Answer:
    """One slate, and what it was drawn from: n candidates."""

    found: Found
    deep: DeepAnswer | None
    features: NDArray[np.float32]  # of the candidates, n X 60
    beliefs: Beliefs
    utilities: Utilities
    filled: Filled


def answered(
    release: TrialRelease, world: World, person: Person, request: Request, random: np.random.Generator
) -> Answer:
    """Answer a request.

    Args:
        release: Its models.
        world: What the request sees.
        person: Who asks.
        request: What is asked.
        random: Of the draw.
    """
    found = find(world, person, request)
    deep = None if release.deep is None else release.deep(deep_inputs(world, person, request, found.rows))
    features = vectors(world, person, request, found, deep)
    state = world.online or release.prior()
    mean, spread = state.belief(found.item_ids, arm_context(features))
    beliefs = Beliefs(release.ranker(features).astype(np.float64), mean, spread)
    drawn_from = utilities_of(world, person, request, found, beliefs)
    filled = choose(world, request, found, drawn_from, features, random)
    return Answer(found, deep, features, beliefs, drawn_from, filled)
