"""One request through the functions that serve, with the models of a release in this process."""

from dataclasses import dataclass, field, replace

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
    filled: Filled = field(default_factory=lambda: Filled((), ()))


def weighed(release: TrialRelease, world: World, person: Person, request: Request, must: int = 0) -> Answer:
    """Candidates of a request with what a draw is made of; nothing is drawn yet.

    Args:
        release: Its models.
        world: What the request sees.
        person: Who asks.
        request: What is asked.
        must: Row of a gem that is among the candidates in any case, 0 for none.
    """
    found = find(world, person, request, must)
    deep = None if release.deep is None else release.deep(deep_inputs(world, person, request, found.rows))
    features = vectors(world, person, request, found, deep)
    state = world.online or release.prior()
    mean, spread = state.belief(found.item_ids, arm_context(features))
    beliefs = Beliefs(release.ranker(features).astype(np.float64), mean, spread)
    return Answer(found, deep, features, beliefs, utilities_of(world, person, request, found, beliefs))


def answered(
    release: TrialRelease, world: World, person: Person, request: Request, random: np.random.Generator
) -> Answer:
    """The same with a slate; `random` is of the draw."""
    answer = weighed(release, world, person, request)
    filled = choose(world, request, answer.found, answer.utilities, answer.features, random)
    return replace(answer, filled=filled)
