"""What each person did before a request as rows of a sparse table: how often, how well liked, faded by age."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.histories import Histories


@dataclass(frozen=True)
class Fade:
    """What is left of an interaction by its age and by how many of the same person came after it.

    Both are measured back from the person's last interaction before the request, which keeps its full weight.
    """

    half_life_days: float | None = None  # None: age does not matter, as where times are only an order
    half_life_steps: float | None = None  # interactions; None: their number does not matter

    def weights(self, seconds: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weight of each interaction, 0 to 1."""
        halvings = np.zeros(len(steps))
        if self.half_life_days is not None:
            halvings += seconds / (self.half_life_days * DAY_SECONDS)
        if self.half_life_steps is not None:
            halvings += steps / self.half_life_steps
        weights: NDArray[np.float64] = 0.5**halvings
        return weights


@dataclass(frozen=True)
class Past:
    """Everyone's interactions, asked for what came strictly before a moment.

    Notation: B requests, I items.
    """

    histories: Histories
    items: int  # I

    @classmethod
    def of(cls, log: Interactions) -> Self:
        """Remember a log; what happened to the unknown rows 0 is left out."""
        return cls(Histories.of(log), log.items)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything, to save it."""
        past = self.histories
        about = {"past_order_only": np.array(past.order_only), "past_items": np.array(self.items)}
        return {f"past_{name}": array for name, array in past.arrays.items()} | about

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `arrays` gave."""
        found = {name.removeprefix("past_"): array for name, array in arrays.items() if name.startswith("past_")}
        return cls(Histories.from_arrays(found, order_only=bool(found["order_only"])), int(found["items"]))

    def total(self, user: Rows, when: Moments, fade: Fade) -> csr_matrix:
        """Sum of the faded rewards of each item, B X I."""
        row, item, weight, reward = self._visits(user, self.histories.ends(user, when), fade)
        return csr_matrix((weight * reward, (row, item)), shape=(len(user), self.items))

    def best(self, user: Rows, when: Moments, fade: Fade) -> csr_matrix:
        """Best reward of each item, faded by the last time: repeats count once, B X I."""
        row, item, weight, reward = self._visits(user, self.histories.ends(user, when), fade)
        keys = row * self.items + item
        order = np.argsort(keys, kind="stable")  # oldest first within equal keys
        pair, start, count = np.unique(keys[order], return_index=True, return_counts=True)
        if not len(pair):
            return csr_matrix((len(user), self.items))
        best = np.maximum.reduceat(reward[order], start) * weight[order][start + count - 1]
        return csr_matrix((best, np.divmod(pair, self.items)), shape=(len(user), self.items))

    def asked(self, user: Rows, when: Moments) -> tuple[Rows, Rows, Moments]:
        """Requests that differ in what came before: person and moment of each, A, and which one each request is, B."""
        keys = user * (len(self.histories.item) + 1) + self.histories.ends(user, when)
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        return user[first], which, when[first]

    def visits(self, user: Rows, when: Moments) -> tuple[Rows, Rows, Rows]:
        """Every interaction before the requests, each request's oldest first.

        Returns:
            Number of the request, how many of the same person came after it, and its place in `histories`.
        """
        return self._before(user, self.histories.ends(user, when))

    def _before(self, user: Rows, end: Rows) -> tuple[Rows, Rows, Rows]:
        count = end - self.histories.starts[user]
        row = np.repeat(np.arange(len(user)), count)
        steps = np.repeat(np.cumsum(count), count) - np.arange(len(row)) - 1
        return row, steps, end[row] - 1 - steps

    def _visits(self, user: Rows, end: Rows, fade: Fade) -> tuple[Rows, Rows, NDArray[np.float64], NDArray[np.float64]]:
        """Request, item, fading and reward of every interaction before the requests, each request's oldest first."""
        past = self.histories
        row, steps, place = self._before(user, end)
        newest = past.timestamp[np.maximum(end - 1, 0)] if len(past.item) else end
        seconds = newest[row] - past.timestamp[place]
        return row, past.item[place], fade.weights(seconds, steps), past.reward[place].astype(np.float64)


def picked(table: csr_matrix, row: Rows, column: Rows) -> NDArray[np.float64]:
    """Values of single cells of a sparse table, size B."""
    if not len(row):
        return np.zeros(0)
    return np.asarray(table[row, column], dtype=np.float64).ravel()
