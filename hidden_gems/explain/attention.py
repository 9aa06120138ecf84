"""Which places of a person's path SASRec looks at, and whether the score of a gem hangs on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hidden_gems.recommend.deep import Tensors
from hidden_gems.recommend.live import LiveItems

MOST = 3
_LEAST_LOSS = 1e-6


@dataclass(frozen=True)
class Looked:
    """A place of the path that gets at least the attention that each event would get if all got the same."""

    row: int  # of the catalogue
    weight: float  # share of the attention, over all its visits


def looked_at(inputs: Tensors, attention: NDArray[np.float32]) -> list[Looked]:
    """The places of a path that carry weight, the most first and three at most.

    Args:
        inputs: As `recommend.deep.deep_inputs` makes them: `history` 1 X L, 0 is padding.
        attention: SASRec's over the history, L; zeros where there is no SASRec.
    """
    history = inputs["history"][0]
    rows = np.unique(history[history > 0])
    even = 1.0 / max(int((history > 0).sum()), 1)
    found = [Looked(int(row), float(attention[history == row].sum())) for row in rows]
    heavy = [each for each in found if each.weight >= even]
    return sorted(heavy, key=lambda each: (-each.weight, each.row))[:MOST]


def without(inputs: Tensors, row: int) -> dict[str, NDArray[Any]]:
    """The same question about a person who never went to a place."""
    kept = inputs["history"][0] != row
    history, ages = inputs["history"][:, kept], inputs["ages"][:, kept]
    if not history.shape[1]:  # nothing is left: one place of padding, as for who did nothing
        history, ages = np.zeros((1, 1), history.dtype), np.zeros((1, 1), ages.dtype)
    return {**inputs, "history": history, "ages": ages}


def attention(
    looked: Sequence[Looked], lost: NDArray[np.floating], place: int, items: LiveItems
) -> list[Mapping[str, Any]]:
    """What of the path speaks for a gem: the places without which its score would be lower.

    Args:
        looked: a places.
        lost: What the score of each of k gems loses where a place was never visited, a X k.
        place: Number of the gem.
        items: The catalogue.
    """
    return [
        {
            "item_id": items.index.ids[each.row],
            "name": items.item(each.row).get("name"),
            "weight": round(each.weight, 4),
        }
        for each, loss in zip(looked, lost, strict=True)
        if loss[place] > _LEAST_LOSS
    ]
