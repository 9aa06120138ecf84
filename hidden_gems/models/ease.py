"""Items predicted from items by one closed form: EASE, a linear autoencoder that may not copy."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import spotrf, spotri
from scipy.sparse import csr_matrix

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.collaborative import Collaborative, Scores
from hidden_gems.models.held_out import HeldOut
from hidden_gems.models.pairs import Pairs
from hidden_gems.models.past import Fade

REGULARISATIONS = (0.3, 3.0, 10.0, 30.0, 100.0)
DROPOUTS = (0.25, 0.5, 1.0, 2.0)
PERSON_NORMS = (0.25, 0.5, 1.0)
DAYS = (1.0, 4.0, 16.0, 64.0, 256.0)
STEPS = (1.0, 3.0, 10.0, 30.0, 100.0)
_CHOOSE_ITEMS = 3_000
_CHUNK, _PAIR_CHUNK = 512, 8_192


@dataclass
class EASE(Collaborative):
    """Score an item by a person's faded history times item weights that are the best linear ones.

    With G = X'X of the people's histories X, and P = (G + diag)^-1: weights(i, j) = -P(i, j) / P(j, j), 0 on the
    diagonal; diag = `regularisation` x mean of G(j, j) + `dropout` x G(j, j).

    Notation: K items kept, the most popular ones; the others are ordered by popularity alone.

    Args:
        regularisation: Added to the diagonal, in means of it, so that it means the same for every size of log.
        dropout: Added to each diagonal element as a part of it; p / (1 - p) for a dropout of p on the inputs.
        person_norm: Each person's row is divided by its length (interactions) to half this power before G: at 1 a
            person weighs the same whatever they did.
        half_life_days: Age at which an item of the history counts half when scoring; not chosen for an order.
        half_life_steps: The same in later interactions.
        items: Items kept, at most: memory grows with its square, 12,000 need 0.6 GB, work with its cube.

    Source:
        Steck (2019), Embarrassingly Shallow Autoencoders for Sparse Data; the dropout term is Steck (2020),
        Autoencoders that don't overfit towards the Identity. Row norms, fading and the cut to K items are ours.
    """

    regularisation: float = 1.0
    dropout: float = 0.0
    person_norm: float = 0.0
    half_life_days: float | None = None
    half_life_steps: float | None = None
    _: KW_ONLY
    items: int = 12_000
    kept: Rows = field(init=False, repr=False, compare=False)
    """Rows of the items kept, ascending, K."""
    weights: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    """From the item of the row to that of the column, size K X K."""

    def choose_how(self, early: Interactions, held_out: HeldOut) -> None:
        """Choose regularisation, dropout and norm on the most popular items, then fading."""
        items, self.items = self.items, min(self.items, _CHOOSE_ITEMS)

        def relearned() -> float:
            self.learn(early)
            return self.new_value(held_out)

        grid = {"regularisation": REGULARISATIONS, "dropout": DROPOUTS, "person_norm": PERSON_NORMS}
        self.climb({"regularisation": REGULARISATIONS}, relearned)
        self.learn(early)
        days = () if early.order_only else DAYS
        self.climb({"half_life_steps": STEPS, "half_life_days": days}, lambda: self.new_value(held_out))
        self.climb(grid, relearned)
        self.items = items

    def learn(self, log: Interactions) -> None:
        """Solve for the weights of the most popular items."""
        pairs = Pairs.of(log)
        given = pairs.table(pairs.reward)
        count = np.bincount(pairs.item, minlength=log.items)
        best = np.argsort(-count, kind="stable")[: self.items]
        self.kept = np.sort(best[count[best] > 0])
        length = np.maximum(np.diff(given.indptr), 1)
        given.data *= np.repeat(length ** (-self.person_norm / 2), np.diff(given.indptr)).astype(np.float32)
        self.weights = _solved(given[:, self.kept], self.regularisation, self.dropout)
        self._place()

    def base(self, user: Rows, when: Moments) -> Scores:
        """History times weights of every item, float32, size U X I."""
        history = self._history(user, when)
        scores = np.zeros((len(user), self.past.items), dtype=np.float32)
        for start in range(0, len(user), _CHUNK):
            part = slice(start, start + _CHUNK)
            scores[part, self.kept] = history[part].toarray() @ self.weights
        return scores

    def base_pairs(self, user: Rows, item: Rows, when: Moments) -> Scores:
        """History times weights of each item, float32, size B."""
        who, which, moments = self.past.asked(user, when)
        history, scores = self._history(who, moments), np.zeros(len(user), dtype=np.float32)
        column = self._column[item]
        for start in range(0, len(user), _PAIR_CHUNK):
            rows = history[which[start : start + _PAIR_CHUNK]]
            pair = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
            to = column[start : start + _PAIR_CHUNK][pair]
            terms = np.where(to >= 0, rows.data * self.weights[rows.indices, to], 0.0)
            scores[start : start + _PAIR_CHUNK] = np.bincount(pair, weights=terms, minlength=rows.shape[0])
        return scores

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights, and what `Collaborative` needs."""
        return {**super().arrays(), "kept": self.kept, "weights": self.weights}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `arrays` gave."""
        super().restore(arrays)
        self.kept, self.weights = arrays["kept"], arrays["weights"]
        self._place()

    def _place(self) -> None:
        self._column = np.full(self.past.items, -1)  # of each item in the weights; -1 where it was not kept
        self._column[self.kept] = np.arange(len(self.kept))

    def _history(self, user: Rows, when: Moments) -> csr_matrix:
        """Faded history in kept items, size U X K."""
        fade = Fade(self.half_life_days, self.half_life_steps)
        return self.past.best(user, when, fade)[:, self.kept].astype(np.float32)


def _solved(given: csr_matrix, regularisation: float, dropout: float) -> NDArray[np.float32]:
    """Weights from item to item, size K X K, in the memory of one such table."""
    items = given.shape[1]
    gram = np.zeros((items, items), dtype=np.float32, order="F")
    by_item = given.T.tocsr()
    for start in range(0, items, _CHUNK):
        gram[:, start : start + _CHUNK] = (by_item[start : start + _CHUNK] @ given).toarray().T
    every = np.arange(items)
    diagonal = gram[every, every]
    gram[every, every] = diagonal * (1.0 + dropout) + regularisation * diagonal.mean() if items else diagonal
    factor, failed = spotrf(gram, lower=1, overwrite_a=1)
    inverse, failed_too = spotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise FloatingPointError(f"the Gram matrix of {items} items is not positive definite")
    for start in range(0, items, _CHUNK):  # only the lower triangle was written
        stop = start + _CHUNK
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
        block = np.tril(inverse[start:stop, start:stop])
        inverse[start:stop, start:stop] = block + np.tril(block, -1).T
    inverse /= -inverse[every, every]
    inverse[every, every] = 0.0
    weights: NDArray[np.float32] = inverse
    return weights
