"""How much there is to learn from: what the `auto` presets go by."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from hidden_gems.datasets.interactions import Interactions

Preset = Literal["plan", "auto"]
"""`plan`: the sizes of the plan; `auto`: sizes that fit the data."""


@dataclass(frozen=True)
class DataSize:
    """Counts of a log; people and items are those that the log shows."""

    people: int
    items: int
    interactions: int
    catalogue: int  # rows of the item table, the unknown one included
    history: int  # interactions of nine people in ten are not more, at least 1

    @classmethod
    def of(cls, log: Interactions) -> Self:
        """Count a log."""
        counts = np.bincount(log.user, minlength=log.users)
        counts = counts[counts > 0]
        return cls(
            people=len(counts),
            items=len(np.unique(log.item)),
            interactions=len(log.user),
            catalogue=log.items,
            history=int(np.quantile(counts, 0.9)) if len(counts) else 1,
        )
