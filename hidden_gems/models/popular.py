"""The most popular items, the same for everyone: the first thing every model has to beat."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.protocol import Recommender

_FILE = "popular.npz"


@dataclass
class Popular(Recommender):
    """Score an item by the rewards it has earned.

    Args:
        half_life_days: Age at which a reward counts half, measured back from the last interaction of the log; None
            counts all alike. A day is 86,400 steps where times are only an order.

    Examples:
        >>> rows = np.array([1, 2, 2])
        >>> log = Interactions(rows, rows, rows, np.ones(3, dtype=np.float32), users=3, items=4)
        >>> Popular().fit(log).score_catalogue(np.array([0]), Moments.at(np.array([9]))).tolist()
        [[-inf, 1.0, 2.0, 0.0]]
    """

    chooses: ClassVar[bool] = False
    half_life_days: float | None = None
    counts: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    """Rewards of each item, size I."""

    def refit(self, log: Interactions) -> Self:
        """Add up the rewards of every item."""
        weight = log.reward.astype(np.float64)
        if self.half_life_days is not None and len(log.timestamp):
            age = (log.timestamp.max() - log.timestamp) / (self.half_life_days * DAY_SECONDS)
            weight = weight * 0.5**age
        self.counts = np.bincount(log.item, weights=weight, minlength=log.items).astype(np.float32)
        return self

    def score(self, user: Rows, item: Rows, when: Moments) -> NDArray[np.float32]:
        """Rewards that each item earned, float32, size B."""
        return self.counts[item]

    def score_catalogue(self, user: Rows, when: Moments) -> NDArray[np.float32]:
        """Rewards that every item earned, float32, size U X I; column 0 is -inf."""
        scores = np.tile(self.counts, (len(user), 1))
        scores[:, 0] = -np.inf
        return scores

    def save(self, folder: Path) -> None:
        """Write the counts into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        half_life = np.nan if self.half_life_days is None else self.half_life_days
        np.savez(folder / _FILE, counts=self.counts, half_life_days=half_life)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(folder / _FILE) as file:
            half_life = float(file["half_life_days"])
            model = cls(half_life_days=None if np.isnan(half_life) else half_life)
            model.counts = file["counts"]
        return model
