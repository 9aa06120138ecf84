"""Each person and item that met, once."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments


@dataclass(frozen=True)
class Pairs:
    """What is left of a log when repeats are folded: P pairs, sorted by person, then item."""

    user: Rows  # P
    item: Rows  # P
    reward: NDArray[np.float32]  # the best one, P
    last: NDArray[np.int64]  # moment of the last meeting, P
    shape: tuple[int, int]  # people and items of the log

    @classmethod
    def of(cls, log: Interactions) -> Self:
        """Fold a log; what happened to the unknown rows 0 is left out."""
        known = (log.user > 0) & (log.item > 0)
        keys, pair = np.unique(log.user[known] * log.items + log.item[known], return_inverse=True)
        user, item = np.divmod(keys, log.items)
        reward = np.zeros(len(keys), dtype=np.float32)
        np.maximum.at(reward, pair, log.reward[known])
        last = np.full(len(keys), np.iinfo(np.int64).min)
        np.maximum.at(last, pair, log.timestamp[known])
        return cls(user, item, reward, last, (log.users, log.items))

    @property
    def keys(self) -> Rows:
        """Each pair as user X items + item, ascending, int64, size P."""
        return self.user * self.shape[1] + self.item

    def table(self, values: NDArray[np.floating]) -> csr_matrix:
        """Values of the pairs as a sparse table, size U X I."""
        return csr_matrix((values, (self.user, self.item)), shape=self.shape)


def last_moments(log: Interactions, pairs: Pairs) -> Moments:
    """Moment of the last meeting of each pair with what is known about it, P."""
    keys = log.user * log.items + log.item
    order = np.argsort(keys, kind="stable")  # the log is sorted by time, so the last of equal keys is the latest
    at = order[np.searchsorted(keys[order], pairs.keys, side="right") - 1]
    return log.moments[at]
