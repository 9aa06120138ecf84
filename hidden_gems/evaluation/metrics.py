"""Ranking metrics, one row a person (or a slate): labels in ranked order go in, one value a row comes out.

Notation: B rows, n ranked places, k places that count, I items. A row without a relevant item has no value: NaN.
Ties are settled before these functions, by `ranked`; only `auc` sees scores and gives half a point to a tie.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]


def ranked(scores: NDArray[np.floating], candidates: Flags, k: int, seed: int = 0) -> Rows:
    """Columns of the k best candidates of each row, best first.

    Equal scores come in a random order of the columns, the same for every row and every model with the same seed, so
    that no model gains by the order in which items are stored. Scores of candidates must not be NaN.

    Args:
        scores: B X I.
        candidates: What may be ranked, B X I.
        k: Places.
        seed: Of the order of ties.

    Returns:
        Columns, B X min(k, I); -1 where a row has fewer than k candidates.

    Examples:
        >>> ranked(np.array([[0.1, 0.9, 0.5]]), np.array([[True, False, True]]), k=3).tolist()
        [[2, 0, -1]]
    """
    shuffle = np.random.default_rng(seed).permutation(scores.shape[1])
    masked = np.where(candidates, scores, -np.inf)[:, shuffle]
    k = min(k, masked.shape[1])
    if k < masked.shape[1]:
        masked, shuffle = _cut(masked, shuffle, k)
    else:
        shuffle = np.broadcast_to(shuffle, masked.shape)
    order = np.argsort(-masked, axis=1, kind="stable")[:, :k]
    columns = np.take_along_axis(shuffle, order, axis=1)
    return np.where(np.take_along_axis(candidates, columns, axis=1), columns, -1)


def _cut(masked: Floats, shuffle: Rows, k: int) -> tuple[Floats, Rows]:
    """Only what can reach the first k: all above the k-th score, and the first of those equal to it."""
    kth = -np.partition(-masked, k - 1, axis=1)[:, k - 1 : k]  # B X 1
    above = masked > kth
    equal = masked == kth
    room = k - above.sum(axis=1, keepdims=True)
    keep = above | (equal & (np.cumsum(equal, axis=1) <= room))  # exactly k a row
    columns = np.nonzero(keep)[1].reshape(len(masked), k)
    return np.take_along_axis(masked, columns, axis=1), shuffle[columns]


def dcg(labels: Floats, k: int) -> Floats:
    """Discounted cumulative gain: the sum of (2^label - 1) / log2(place + 2) over places 0 to k - 1.

    Args:
        labels: Labels in ranked order, 0 or 1 or graded 0 to 5, B X n.
        k: Places that count.

    Source:
        Burges et al. (2005), Learning to rank using gradient descent.
    """
    top = np.asarray(labels, dtype=np.float64)[:, :k]
    discount = 1.0 / np.log2(np.arange(top.shape[1]) + 2.0)
    gains: Floats = np.exp2(top) - 1.0
    return np.asarray(gains @ discount)


def ndcg(labels: Floats, ideal: Floats, k: int) -> Floats:
    """DCG over the DCG of the best possible order.

    Args:
        labels: Labels in ranked order, B X n.
        ideal: Labels of everything that is relevant, in any order, padded with 0, B X m; relevant items that were never
            ranked belong here too.
        k: Places that count.

    Returns:
        0 to 1, size B; NaN without a relevant item.

    Examples:
        >>> ndcg(np.array([[0.0, 1.0]]), np.array([[1.0]]), k=10).round(4).tolist()
        [0.6309]

    Source:
        Järvelin and Kekäläinen (2002), with the gains of Burges et al. (2005). Denominator: the ideal order cut at k.
    """
    best = dcg(-np.sort(-np.asarray(ideal, dtype=np.float64), axis=1), k)
    return _over(dcg(labels, k), best)


def recall(labels: Floats, relevant: Rows, k: int) -> Floats:
    """Relevant items among the first k, over min(k, relevant items), so that a perfect list has 1.

    Args:
        labels: Labels in ranked order; above 0 is relevant, B X n.
        relevant: How many items are relevant, ranked or not, B.
        k: Places that count.

    Source:
        Liang et al. (2018), Variational autoencoders for collaborative filtering.
    """
    hits = (np.asarray(labels)[:, :k] > 0).sum(axis=1)
    return _over(hits.astype(np.float64), np.minimum(relevant, k).astype(np.float64))


def hit_rate(labels: Floats, relevant: Rows, k: int) -> Floats:
    """1 where any of the first k is relevant, else 0; NaN without a relevant item. Shapes as in `recall`."""
    hit = (np.asarray(labels)[:, :k] > 0).any(axis=1)
    return np.where(np.asarray(relevant) > 0, hit.astype(np.float64), np.nan)


def reciprocal_rank(labels: Floats, relevant: Rows, k: int) -> Floats:
    """1 / place (from 1) of the first relevant item, 0 where it is not among the first k. Shapes as in `recall`.

    Source:
        Voorhees (1999), The TREC-8 question answering track report; cut at k.
    """
    hits = np.asarray(labels)[:, :k] > 0
    first = hits.argmax(axis=1) if hits.shape[1] else np.zeros(len(hits), dtype=np.int64)
    value = np.where(hits.any(axis=1), 1.0 / (first + 1.0), 0.0)
    return np.where(np.asarray(relevant) > 0, value, np.nan)


def auc(scores: NDArray[np.floating], relevant: Flags, candidates: Flags) -> Floats:
    """Share of (relevant, other) pairs of candidates in the right order; a tie counts half.

    Args:
        scores: B X I.
        relevant: B X I; only relevant candidates count.
        candidates: B X I.

    Returns:
        0 to 1, size B; NaN where a row has no relevant candidate or no other one.

    Source:
        Mann and Whitney (1947): the U statistic over the number of pairs, from average ranks.
    """
    positive = relevant & candidates
    positives = positive.sum(axis=1).astype(np.float64)
    others = candidates.sum(axis=1) - positives
    ranks = rankdata(np.where(candidates, scores, -np.inf), axis=1, method="average")
    ranks = ranks - (~candidates).sum(axis=1, keepdims=True)  # what is no candidate lies below
    wins = (ranks * positive).sum(axis=1) - positives * (positives + 1.0) / 2.0
    return _over(wins, positives * others)


def _over(value: Floats, denominator: Floats) -> Floats:
    """Value / denominator; NaN where the denominator is 0."""
    share: Floats = np.divide(value, denominator, out=np.full(len(value), np.nan), where=denominator > 0)
    return share
