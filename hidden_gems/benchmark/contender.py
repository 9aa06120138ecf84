"""What a benchmark asks of a model that was fitted before a cut-off, and the contenders that need no fitting."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Index, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.protocol import Recommender
from hidden_gems.recommend.ranking import Funnel

Scores = NDArray[np.float32]
Progress = Callable[[str, float], None]
"""Told what is being done and which share of the whole is done, 0 to 1."""

Oracle = Callable[[list[str], list[str], NDArray[np.int64]], NDArray[np.floating]]
"""True expected reward of B (user_id, item_id, timestamp); only a simulator knows it."""


class Contender(Protocol):
    """Score everything for a person at the cut-off, or single impressions at their own moments.

    Notation: U people, I items with the unknown row 0, B impressions. Scores are finite but for column 0.
    """

    def catalogue(self, users: Rows, repeat: bool) -> Scores:
        """Scores of all items, U X I; `repeat` says whether known items are of interest."""
        ...

    def pairs(self, marks: pd.DataFrame) -> Scores:
        """Scores of B impressions: user_id, item_id, timestamp, context columns where known."""
        ...


@dataclass(frozen=True)
class AtCut:
    """A recommender asked at the cut-off."""

    model: Recommender
    users: Index
    items: Index
    cut: int

    def catalogue(self, users: Rows, repeat: bool) -> Scores:
        """See `Contender`."""
        return self.model.score_catalogue(users, Moments.at(np.full(len(users), self.cut)))

    def pairs(self, marks: pd.DataFrame) -> Scores:
        """See `Contender`."""
        user, item = self.users.rows(marks["user_id"].tolist()), self.items.rows(marks["item_id"].tolist())
        return self.model.score(user, item, Moments.of(marks))


@dataclass(frozen=True)
class RankedAtCut:
    """The funnel of candidates and ranker asked at the cut-off."""

    funnel: Funnel
    cut: int

    def catalogue(self, users: Rows, repeat: bool) -> Scores:
        """See `Contender`."""
        return self.funnel.catalogue(users, self.cut, repeat)

    def pairs(self, marks: pd.DataFrame) -> Scores:
        """See `Contender`."""
        return self.funnel.pairs(marks)


@dataclass(frozen=True)
class RandomOrder:
    """Scores that know nothing: what a figure is worth by chance."""

    items: int  # I
    seed: int

    def catalogue(self, users: Rows, repeat: bool) -> Scores:
        """See `Contender`; the same person gets the same scores."""
        scores = np.empty((len(users), self.items), dtype=np.float32)
        for row, user in enumerate(users):
            scores[row] = np.random.default_rng([self.seed, int(user)]).random(self.items, dtype=np.float32)
        scores[:, 0] = -np.inf
        return scores

    def pairs(self, marks: pd.DataFrame) -> Scores:
        """See `Contender`."""
        return np.random.default_rng([self.seed, len(marks)]).random(len(marks), dtype=np.float32)


@dataclass(frozen=True)
class TrueReward:
    """The order by the simulator's true expected reward: as good as anyone can be."""

    oracle: Oracle
    users: Index
    items: Index
    cut: int

    def catalogue(self, users: Rows, repeat: bool) -> Scores:
        """See `Contender`."""
        scores = np.full((len(users), len(self.items)), -np.inf, dtype=np.float32)
        known = list(self.items.ids[1:])
        when = np.full(len(known), self.cut, dtype=np.int64)
        for row, user in enumerate(users):
            scores[row, 1:] = self.oracle([self.users.ids[user]] * len(known), known, when)
        return scores

    def pairs(self, marks: pd.DataFrame) -> Scores:
        """See `Contender`."""
        when = marks["timestamp"].to_numpy(np.int64)
        return np.asarray(self.oracle(marks["user_id"].tolist(), marks["item_id"].tolist(), when), dtype=np.float32)
