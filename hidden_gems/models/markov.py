"""Where people go from the place they just left: first-order transitions over the last few places."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.collaborative import Collaborative, Scores
from hidden_gems.models.held_out import HeldOut
from hidden_gems.models.histories import Histories
from hidden_gems.models.item_knn import between
from hidden_gems.models.past import Fade

WINDOWS = (2, 5, 10)
BACKS = (0.3, 0.6, 1.0)
BALANCES = (0.0, 0.25, 0.75)
SHRINKAGES = (0.0, 1.0, 10.0, 100.0)
GAPS_DAYS = (0.1, 0.5, 2.0, 8.0)
STEPS = (1.0, 2.0, 4.0, 8.0, 16.0, 64.0)
DAYS = (0.1, 0.5, 2.0, 8.0, 32.0)
_LEAST = 1e-3


@dataclass
class Markov(Collaborative):
    """Score an item by how often it followed the places a person left last.

    follows(i, j) counts the times j came g = 1 to `window` interactions after i for the same person, each 1 / g and
    faded by the time between, plus `back` x the same with i after j (visits of one outing in any order). The weight of
    a transition is follows(i, j) / (total(i)^(1 - b) x total(j)^b + shrinkage), b being `balance`; the score sums it
    over the last places, faded by steps and age.

    Args:
        window: Interactions after a place that count as following it.
        back: Weight of the other direction.
        balance: Who pays for being popular: at 0 the place left (a conditional probability), at 1 the one that follows.
        shrinkage: Added to the denominator: what rests on few transitions counts less.
        gap_days: Time between two visits at which a transition counts half; None: it does not matter, as for an order.
        half_life_steps: Places back at which a place counts half.
        half_life_days: Age at which it counts half; None: it does not matter, as for an order.

    Source:
        The chain is that of Rendle et al. (2010), Factorizing Personalized Markov Chains, without the factors; windows
        and decays after Ludewig and Jannach (2018), Evaluation of Session-based Recommendation Algorithms (sequential
        rules).
    """

    window: int = 1
    back: float = 0.0
    balance: float = 0.5
    shrinkage: float = 3.0
    gap_days: float | None = None
    half_life_steps: float = 0.5
    half_life_days: float | None = None
    follows: csr_matrix = field(init=False, repr=False, compare=False)
    """Weight of each transition, from the row to the column, size I X I."""

    def choose_how(self, early: Interactions, held_out: HeldOut) -> None:
        """Choose how transitions are counted and how the last places are weighed."""
        timed = not early.order_only

        def relearned() -> float:
            self.learn(early)
            return self.new_value(held_out)

        def rescored() -> float:
            return self.new_value(held_out)

        self.learn(early)
        self.climb({"half_life_steps": STEPS, "half_life_days": DAYS if timed else ()}, rescored)
        counting = {"window": WINDOWS, "back": BACKS, "gap_days": GAPS_DAYS if timed else ()}
        self.climb(counting | {"balance": BALANCES, "shrinkage": SHRINKAGES}, relearned)
        self.learn(early)
        self.climb({"half_life_steps": STEPS, "half_life_days": DAYS if timed else ()}, rescored)

    def learn(self, log: Interactions) -> None:
        """Count the transitions."""
        counts = _transitions(self.past.histories, log.items, self.window, self.gap_days)
        counts = (counts + self.back * counts.T).tocsr().astype(np.float32)
        left = np.asarray(counts.sum(axis=1)).ravel() ** (1.0 - self.balance)
        reached = np.asarray(counts.sum(axis=0)).ravel() ** self.balance
        row = np.repeat(np.arange(log.items), np.diff(counts.indptr))
        counts.data /= left[row] * reached[counts.indices] + np.float32(self.shrinkage)
        self._tabulate(counts)

    def base(self, user: Rows, when: Moments) -> Scores:
        """What followed each person's last places, float32, size U X I."""
        scores: Scores = (self._left(user, when) @ self.follows).toarray()
        return scores

    def base_pairs(self, user: Rows, item: Rows, when: Moments) -> Scores:
        """How often each item followed the person's last places, float32, size B."""
        who, which, moments = self.past.asked(user, when)
        return between(self._left(who, moments), which, self._after, item).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The transitions, and what `Collaborative` needs."""
        table = self.follows
        return {**super().arrays(), "values": table.data, "columns": table.indices, "starts": table.indptr}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `arrays` gave."""
        super().restore(arrays)
        shape = (self.past.items, self.past.items)
        self._tabulate(csr_matrix((arrays["values"], arrays["columns"], arrays["starts"]), shape=shape))

    def _tabulate(self, follows: csr_matrix) -> None:
        self.follows, self._after = follows, follows.T.tocsr()

    def _left(self, user: Rows, when: Moments) -> csr_matrix:
        """Weight of each person's last places, size U X I; what faded to next to nothing is left out."""
        left = self.past.best(user, when, Fade(self.half_life_days, self.half_life_steps)).astype(np.float32)
        left.data[left.data < _LEAST * max(left.data.max(initial=0.0), 0.0)] = 0.0
        left.eliminate_zeros()
        return left


def _transitions(past: Histories, items: int, window: int, gap_days: float | None) -> csr_matrix:
    """Faded number of times the column came after the row, size I X I."""
    owner = np.repeat(np.arange(past.users), np.diff(past.starts))
    counts = csr_matrix((items, items), dtype=np.float32)
    for ahead in range(1, window + 1):
        same = owner[ahead:] == owner[:-ahead]
        weight = np.full(int(same.sum()), 1.0 / ahead, dtype=np.float32)
        if gap_days is not None:
            gap = (past.timestamp[ahead:] - past.timestamp[:-ahead])[same]
            weight *= 0.5 ** (gap / (gap_days * DAY_SECONDS)).astype(np.float32)
        cells = (past.item[:-ahead][same], past.item[ahead:][same])
        counts = counts + coo_matrix((weight, cells), shape=(items, items)).tocsr()
    return counts
