"""Negative sampling: what a person was not seen with, by chance, by popularity, or from the model's own top."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Rows
from hidden_gems.models.pairs import Pairs

NO_NEGATIVE = 0
"""Row where a person has no negative at all because they met every item."""
_REDRAWS = 4


@dataclass(frozen=True)
class NegativesConfig:
    """How many negatives, and from where; what is neither popular nor hard is uniform."""

    per_positive: int = 4
    popular_share: float = 0.0  # drawn by popularity to the power of `smoothing`
    hard_share: float = 0.0  # drawn from the model's own best items for the person
    smoothing: float = 0.75
    hard_depth: int = 100  # best items of a person that count as hard


class Negatives:
    """Draw items that a person has not met.

    Notation: B people of a batch, N = `per_positive`, U people, I items.

    Args:
        pairs: The known positives.
        config: How many, and from where.
    """

    def __init__(self, pairs: Pairs, config: NegativesConfig) -> None:
        self.config, self.items = config, pairs.shape[1]
        self.positives = pairs.keys
        met = np.bincount(pairs.item, minlength=self.items).astype(np.float64)
        weight = np.where(met > 0, met**config.smoothing, 0.0)
        self._upto = np.cumsum(weight)
        self.hard: Rows | None = None
        """Hard items of each person, size U X `hard_depth`; rows below 1 are empty places."""

    def draw(self, user: Rows, random: np.random.Generator) -> Rows:
        """Negatives of each person, int64, size B X N; `NO_NEGATIVE` for a person who met every item."""
        size = (len(user), self.config.per_positive)
        person = np.repeat(user, size[1])
        drawn = self._propose(person, random)
        for _ in range(_REDRAWS):
            bad = self._known(person, drawn)
            if not bad.any():
                return drawn.reshape(size)
            drawn[bad] = random.integers(1, self.items, size=int(bad.sum()))
        for place in np.flatnonzero(self._known(person, drawn)):
            drawn[place] = self._search(int(person[place]), random)
        return drawn.reshape(size)

    def _propose(self, person: Rows, random: np.random.Generator) -> Rows:
        source = random.random(len(person))
        drawn = random.integers(1, self.items, size=len(person))
        popular = source < self.config.popular_share
        if popular.any() and self._upto[-1] > 0:
            at = random.random(int(popular.sum())) * self._upto[-1]
            drawn[popular] = np.searchsorted(self._upto, at, side="right")
        hard = source >= 1.0 - self.config.hard_share
        if self.hard is not None and hard.any():
            choice = self.hard[person[hard], random.integers(self.hard.shape[1], size=int(hard.sum()))]
            drawn[hard] = np.where(choice > 0, choice, drawn[hard])
        return drawn

    def _known(self, person: Rows, item: Rows) -> NDArray[np.bool_]:
        keys = person * self.items + item
        at = np.searchsorted(self.positives, keys).clip(max=len(self.positives) - 1)
        known: NDArray[np.bool_] = self.positives[at] == keys
        return known

    def _search(self, person: int, random: np.random.Generator) -> int:
        start, stop = np.searchsorted(self.positives, [person * self.items, (person + 1) * self.items])
        free = np.setdiff1d(np.arange(1, self.items), self.positives[start:stop] - person * self.items)
        return int(random.choice(free)) if len(free) else NO_NEGATIVE
