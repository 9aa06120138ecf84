"""What each person did, in order: the sequences that sequence models read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments

_ARRAYS = ("starts", "item", "timestamp", "reward")
_BITS = 34  # timestamps lie below 2 ** 34


@runtime_checkable
class Remembers(Protocol):
    """A model that reads histories, and may read them from another log than it learned from."""

    def remember(self, log: Interactions) -> Self:
        """Read histories from this log from now on, without learning from it."""
        ...


@dataclass(frozen=True)
class Histories:
    """Interactions by person, oldest first; the unknown person 0 has none.

    Notation: E interactions, U people, B requests, L places.
    """

    starts: Rows  # first interaction of each person; the last entry is E, U + 1
    item: Rows  # E
    timestamp: NDArray[np.int64]  # E
    reward: NDArray[np.float32]  # E
    order_only: bool = False  # timestamps are only an order

    @classmethod
    def of(cls, log: Interactions) -> Self:
        """Sort a log by person; what happened to the unknown rows 0 is left out."""
        known = np.flatnonzero((log.user > 0) & (log.item > 0))
        order = known[np.argsort(log.user[known], kind="stable")]
        starts = np.concatenate([[0], np.cumsum(np.bincount(log.user[order], minlength=log.users))])
        return cls(starts.astype(np.int64), log.item[order], log.timestamp[order], log.reward[order], log.order_only)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], *, order_only: bool) -> Self:
        """Take back what `arrays` gave; other names are passed over."""
        starts, item, timestamp, reward = (arrays[name] for name in _ARRAYS)
        return cls(starts, item, timestamp, reward, order_only)

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of it but whether times are an order, by name, for a file."""
        return {name: getattr(self, name) for name in _ARRAYS}

    @property
    def users(self) -> int:
        """People, the unknown one included."""
        return len(self.starts) - 1

    def ends(self, user: Rows, when: Moments) -> Rows:
        """Place behind the last interaction strictly before each request, size B."""
        owner = np.repeat(np.arange(self.users), np.diff(self.starts))
        keys = (owner << _BITS) + self.timestamp
        return np.searchsorted(keys, (user << _BITS) + np.clip(when.timestamp, 0, (1 << _BITS) - 1), side="left")

    def last(self, user: Rows, when: Moments, length: int) -> tuple[Rows, NDArray[np.float32]]:
        """The last interactions of each person strictly before each request, oldest first, padded on the left.

        Args:
            user: Row of each person, size B.
            when: Moment of each request, size B.
            length: Places, L.

        Returns:
            Item rows, int64, 0 where padded, size B X L; and how long ago each was in seconds, float32, 0 where
            padded, size B X L. Where times are only an order, the last interaction is 1 ago, the one before 2.
        """
        end = self.ends(user, when)
        place = end[:, None] - np.arange(length, 0, -1)  # B X L
        there = place >= self.starts[user][:, None]
        place = np.where(there, place, 0)
        if not len(self.item):
            return np.zeros(place.shape, dtype=np.int64), np.zeros(place.shape, dtype=np.float32)
        ago = when.timestamp[:, None] - self.timestamp[place]
        if self.order_only:
            ago = np.broadcast_to(np.arange(length, 0, -1), place.shape)
        return np.where(there, self.item[place], 0), np.where(there, ago, 0).astype(np.float32)
