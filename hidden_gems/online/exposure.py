"""How often every gem was shown lately: what floors and ceilings over many slates are judged by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.online.index import GrowingIndex, grown

Floats = NDArray[np.float64]

HALF_LIFE_SLATES = 1_000.0


@dataclass
class Exposure:
    """Slates and the impressions of every gem in them, older ones worth less.

    Each slate takes the same share from everything counted before it, so that a count over `slates` is the share of
    lately answered requests that showed a gem, at ten slates an hour as at ten thousand. A gem whose count never
    exceeds a share of `slates` has not exceeded that share of all slates since the beginning either.

    Args:
        half_life: Slates after which one counts half.

    Examples:
        >>> shown = Exposure(half_life=2.0)
        >>> shown.learn_many([("moda-pier", "balat-cafe"), ("moda-pier",), ("moda-pier",)])
        >>> shown.of(["moda-pier", "balat-cafe", "nowhere"]).round(2).tolist(), round(shown.slates, 2)
        ([2.21, 0.5, 0.0], 2.21)
    """

    half_life: float = HALF_LIFE_SLATES
    slates: float = 0.0
    index: GrowingIndex = field(default_factory=GrowingIndex, init=False, repr=False)
    _shown: Floats = field(default_factory=lambda: np.zeros(1), init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.half_life > 0:
            raise ValueError("the half-life of exposures must be above 0 slates")

    def learn_many(self, slates: Sequence[Sequence[str]]) -> None:
        """Count slates, oldest first, each by its gems; the same as one after another."""
        if not slates:
            return
        keep = 0.5 ** (1.0 / self.half_life)
        worth = keep ** np.arange(len(slates) - 1, -1, -1.0)
        rows = self.index.grow([item for slate in slates for item in slate])
        self._shown = grown(self._shown, len(self.index))
        self._shown *= keep ** len(slates)
        np.add.at(self._shown, rows, np.repeat(worth, [len(slate) for slate in slates]))
        self._shown[0] = 0.0  # who cannot be told apart has no count
        self.slates = self.slates * keep ** len(slates) + float(worth.sum())

    def of(self, item_ids: Sequence[str]) -> Floats:
        """Impressions of each gem, size B."""
        return np.asarray(self._shown[self.index.rows(item_ids)])

    def arrays(self) -> dict[str, Floats]:
        """Counts by row of `index`; `restore` takes them back."""
        return {"shown": self._shown[: len(self.index)].copy()}

    def restore(self, item_ids: Sequence[str], arrays: Mapping[str, Floats]) -> Self:
        """Go back to what `arrays` gave for these ids.

        Raises:
            ValueError: If sizes or numbers cannot be those of exposures.
        """
        index, shown = GrowingIndex(item_ids), np.asarray(arrays["shown"], dtype=np.float64)
        if shown.shape != (len(index),) or not (np.isfinite(shown).all() and (shown >= 0).all()):
            raise ValueError(f"exposures of {len(index)} rows cannot be a table of {shown.shape}, or one is no count")
        self.index, self._shown = index, shown
        return self
