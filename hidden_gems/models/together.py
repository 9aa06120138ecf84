"""How many people liked two items: what a pair must rest on before anybody is told of it."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from hidden_gems.datasets.interactions import Interactions, Rows

_CHUNK = 1024


def liked_together(log: Interactions, neighbours: Rows) -> NDArray[np.int32]:
    """People who liked an item and each of its neighbours.

    Args:
        log: Positive interactions.
        neighbours: Of each item, 0 where short, I X N.

    Returns:
        Size I X N; 0 where short.
    """
    ones = np.ones(len(log.user), dtype=np.int32)
    liked = csr_matrix((ones, (log.user, log.item)), shape=(log.users, log.items))
    liked.data[:] = 1
    found = np.zeros(neighbours.shape, dtype=np.int32)
    for start in range(0, log.items, _CHUNK):
        rows = neighbours[start : start + _CHUNK]
        counts = (liked[:, start : start + _CHUNK].T @ liked).toarray()
        found[start : start + _CHUNK] = np.where(rows > 0, np.take_along_axis(counts, rows, axis=1), 0)
    return found
