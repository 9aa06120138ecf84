"""Policies that fill slates in the simulated city: the logging policy, uniform, and the oracle."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.simulation.appeal import Rows
from hidden_gems.simulation.context import Context
from hidden_gems.simulation.parameters import PolicyParameters
from hidden_gems.simulation.truth import Truth

EMPTY = -1
"""Stands in a slate for no item, where fewer are eligible than asked for."""


@dataclass(frozen=True)
class Request:
    """B people who ask the guide.

    Notation: I gems.
    """

    users: Rows  # B
    context: Context  # B moments
    eligible: NDArray[np.bool_]  # has opened for good and is open on arrival, B X I
    popularity: NDArray[np.float64]  # positive events of each gem before today, I
    limit: int  # items in a slate


@dataclass(frozen=True)
class Slates:
    """What B people are shown.

    Notation: L = `limit` positions.
    """

    items: Rows  # rows of gems, EMPTY at the end where too few are eligible, B X L
    propensity: NDArray[np.float64]  # probability of the item at its position given those above it, B X L
    policy: str


Policy = Callable[[Request, np.random.Generator], Slates]
"""Anything that fills slates; draws only from the given source."""


@dataclass(frozen=True)
class LoggedPopularity:
    """Popularity as the log knows it, with a share of uniform exploration at every position.

    Position k of a slate is drawn without replacement from
    `(1 - uniform) * weight / sum of the weights left + uniform / number of items left`,
    where an item with n positive events weighs `(1 + n) ** power`: a softmax of `power * log(1 + n)`.
    """

    parameters: PolicyParameters

    def __call__(self, request: Request, random: np.random.Generator) -> Slates:
        """Draw slates with exact propensities."""
        weights = np.where(request.eligible, (1.0 + request.popularity) ** self.parameters.power, 0.0)
        return draw_slates(weights, request, self.parameters.uniform, "logged_popularity", random)


@dataclass(frozen=True)
class Uniform:
    """Every eligible item alike."""

    def __call__(self, request: Request, random: np.random.Generator) -> Slates:
        """Draw slates with exact propensities."""
        return draw_slates(request.eligible.astype(np.float64), request, 1.0, "uniform", random)


@dataclass(frozen=True)
class Popular:
    """What the log knows as most popular first, for everybody alike."""

    def __call__(self, request: Request, random: np.random.Generator) -> Slates:
        """Rank the eligible items by popularity; propensities are 1."""
        return _best_first(np.broadcast_to(request.popularity, request.eligible.shape), request, "popular")


@dataclass(frozen=True)
class Oracle:
    """The items with the highest true expected reward first."""

    truth: Truth

    def __call__(self, request: Request, random: np.random.Generator) -> Slates:
        """Rank the eligible items by the truth; propensities are 1."""
        every = np.broadcast_to(np.arange(request.eligible.shape[1]), request.eligible.shape)
        return _best_first(self.truth.expected_reward(request.users, every, request.context), request, "oracle")


def _best_first(score: NDArray[np.floating], request: Request, policy: str) -> Slates:
    order = np.argsort(-np.where(request.eligible, score, -np.inf), axis=1, kind="stable")[:, : request.limit]
    eligible = np.take_along_axis(request.eligible, order, axis=1)
    return Slates(np.where(eligible, order, EMPTY), eligible.astype(np.float64), policy)


def draw_slates(
    weights: NDArray[np.float64], request: Request, uniform: float, policy: str, random: np.random.Generator
) -> Slates:
    """Draw each position from the weights that are left, mixed with uniform.

    Args:
        weights: Zero where an item may not be shown, B X I.
        request: Who asks.
        uniform: Probability that a position is drawn uniformly.
        policy: Name for the log.
        random: Source of the draws.
    """
    batch = len(weights)
    rows = np.arange(batch)
    left = weights.copy()
    allowed = (weights > 0).astype(np.float64)
    items = np.full((batch, request.limit), EMPTY, dtype=np.int64)
    propensity = np.zeros((batch, request.limit))
    draws = random.random((batch, request.limit))
    for position in range(request.limit):
        total = left.sum(axis=1, keepdims=True)
        count = allowed.sum(axis=1, keepdims=True)
        mixed = (1 - uniform) * left / np.maximum(total, 1e-300) + uniform * allowed / np.maximum(count, 1.0)
        sums = np.cumsum(mixed, axis=1)
        drawn = np.minimum((sums <= draws[:, position, None] * sums[:, -1:]).sum(axis=1), weights.shape[1] - 1)
        some = count[:, 0] > 0
        items[some, position] = drawn[some]
        propensity[some, position] = mixed[rows, drawn][some]
        left[rows, drawn] = 0.0
        allowed[rows, drawn] = 0.0
    return Slates(items, propensity, policy)
