"""What is known about items and people before learning, as constants inside a graph."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.pairs import Pairs

_CELL_KM = 1.0
_KM_PER_DEGREE = 111.19


@dataclass(frozen=True)
class ItemTables:
    """Constants of I items, the unknown item 0 included."""

    likes: Tensor  # type, neighbourhood and cell of the map, 0 where unknown, int64, I X 3
    attributes: Tensor  # float32, I X A
    place: Tensor  # km east and north of some point, 0 where unknown, float32, I X 2
    placed: Tensor  # 1 where the place is known, float32, I
    popularity: Tensor  # logarithm of what each earned, 0 on average, float32, I
    row: Tensor  # the row itself, 0 for those that the log never showed, int64, I


@dataclass(frozen=True)
class UserTables:
    """Constants of U people, the unknown user 0 included."""

    attributes: Tensor  # float32, U X B
    place: Tensor  # km east and north of the same point, 0 where unknown, float32, U X 2
    placed: Tensor  # 1 where the place is known, float32, U
    row: Tensor  # the row itself, 0 for those that the log never showed, int64, U


def tables_of(facts: ItemFacts, pairs: Pairs) -> tuple[ItemTables, UserTables]:
    """What is known before learning; places in km from the middle of the items."""
    users, items = pairs.shape
    home = facts.home if len(facts.home) else np.full((users, 2), np.nan)
    person = facts.person if len(facts.person) else np.zeros((users, 0), dtype=np.float32)
    middle = np.zeros(2) if np.isnan(facts.place).all() else np.nanmedian(facts.place, axis=0)
    (place, placed), (lives, homed) = _plane(facts.place, middle), _plane(home, middle)
    cell = np.zeros(items, dtype=np.int64)
    _, number = np.unique(np.floor(place[placed] / _CELL_KM), axis=0, return_inverse=True)
    cell[placed] = number.ravel() + 1
    earned = np.bincount(pairs.item, weights=pairs.reward, minlength=items) + 1.0
    item_row, user_row = np.zeros(items, dtype=np.int64), np.zeros(users, dtype=np.int64)
    item_row[pairs.item], user_row[pairs.user] = pairs.item, pairs.user
    return ItemTables(
        likes=_tensor(np.column_stack([facts.kind, facts.area, cell])),
        attributes=_tensor(facts.attributes),
        place=_tensor(place),
        placed=_tensor(placed.astype(np.float32)),
        popularity=_tensor(np.log(earned / earned.mean()).astype(np.float32)),
        row=_tensor(item_row),
    ), UserTables(
        attributes=_tensor(person),
        place=_tensor(lives),
        placed=_tensor(homed.astype(np.float32)),
        row=_tensor(user_row),
    )


def _plane(place: NDArray[np.float64], middle: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Places in km east and north of the middle, 0 where unknown, and whether each is known."""
    known: NDArray[np.bool_] = ~np.isnan(place[:, 0] + place[:, 1])
    east = (place[:, 1] - middle[1]) * np.cos(np.radians(middle[0]))
    km = _KM_PER_DEGREE * np.column_stack([east, place[:, 0] - middle[0]])
    return np.where(known[:, None], km, 0.0).astype(np.float32), known


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
