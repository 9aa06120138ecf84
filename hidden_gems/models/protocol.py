"""What every recommender can do, whatever it is made of."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.held_out import HeldOut, hold_out
from hidden_gems.models.pairs import Pairs
from hidden_gems.models.top_k import top_k


class Recommender(ABC):
    """Fit on a log, score pairs or the whole catalogue, save and load.

    Notation: B pairs, U people, I items of the log it was fitted on, the unknown item 0 included. Higher is better;
    scores of two models are not comparable. Rows that the log never showed are as unknown as row 0.

    A model that has something to choose (how long to learn, how strongly to shrink) chooses it by what was held out
    (`choose`) and then learns from everything with that choice (`refit`); `fit` does both.
    """

    chooses: ClassVar[bool] = True
    """Whether there is anything to choose; if not, `fit` does not hold anything out."""

    def fit(self, log: Interactions) -> Self:
        """Learn from a log, from scratch: choose by what comes last in it, then learn from all of it."""
        self.forget_choice()
        early, held_out = hold_out(log) if self.chooses else (log, None)
        if held_out is not None:
            self.choose(early, held_out)
        return self.refit(log)

    def choose(self, early: Interactions, held_out: HeldOut) -> Self:
        """Learn from what came before and keep the choice that predicts what was held out best."""
        return self.refit(early)

    @abstractmethod
    def refit(self, log: Interactions) -> Self:
        """Learn from a log, from scratch, with the choice that was made, or the defaults."""

    def forget_choice(self) -> None:  # noqa: B027 - most models have nothing to forget
        """Go back to the defaults."""

    @abstractmethod
    def score(self, user: Rows, item: Rows, when: Moments) -> NDArray[np.float32]:
        """Score of each pair, always finite, row 0 included.

        Args:
            user: Row of each person, size B.
            item: Row of each item, size B.
            when: Moment of each request, size B.

        Returns:
            Scores, float32, size B.
        """

    @abstractmethod
    def score_catalogue(self, user: Rows, when: Moments) -> NDArray[np.float32]:
        """Score of every item for each person: what `score` gives, but -inf in column 0.

        Args:
            user: Row of each person, size U.
            when: Moment of each request, size U.

        Returns:
            Scores, float32, size U X I.
        """

    def recommend(self, user: Rows, when: Moments, k: int, known: Interactions | None = None) -> Rows:
        """Rows of the k best items of each person, best first, int64, size U X k; see `top_k`.

        Args:
            user: Row of each person, size U.
            when: Moment of each request, size U.
            k: Items each.
            known: What is in it is not recommended again to the same person.
        """
        pairs = None if known is None else Pairs.of(known)
        exclude = None if pairs is None else pairs.table(np.ones(len(pairs.user)))[user]
        return top_k(self.score_catalogue(user, when), k, exclude=exclude)[0]

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write everything that `load` needs into `folder`, which is made if it is not there."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; scores are equal to the last bit."""
