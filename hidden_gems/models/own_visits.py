"""What a person did with an item before, fading: the part of a score that sends people back to their own places."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from hidden_gems.datasets.interactions import Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.histories import Histories

MEMORY = 200
"""Last interactions of a person that count: what a row of the feature store knows in its order."""
_REQUEST_CHUNK = 4_096


@dataclass(frozen=True)
class OwnVisits:
    """Own interactions with an item strictly before a moment; the last one counts 1.

    Recency is counted in the person's interactions, so that an order of events is enough: the k-th but last of them
    counts 0.5 ** (k / half_life).
    """

    histories: Histories
    items: int  # I
    half_life: float = 64.0  # interactions of the person

    def table(self, user: Rows, when: Moments) -> csr_matrix:
        """Faded count of each item for each request, float32, size B X I."""
        ends = self.histories.ends(user, when)
        starts = np.maximum(self.histories.starts[user], ends - MEMORY)
        sizes = ends - starts
        request = np.repeat(np.arange(len(user)), sizes)
        upto = np.concatenate([[0], np.cumsum(sizes)])
        place = np.arange(upto[-1]) - upto[request] + starts[request]
        weight = 0.5 ** ((ends[request] - 1 - place) / self.half_life)
        columns = self.histories.item[place]
        return csr_matrix((weight.astype(np.float32), (request, columns)), shape=(len(user), self.items))

    def pairs(self, user: Rows, item: Rows, when: Moments) -> NDArray[np.float32]:
        """Faded count of each pair, float32, size B."""
        counts = np.zeros(len(user), dtype=np.float32)
        for start in range(0, len(user), _REQUEST_CHUNK):
            part = slice(start, start + _REQUEST_CHUNK)
            table = self.table(user[part], when[part])
            counts[part] = np.asarray(table[np.arange(table.shape[0]), item[part]]).ravel()
        return counts
