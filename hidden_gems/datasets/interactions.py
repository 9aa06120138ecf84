"""Interactions as arrays of row numbers: what a model learns from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.moments import Moments

Rows = NDArray[np.int64]


class Index:
    """Row number of every id; row 0 stands for all that are unknown.

    Examples:
        >>> index = Index(["balat-cafe", "moda-pier"])
        >>> index.rows(["moda-pier", "nowhere"]).tolist(), len(index), index.ids[1]
        ([2, 0], 3, 'balat-cafe')
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids: tuple[str, ...] = ("", *ids)
        self._rows = {name: row for row, name in enumerate(self.ids) if row}

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, ids: Sequence[str]) -> Rows:
        """Row of each id, int64, size B; 0 where it is unknown."""
        return np.fromiter((self._rows.get(name, 0) for name in ids), dtype=np.int64, count=len(ids))


@dataclass(frozen=True)
class Interactions:
    """Who did what when, oldest first.

    Notation: E interactions, U = `users`, I = `items`, both with the unknown row 0.
    """

    user: Rows  # E
    item: Rows  # E
    timestamp: NDArray[np.int64]  # epoch seconds (or an order), E
    reward: NDArray[np.float32]  # E
    users: int  # U
    items: int  # I
    order_only: bool = False  # timestamps are only an order
    context: Moments | None = None  # what is known about each moment beside its time, E

    @property
    def moments(self) -> Moments:
        """When each interaction happened, with what is known about that moment, E."""
        return Moments.at(self.timestamp) if self.context is None else self.context

    def part(self, rows: NDArray[Any] | slice) -> Self:
        """Some of the interactions; users and items stay what they are."""
        arrays = {name: getattr(self, name)[rows] for name in ("user", "item", "timestamp", "reward")}
        return replace(self, **arrays, context=None if self.context is None else self.context[rows])

    @classmethod
    def of(cls, dataset: Dataset, users: Index, items: Index) -> "Interactions":
        """Positive interactions of a dataset in the rows of `users` and `items`."""
        table = dataset.interactions[dataset.interactions["reward"] > 0]
        return cls(
            user=users.rows(table["user_id"].tolist()),
            item=items.rows(table["item_id"].tolist()),
            timestamp=table["timestamp"].to_numpy(np.int64),
            reward=table["reward"].to_numpy(np.float32),
            users=len(users),
            items=len(items),
            order_only=dataset.about.order_only,
            context=Moments.of(table),
        )
