"""Matrix factorisation of who met what, solved one side after the other: implicit ALS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.collaborative import Collaborative, Scores
from hidden_gems.models.held_out import HeldOut
from hidden_gems.models.pairs import Pairs

UNOBSERVED = (0.01, 0.03, 0.3, 1.0)
REGULARISATIONS = (0.001, 0.01, 0.03, 0.1)
WIDTHS = (16, 64, 128)
_SEARCH_EPOCHS, _SEARCH_EVENTS = 8, 100_000
_WORK = 3e10  # multiplications to solve both sides once; wider vectors are not tried
_CELLS = 4_000_000


@dataclass
class ALS(Collaborative):
    """Score = person vector . item vector, which minimise a squared error over everything met and not met.

    Loss: sum over met (reward x (1 - score)^2) + `unobserved` x sum over all (score^2) + `regularisation` x sum over
    people and items of (frequency^1 x |vector|^2), where the frequency of a person is what they met plus `unobserved`
    x all items, that of an item the same with people.

    Args:
        width: Width of the vectors, D.
        unobserved: Weight of what was not met.
        regularisation: See the loss.
        epochs: Rounds of solving both sides.
        seed: Of the first vectors.

    Source:
        Hu, Koren and Volinsky (2008), Collaborative Filtering for Implicit Feedback Datasets, as Rendle et al. (2022),
        Revisiting the Performance of iALS on Item Recommendation Benchmarks, set it (frequency-scaled regularisation).
    """

    width: int = 32
    unobserved: float = 0.1
    regularisation: float = 0.003
    epochs: int = 16
    seed: int = 0
    person: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    """Vector of each person, zeros for the unknown, size U X D."""
    item: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    """Vector of each item, zeros for the unknown, size I X D."""

    def choose_how(self, early: Interactions, held_out: HeldOut) -> None:
        """Choose what was not met and the regularisation with narrow vectors, then the width, on a sample of people."""
        widths = [width for width in WIDTHS if (early.users + early.items) * width**3 <= _WORK]
        early = _sample(early, held_out.user, self.seed)
        epochs, self.epochs = self.epochs, min(self.epochs, _SEARCH_EPOCHS)

        def relearned() -> float:
            self.learn(early)
            return self.new_value(held_out)

        grid = {"regularisation": REGULARISATIONS, "unobserved": UNOBSERVED}
        self.climb(grid, relearned)
        self.climb({"width": widths}, relearned)
        self.epochs = epochs

    def learn(self, log: Interactions) -> None:
        """Solve for people, then for items, and again."""
        pairs = Pairs.of(log)
        met = pairs.table(pairs.reward).astype(np.float32)
        met_by = met.T.tocsr()
        random = np.random.default_rng(self.seed)
        self.item = random.normal(0.0, 0.1 / np.sqrt(self.width), (log.items, self.width)).astype(np.float32)
        self.item[np.diff(met_by.indptr) == 0] = 0.0
        for _ in range(self.epochs):
            self.person = self._solved(met, self.item)
            self.item = self._solved(met_by, self.person)
        self.person = self._solved(met, self.item)

    def base(self, user: Rows, when: Moments) -> Scores:
        """Product of each person's vector and every item's, float32, size U X I."""
        return self.person[user] @ self.item.T

    def base_pairs(self, user: Rows, item: Rows, when: Moments) -> Scores:
        """Product of the vectors of each pair, float32, size B."""
        scores: Scores = np.einsum("bd,bd->b", self.person[user], self.item[item])
        return scores

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The vectors, and what `Collaborative` needs."""
        return {**super().arrays(), "person": self.person, "item": self.item}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `arrays` gave."""
        super().restore(arrays)
        self.person, self.item = arrays["person"], arrays["item"]

    def _solved(self, met: csr_matrix, other: NDArray[np.float32]) -> NDArray[np.float32]:
        """Best vectors of one side given the other's, size N X D; rows of about equal length are solved together."""
        count = np.diff(met.indptr)
        there = int((np.abs(other).sum(axis=1) > 0).sum())
        solved = np.zeros((met.shape[0], self.width), dtype=np.float32)
        everything = self.unobserved * (other.T @ other)
        order = np.argsort(count, kind="stable")
        order = order[count[order] > 0]
        every, start = np.arange(self.width), 0
        while start < len(order):
            rows = order[start : start + self._together(count[order[start]])]
            rows = rows[: self._together(count[rows[-1]])]
            vectors, weight = _met(met, rows, other)
            frequency = count[rows] + self.unobserved * there
            weighted = vectors * weight[:, :, None]
            left = weighted.transpose(0, 2, 1) @ vectors + everything
            left[:, every, every] += (self.regularisation * frequency).astype(np.float32)[:, None]
            right = weighted.sum(axis=1)
            solved[rows] = np.linalg.solve(left, right[:, :, None])[:, :, 0]
            start += len(rows)
        return solved

    def _together(self, length: int) -> int:
        """How many rows of a length are solved at once, at least 1."""
        return max(1, _CELLS // (max(int(length), self.width) * self.width))


def _sample(log: Interactions, people: Rows, seed: int) -> Interactions:
    """What some people did: these, and as many others, drawn, as make a log that is searched in minutes."""
    share = min(_SEARCH_EVENTS / max(len(log.user), 1), 1.0)
    kept = np.random.default_rng(seed).random(log.users) < share
    kept[people] = True
    return log.part(kept[log.user])


def _met(met: csr_matrix, rows: Rows, other: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors and weights of what each row met, padded with zeros to the longest, size R X L X D and R X L."""
    count = np.diff(met.indptr)[rows]
    place = np.arange(count.max())
    there = place < count[:, None]
    cell = np.where(there, met.indptr[rows][:, None] + place, 0)
    weight = np.where(there, met.data[cell], 0.0).astype(np.float32)
    return other[met.indices[cell]], weight
