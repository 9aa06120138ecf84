"""The k best items of a table of scores, with ties that fall the same way everywhere."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Rows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

NO_ITEM = -1
"""Row that fills a list which ran out of items."""


def top_k(scores: NDArray[np.float32], k: int, exclude: "csr_matrix | None" = None) -> tuple[Rows, NDArray[np.float32]]:
    """The k best items of each person, best first; of equal scores the lower row number comes first.

    Args:
        scores: Score of every item, float32, size U X I; -inf and NaN are never returned.
        k: Length of each list, at least 1.
        exclude: Stored entries are pairs to leave out, for example what each person has seen, size U X I.

    Returns:
        Item rows, int64, and their scores, float32, both size U X k. A list with fewer than k items ends with
        `NO_ITEM` (-1) and -inf.

    Raises:
        ValueError: If k is below 1, or `exclude` has another shape than `scores`.

    Examples:
        >>> rows, _ = top_k(np.array([[-np.inf, 0.5, 0.9, 0.5]], dtype=np.float32), k=4)
        >>> rows.tolist()
        [[2, 1, 3, -1]]
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    ranked = np.where(np.isnan(scores), np.float32(-np.inf), scores)
    if exclude is not None:
        if exclude.shape != scores.shape:
            raise ValueError(f"exclude must have the shape of scores, {scores.shape}, got {exclude.shape}")
        ranked[np.repeat(np.arange(len(ranked)), np.diff(exclude.indptr)), exclude.indices] = -np.inf
    width = min(k, ranked.shape[1])
    order = best_columns(ranked, width)
    best = np.take_along_axis(ranked, order, axis=1)
    rows = np.full((len(ranked), k), NO_ITEM, dtype=np.int64)
    values = np.full((len(ranked), k), -np.inf, dtype=np.float32)
    rows[:, :width] = np.where(best > -np.inf, order, NO_ITEM)
    values[:, :width] = best
    return rows, values


def best_columns(ranked: NDArray[np.floating], width: int) -> Rows:
    """Columns of the best values of each row, best first; of equal values the lower column comes first.

    Only those are sorted, since sorting whole rows of a large catalogue takes seconds.

    Args:
        ranked: Values without NaN, size R X C.
        width: Columns to find, W, at most C.

    Returns:
        Columns, int64, size R X W.
    """
    rows, columns = ranked.shape
    if not rows or not width:
        return np.zeros((rows, width), dtype=np.int64)
    last = np.partition(ranked, columns - width, axis=1)[:, columns - width, None]
    above = ranked > last
    row, column = np.nonzero(ranked == last)
    place = np.arange(len(row)) - np.searchsorted(row, row)  # of equal values the first ones fill what is left
    kept = place < (width - above.sum(axis=1))[row]
    above[row[kept], column[kept]] = True
    chosen = np.nonzero(above)[1].reshape(rows, width)
    order = np.argsort(-np.take_along_axis(ranked, chosen, axis=1), axis=1, kind="stable")
    return np.take_along_axis(chosen, order, axis=1)
