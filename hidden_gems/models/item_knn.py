"""Items that the same people liked: cosine neighbours, a simple model that is hard to beat."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.collaborative import Collaborative, Scores
from hidden_gems.models.held_out import HeldOut
from hidden_gems.models.pairs import Pairs
from hidden_gems.models.past import Fade
from hidden_gems.models.top_k import best_columns

SHRINKAGES = (0.0, 3.0, 30.0, 100.0, 300.0)
NEIGHBOURS = (20, 50, 100, 500)
BALANCES = (0.3, 0.4, 0.6, 0.7)
DAYS = (1.0, 4.0, 16.0, 64.0, 256.0)
STEPS = (1.0, 3.0, 10.0, 30.0, 100.0)
_TINY = float(np.finfo(np.float32).tiny)
_CHOOSE_ITEMS = 5_000
_ITEM_CHUNK, _PAIR_CHUNK = 1024, 65_536


@dataclass
class ItemKNN(Collaborative):
    """Score an item by how much it resembles what a person did before.

    similarity(i, j) = x_i . x_j / (|x_i|^(2 - 2b) |x_j|^(2 b) + shrinkage), where x_i holds the best reward that each
    person gave to item i, and b is `balance`; the score of j sums best reward times similarity(i, j) over those of the
    person's items i that count j among their nearest neighbours. A trace of popularity is added: it sorts what no
    neighbour reaches, and serves people without history.

    Args:
        neighbours: Neighbours kept for each item, N.
        shrinkage: Added to the denominator: a similarity that rests on few people counts less.
        half_life_days: Age at which an item of the history counts half, measured back from the person's last
            interaction; None counts all alike. Not chosen where times are only an order.
        popularity: What the trace adds to the score of the most popular item.
        balance: Who pays for being popular: at 0.5 both alike (cosine), above it the item that is scored.
        half_life_steps: Later interactions at which an item of the history counts half; None counts all alike.

    Source:
        Deshpande and Karypis (2004), Item-Based Top-N Recommendation Algorithms; shrinkage after Bell and Koren (2007);
        the balance is asymmetric cosine, Aiolli (2013). Unlike there, repeats count once, the history may fade, and
        popularity and own visits are added.
    """

    neighbours: int = 200
    shrinkage: float = 10.0
    half_life_days: float | None = None
    popularity: float = 1e-3
    _: KW_ONLY
    balance: float = 0.5
    half_life_steps: float | None = None
    recent: float = 0.0
    rows: Rows = field(init=False, repr=False, compare=False)
    """Neighbours of each item, nearest first, int64, size I X N; 0 fills short lists."""
    weights: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    """Their similarities, float32, size I X N; 0 fills short lists."""
    prior: NDArray[np.float64] = field(init=False, repr=False, compare=False)
    """The trace of popularity, size I."""

    def choose_how(self, early: Interactions, held_out: HeldOut) -> None:
        """Choose shrinkage, balance, fading and neighbours, by the most popular items where there are many."""
        popular = np.argsort(-np.bincount(early.item, minlength=early.items), kind="stable")[:_CHOOSE_ITEMS]
        early = early.part(np.isin(early.item, popular))

        def relearned() -> float:
            self.learn(early)
            return self.new_value(held_out)

        self.climb({"shrinkage": SHRINKAGES, "balance": BALANCES}, relearned)
        self.learn(early)
        days = () if early.order_only else DAYS
        self.climb({"half_life_steps": STEPS, "half_life_days": days}, lambda: self.new_value(held_out))
        self.climb({"neighbours": NEIGHBOURS}, relearned)

    def learn(self, log: Interactions) -> None:
        """Find the neighbours of every item; the unknown row 0 has none."""
        pairs = Pairs.of(log)
        prior = np.bincount(log.item, weights=log.reward, minlength=log.items)
        self.prior = self.popularity * prior / max(prior.max().item(), _TINY)
        self.rows, self.weights = _nearest(pairs.table(pairs.reward), self.neighbours, self.shrinkage, self.balance)
        self._tabulate()

    def base(self, user: Rows, when: Moments) -> Scores:
        """Resemblance of every item to what each person did before, float32, size U X I."""
        history = self.past.best(user, when, self._fade)
        scores: Scores = ((history @ self._reaches).toarray() + self.prior).astype(np.float32)
        return scores

    def base_pairs(self, user: Rows, item: Rows, when: Moments) -> Scores:
        """Resemblance of each item to what the person did before, float32, size B."""
        who, which, moments = self.past.asked(user, when)
        scores = self.prior[item] + between(self.past.best(who, moments, self._fade), which, self._reached_from, item)
        return scores.astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The neighbours, and what `Collaborative` needs."""
        return {**super().arrays(), "rows": self.rows, "weights": self.weights, "prior": self.prior}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `arrays` gave."""
        super().restore(arrays)
        self.rows, self.weights, self.prior = arrays["rows"], arrays["weights"], arrays["prior"]
        self._tabulate()

    @property
    def _fade(self) -> Fade:
        return Fade(self.half_life_days, self.half_life_steps)

    def _tabulate(self) -> None:
        """Neighbours as sparse tables, size I X I: row j of `_reaches` holds what j reaches."""
        items, width = self.rows.shape
        origin = np.repeat(np.arange(items), width)
        values = self.weights.ravel().astype(np.float64)  # what fills short lists weighs nothing
        there = values > 0
        cells = (origin[there], self.rows.ravel()[there])
        self._reaches = csr_matrix((values[there], cells), shape=(items, items))
        self._reached_from = self._reaches.T.tocsr()


def between(history: csr_matrix, which: Rows, reached_from: csr_matrix, item: Rows) -> NDArray[np.float64]:
    """What an item is reached with from a history, size B.

    Args:
        history: Weight of each item of each history, size A X I.
        which: History of each pair, size B.
        reached_from: Row j holds what j is reached from, size I X I.
        item: Row of the item of each pair, size B.
    """
    scores = np.zeros(len(item))
    for start in range(0, len(item), _PAIR_CHUNK):
        part = slice(start, start + _PAIR_CHUNK)
        terms = history[which[part]].multiply(reached_from[item[part]])
        scores[part] = np.asarray(terms.sum(axis=1)).ravel()
    return scores


def _nearest(given: csr_matrix, neighbours: int, shrinkage: float, balance: float) -> tuple[Rows, NDArray[np.float32]]:
    """The most similar items of every item, size I X N; of equal similarities the lower row number comes first."""
    items = given.shape[1]
    width = min(neighbours, items - 1)
    squares = np.asarray(given.multiply(given).sum(axis=0), dtype=np.float64).ravel()
    origin, target = squares ** (1.0 - balance), squares**balance
    by_item = given.T.tocsr()
    rows = np.zeros((items, width), dtype=np.int64)
    weights = np.zeros((items, width), dtype=np.float32)
    for start in range(0, items, _ITEM_CHUNK):
        stop = min(start + _ITEM_CHUNK, items)
        similar = (by_item[start:stop] @ given).toarray()
        similar /= np.outer(origin[start:stop], target) + shrinkage + _TINY
        similar[np.arange(stop - start), np.arange(start, stop)] = 0.0
        rows[start:stop], weights[start:stop] = _best(similar, width)
    return rows, weights


def _best(similar: NDArray[np.floating], width: int) -> tuple[Rows, NDArray[np.float32]]:
    order = best_columns(similar, width)
    weights = np.take_along_axis(similar, order, axis=1).astype(np.float32)
    return np.where(weights > 0, order, 0), weights
