"""What every recommender can do, whatever it is made of."""

from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Interactions, Rows


class Recommender(Protocol):
    """Fit on a log, score pairs or the whole catalogue, save and load.

    Notation: B pairs, U people, I items of the log it was fitted on, the unknown item 0 included. Higher is better;
    scores of two models are not comparable. Rows that the log never showed are as unknown as row 0.
    """

    def fit(self, log: Interactions) -> Self:
        """Learn from a log, from scratch."""
        ...

    def score(self, user: Rows, item: Rows, when: NDArray[np.int64]) -> NDArray[np.float32]:
        """Score of each pair, always finite, row 0 included.

        Args:
            user: Row of each person, size B.
            item: Row of each item, size B.
            when: Moment of each request in epoch seconds (or an order), size B.

        Returns:
            Scores, float32, size B.
        """
        ...

    def score_catalogue(self, user: Rows, when: NDArray[np.int64]) -> NDArray[np.float32]:
        """Score of every item for each person: what `score` gives, but -inf in column 0.

        Args:
            user: Row of each person, size U.
            when: Moment of each request in epoch seconds (or an order), size U.

        Returns:
            Scores, float32, size U X I.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write everything that `load` needs into `folder`, which is made if it is not there."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; scores are equal to the last bit."""
        ...
