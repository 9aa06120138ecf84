"""Row numbers that grow as items appear."""

from collections.abc import Iterable, Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
MAX_ITEMS = 200_000
"""Items that an online learner keeps at most, so that its state stays bounded."""


class GrowingIndex:
    """Row number of every id, in the order they came; row 0 stands for all that are unknown.

    Args:
        ids: Ids of rows 1, 2, …
        limit: Ids kept at most; those that come later stay unknown.

    Examples:
        >>> index = GrowingIndex(["moda-pier"], limit=2)
        >>> index.grow(["balat-cafe", "moda-pier", "too-late"]).tolist(), len(index)
        ([2, 1, 0], 3)
        >>> index.rows(["balat-cafe", "nowhere"]).tolist()
        [2, 0]
    """

    def __init__(self, ids: Iterable[str] = (), limit: int = MAX_ITEMS) -> None:
        self._rows: dict[str, int] = {}
        self.limit = limit
        self.grow(ids)

    def __len__(self) -> int:
        return len(self._rows) + 1

    @property
    def ids(self) -> list[str]:
        """Ids in the order of their rows, from row 1."""
        return list(self._rows)

    def rows(self, ids: Sequence[str]) -> Rows:
        """Row of each id, int64, size B; 0 where it is unknown."""
        return np.fromiter(map(self._rows.get, ids, repeat(0)), dtype=np.int64, count=len(ids))

    def grow(self, ids: Iterable[str]) -> Rows:
        """Row of each id, int64, size B, new ids included; 0 beyond the limit and for the empty id."""
        return np.array([self._row(name) for name in ids], dtype=np.int64)

    def _row(self, name: str) -> int:
        if name and name not in self._rows and len(self._rows) < self.limit:
            self._rows[name] = len(self._rows) + 1
        return self._rows.get(name, 0)


def grown(table: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """The table with room for `rows` rows, doubled where it is too short, new rows 0."""
    if len(table) >= rows:
        return table
    larger = np.zeros((max(rows, 2 * len(table)), *table.shape[1:]), dtype=table.dtype)
    larger[: len(table)] = table
    return larger
