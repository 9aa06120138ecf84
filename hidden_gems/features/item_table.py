"""What is fixed about each gem, as columns: the same arrays in training and at serving."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hidden_gems.features.raw import ATTRIBUTES, STATIC, Raw

SETTING_OUTDOORS = {"indoor": 0.0, "both": 0.5, "outdoor": 1.0}
_NUMBERS = (*ATTRIBUTES, "lat", "lon", "created_at")


class ItemTable:
    """Attributes of I gems by id; row 0 is a gem that nobody described.

    Args:
        columns: Columns of the `items` table of a dataset, each of size I; those missing are unknown for every gem.
            `item_id` is needed; `type`, `neighborhood` and `setting` are words or None, the others numbers or NaN.
    """

    def __init__(self, columns: dict[str, Sequence[object]]) -> None:
        self.ids = [str(name) for name in columns["item_id"]]
        self._rows = {name: row for row, name in enumerate(self.ids, start=1)}
        self.type, self.neighborhood, setting = (
            [None, *(_word(word) for word in columns.get(name, [None] * len(self.ids)))]
            for name in ("type", "neighborhood", "setting")
        )
        self._numbers: Raw = {name: _numbers(columns.get(name), len(self.ids)) for name in _NUMBERS}
        self._numbers["setting"] = np.array([SETTING_OUTDOORS.get(word or "", np.nan) for word in setting])
        self._numbers["has_type"] = np.array([float(word is not None) for word in self.type])
        self._numbers["has_neighborhood"] = np.array([float(word is not None) for word in self.neighborhood])

    def rows(self, item_ids: Sequence[str]) -> NDArray[np.int64]:
        """Row of each gem, int64, size B; 0 where it is unknown."""
        return np.fromiter((self._rows.get(name, 0) for name in item_ids), dtype=np.int64, count=len(item_ids))

    def columns(self, rows: NDArray[np.int64], order_only: bool = False) -> Raw:
        """Raw columns `STATIC` of the gems in `rows`, each float64, size B.

        Args:
            rows: Rows of this table, size B.
            order_only: Times are only an order, so nothing has an age.
        """
        found = {name: self._numbers[name.removeprefix("item_")][rows] for name in STATIC}
        if order_only:
            found["item_created_at"] = np.full(len(rows), np.nan)
        return found


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _numbers(values: Sequence[object] | None, count: int) -> NDArray[np.float64]:
    if values is None:
        return np.full(count + 1, np.nan)
    known = [np.nan if value is None else float(value) for value in values]  # type: ignore[arg-type]
    return np.array([np.nan, *known], dtype=np.float64)
