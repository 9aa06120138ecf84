"""Items that the same people liked: cosine neighbours, a simple model that is hard to beat."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.pairs import Pairs
from hidden_gems.models.protocol import Recommender

_FILE = "item_knn.npz"
_TINY = float(np.finfo(np.float32).tiny)
_ITEM_CHUNK, _PAIR_CHUNK = 1024, 65_536


@dataclass
class ItemKNN(Recommender):
    """Score an item by how much it resembles what a person did before.

    similarity(i, j) = x_i . x_j / (|x_i| |x_j| + shrinkage), where x_i holds the best reward that each person gave to
    item i; the score of i sums best reward times similarity over those of the person's items that count i among their
    nearest neighbours. A trace of popularity is added: it sorts what no neighbour reaches, and serves people without
    history.

    Args:
        neighbours: Neighbours kept for each item, N.
        shrinkage: Added to the denominator: a similarity that rests on few people counts less.
        half_life_days: Age at which an item of the history counts half, measured back from the person's last
            interaction; None counts all alike. A day is 86,400 steps where times are only an order.
        popularity: What the trace adds to the score of the most popular item.

    Source:
        Deshpande and Karypis (2004), Item-Based Top-N Recommendation Algorithms; shrinkage after Bell and Koren (2007).
        Unlike there, repeats count once, the history may fade, and popularity is added.
    """

    chooses: ClassVar[bool] = False
    neighbours: int = 200
    shrinkage: float = 10.0
    half_life_days: float | None = None
    popularity: float = 1e-3
    rows: Rows = field(init=False, repr=False, compare=False)
    """Neighbours of each item, nearest first, int64, size I X N; 0 fills short lists."""
    weights: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    """Their similarities, float32, size I X N; 0 fills short lists."""

    def refit(self, log: Interactions) -> Self:
        """Find the neighbours of every item and keep everyone's history; the unknown rows 0 have neither."""
        pairs = Pairs.of(log)
        prior = np.bincount(log.item, weights=log.reward, minlength=log.items)
        self.prior = self.popularity * prior / max(prior.max().item(), _TINY)
        self.rows, self.weights = _nearest(pairs.table(pairs.reward), self.neighbours, self.shrinkage)
        self._history = pairs.table(pairs.reward * self._fade(pairs))
        self._tabulate()
        return self

    def score(self, user: Rows, item: Rows, when: Moments) -> NDArray[np.float32]:
        """Resemblance of each item to what the person did before, float32, size B."""
        scores = self.prior[item]
        for start in range(0, len(user), _PAIR_CHUNK):
            part = slice(start, start + _PAIR_CHUNK)
            terms = self._history[user[part]].multiply(self._reached_from[item[part]])
            scores[part] += np.asarray(terms.sum(axis=1)).ravel()
        result: NDArray[np.float32] = scores.astype(np.float32)
        return result

    def score_catalogue(self, user: Rows, when: Moments) -> NDArray[np.float32]:
        """Resemblance of every item to what each person did before, float32, size U X I; column 0 is -inf."""
        scores: NDArray[np.float32] = ((self._history[user] @ self._reaches).toarray() + self.prior).astype(np.float32)
        scores[:, 0] = -np.inf
        return scores

    def save(self, folder: Path) -> None:
        """Write the neighbours, the histories and the settings into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(
            folder / _FILE,
            settings=[
                self.neighbours,
                self.shrinkage,
                np.nan if self.half_life_days is None else self.half_life_days,
                self.popularity,
            ],
            rows=self.rows,
            weights=self.weights,
            prior=self.prior,
            history=self._history.data,
            history_columns=self._history.indices,
            history_starts=self._history.indptr,
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(folder / _FILE) as file:
            neighbours, shrinkage, half_life, popularity = file["settings"].tolist()
            model = cls(int(neighbours), shrinkage, None if np.isnan(half_life) else half_life, popularity)
            model.rows, model.weights, model.prior = file["rows"], file["weights"], file["prior"]
            shape = (len(file["history_starts"]) - 1, len(model.rows))
            model._history = csr_matrix((file["history"], file["history_columns"], file["history_starts"]), shape)
        model._tabulate()
        return model

    def _fade(self, pairs: Pairs) -> NDArray[np.float64]:
        """What is left of each pair's weight by its age, size P."""
        if self.half_life_days is None:
            return np.ones(len(pairs.user))
        newest = np.full(pairs.shape[0], np.iinfo(np.int64).min)
        np.maximum.at(newest, pairs.user, pairs.last)
        fade: NDArray[np.float64] = 0.5 ** ((newest[pairs.user] - pairs.last) / (self.half_life_days * DAY_SECONDS))
        return fade

    def _tabulate(self) -> None:
        """Neighbours as sparse tables, size I X I: row j of `_reaches` holds what j reaches."""
        items, width = self.rows.shape
        origin = np.repeat(np.arange(items), width)
        values = self.weights.ravel().astype(np.float64)  # what fills short lists weighs nothing
        self._reaches = csr_matrix((values, (origin, self.rows.ravel())), shape=(items, items))
        self._reached_from = self._reaches.T.tocsr()


def _nearest(given: csr_matrix, neighbours: int, shrinkage: float) -> tuple[Rows, NDArray[np.float32]]:
    """The most similar items of every item, size I X N; of equal similarities the lower row number comes first."""
    items = given.shape[1]
    width = min(neighbours, items - 1)
    norms = np.sqrt(np.asarray(given.multiply(given).sum(axis=0)).ravel())
    by_item = given.T.tocsr()
    rows = np.zeros((items, width), dtype=np.int64)
    weights = np.zeros((items, width), dtype=np.float32)
    for start in range(0, items, _ITEM_CHUNK):
        stop = min(start + _ITEM_CHUNK, items)
        similar = (by_item[start:stop] @ given).toarray()
        similar /= np.outer(norms[start:stop], norms) + shrinkage + _TINY
        similar[np.arange(stop - start), np.arange(start, stop)] = 0.0
        order = np.argsort(-similar, axis=1, kind="stable")[:, :width]
        weights[start:stop] = np.take_along_axis(similar, order, axis=1)
        rows[start:stop] = np.where(weights[start:stop] > 0, order, 0)
    return rows, weights
