"""Conditional logit over candidates: how likely each is the one that a person met, by weights of several models."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.models.held_out import HeldOut

Scores = NDArray[np.float32]

HISTORY_BUCKETS = (1, 10, 50)
"""Interactions from which on a person belongs to the next bucket."""
BUCKETS = 2 * (len(HISTORY_BUCKETS) + 1)
"""Each history bucket twice: people who were there lately, and people who stayed away."""
_LATELY = 0.2  # last share of the interactions that counts as lately
_DEPTH = 100  # places of a member's list that count
_CANDIDATES = 30  # of them those that may decide the first ten
_STEPS = 60  # of the solver
_HEIGHT = 8.0  # standard scores beyond it are cut
_FOLDS = 5
_DEVIATION, _ALIKE = 10.0, 1e6  # how much dearer a bucket's own weights are than those of all, and where it has none
SHRINKAGE, _FREE = 150.0, 3.0
"""What the squared distance from the prior costs, in people; and what a single member's two weights cost."""
_FOLD_SEED = 11
_FARTHEST = float(np.log((_DEPTH + 1.0) / (_CANDIDATES + 1.0)))


def buckets(log: Interactions, user: Rows) -> Rows:
    """Bucket of each person by their interactions in a log, 0 to `BUCKETS` - 1, size U.

    Args:
        log: What is known of the people, oldest first.
        user: Row of each person, size U.
    """
    count = np.bincount(log.user, minlength=log.users)[user]
    history = np.searchsorted(HISTORY_BUCKETS, count, side="right")
    late = np.unique(log.user[round(len(log.user) * (1.0 - _LATELY)) :])
    away = np.zeros(len(user), dtype=np.int64) if log.order_only else (~np.isin(user, late)).astype(np.int64)
    return history + away * (len(HISTORY_BUCKETS) + 1)


def inputs(tables: Sequence[Scores], hidden: NDArray[np.bool_]) -> Scores:
    """What weights multiply: a standard score and a place for each member, so that members can be added up.

    The place is log(depth + 1) - log(rank) among the best 100 of a member and 0 below them; both are made over the
    items that are not hidden, so weights hold whatever scale a member scores on.

    Args:
        tables: Scores of every item by M members, float32, size U X I each.
        hidden: Items that may not be recommended, size U X I.

    Returns:
        Inputs, float32, size U X I X 2M: the standard scores first; 0 where hidden.
    """
    people, items = hidden.shape
    found = np.zeros((people, items, 2 * len(tables)), dtype=np.float32)
    depth = min(_DEPTH, items)
    for member, table in enumerate(tables):
        given = np.where(hidden | ~np.isfinite(table), np.nan, table)
        mean, spread = (each(given, axis=1, keepdims=True) for each in (np.nanmean, np.nanstd))
        standard = (given - mean) / np.maximum(spread, np.finfo(np.float32).tiny)
        found[:, :, member] = np.nan_to_num(np.clip(standard, -_HEIGHT, _HEIGHT))
        able = np.nan_to_num(given, nan=-np.inf)
        best = np.argpartition(-able, depth - 1, axis=1)[:, :depth]
        kept = np.take_along_axis(able, best, axis=1)
        rank = np.argsort(np.argsort(-kept, axis=1, kind="stable"), axis=1, kind="stable") + 1
        place = np.where(np.isfinite(kept), np.log(_DEPTH + 1.0) - np.log(rank), 0.0)
        np.put_along_axis(found[:, :, len(tables) + member], best, place.astype(np.float32), axis=1)
    return found


@dataclass(frozen=True)
class Lists:
    """Candidates of the people who judge, one after another, bucket by bucket: N rows, P people."""

    x: NDArray[np.float32]  # inputs, N X 2M
    person: Rows  # 0 to P - 1, ascending, N
    relevant: NDArray[np.float64]  # 1 for what they met, N
    bucket: Rows  # of each person, ascending, P
    ideal: NDArray[np.float64]  # best discounted gain, P

    def of(self, people: NDArray[np.bool_]) -> "Lists":
        """Some of the people."""
        rows = people[self.person]
        number = np.cumsum(people) - 1
        return Lists(
            self.x[rows], number[self.person[rows]], self.relevant[rows], self.bucket[people], self.ideal[people]
        )

    def some(self, rows: int) -> "Lists":
        """As many people, drawn, as have about so many rows."""
        people = np.random.default_rng(_FOLD_SEED).random(len(self.bucket)) < rows / max(len(self.person), 1)
        return self if people.all() else self.of(people)

    @property
    def parts(self) -> list[tuple[int, slice]]:
        """Rows of each bucket that has some."""
        ends = np.searchsorted(self.bucket[self.person], np.arange(BUCKETS + 1))
        return [(b, slice(ends[b], ends[b + 1])) for b in range(BUCKETS) if ends[b] < ends[b + 1]]

    def columns(self, members: Sequence[int], count: int) -> "Lists":
        """Inputs of some of `count` members."""
        keep = [*members, *(count + member for member in members)]
        return Lists(self.x[:, keep], self.person, self.relevant, self.bucket, self.ideal)


def lists_of(tables: Sequence[Scores], held_out: HeldOut, bucket: Rows, repeat: bool) -> Lists:
    """Candidates of the people held out, the best 30 of any member, and which of them they met.

    Args:
        tables: Scores by M members, V X I each.
        held_out: Who is asked, and what they met.
        bucket: Of each person, V.
        repeat: Whether items known before count.
    """
    relevant = held_out.met if repeat else held_out.new
    x, person, hits = [], [], []
    asked = np.flatnonzero(np.diff(relevant.indptr) > 0)
    asked = asked[np.argsort(bucket[asked], kind="stable")]
    for start in range(0, len(asked), 128):  # a dense part at a time
        rows = asked[start : start + 128]
        hidden = np.zeros((len(rows), relevant.shape[1]), dtype=bool)
        if not repeat:
            hidden |= held_out.seen[rows].toarray() > 0
        hidden[:, 0] = True
        found = inputs([table[rows] for table in tables], hidden)
        user, item = np.nonzero((found[:, :, len(tables) :] > _FARTHEST).any(axis=2))
        x.append(found[user, item])
        person.append(user + start)
        hits.append(relevant[rows].toarray()[user, item] > 0)
    discount = np.cumsum(1.0 / np.log2(np.arange(2, 12)))
    ideal = discount[np.minimum(np.diff(relevant.indptr)[asked], 10) - 1]
    return Lists(
        np.concatenate(x), np.concatenate(person), np.concatenate(hits).astype(np.float64), bucket[asked], ideal
    )


def single(lists: Lists, member: int, count: int) -> NDArray[np.float64]:
    """Weights by which one of `count` members alone is most likely, zeros for the others, 2M."""
    weights = np.zeros(2 * count)
    weights[[member, count + member]] = solve(lists.columns([member], count), np.zeros(2), _FREE, _ALIKE)[0]
    return weights


def best_single(lists: Lists, count: int) -> int:
    """Number of the one of `count` members whose order of the candidates has the best NDCG@10."""
    alone = [ndcg(lists, lists.x[:, m].astype(np.float64) + lists.x[:, count + m]).mean() for m in range(count)]
    return int(np.argmax(alone))


def validated(lists: Lists, member: int, count: int) -> NDArray[np.float64]:
    """NDCG@10 of each person by weights that their fold did not fit, P.

    Args:
        lists: Candidates with the inputs of `count` members.
        member: Number of the one that the weights shrink to.
        count: Members, M.
    """
    fold = np.random.default_rng(_FOLD_SEED).permutation(len(lists.bucket)) % _FOLDS
    gained = np.zeros(len(fold))
    for each in range(_FOLDS):
        others, test = lists.of(fold != each), lists.of(fold == each)
        weights = solve(others, single(others, member, count), SHRINKAGE)
        mine = (weights[0] + weights[1:][test.bucket])[test.person]
        gained[fold == each] = ndcg(test, np.einsum("nm,nm->n", test.x, mine))
    return gained


def ndcg(lists: Lists, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """NDCG@10 of each person by scores of the candidates, N; P."""
    order = np.lexsort((-scores, lists.person))
    first = np.searchsorted(lists.person, np.arange(len(lists.bucket)))
    rank = np.arange(len(order)) - first[lists.person[order]]
    gain = np.where(rank < 10, lists.relevant[order] / np.log2(rank + 2.0), 0.0)
    each: NDArray[np.float64] = np.bincount(lists.person[order], gain, minlength=len(lists.bucket)) / lists.ideal
    return each


def solve(
    lists: Lists, prior: NDArray[np.float64], shrinkage: float, deviation: float = _DEVIATION
) -> NDArray[np.float64]:
    """Penalised conditional logit: weights of all people, then what each bucket adds, 1 + B X 2M.

    Args:
        lists: Candidates with inputs.
        prior: Weights of all people that cost nothing, 2M.
        shrinkage: Price of the squared distance from it; the log-likelihood of a person costs 1.
        deviation: How much dearer a bucket's own weights are.
    """
    width, people = lists.x.shape[1], len(lists.bucket)
    starts = np.searchsorted(lists.person, np.arange(people))
    hits = np.add.reduceat(lists.relevant, starts)
    share = np.divide(lists.relevant, hits[lists.person], where=hits[lists.person] > 0, out=np.zeros(len(lists.x)))
    told = hits > 0  # a person none of whose items any member found tells nothing
    strength = np.array([1.0] + [deviation] * BUCKETS)[:, None] * shrinkage / people
    begin = np.zeros((1 + BUCKETS, width))
    begin[0] = prior

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(1 + BUCKETS, width)
        logits = np.empty(len(lists.x))
        for bucket, rows in lists.parts:
            logits[rows] = lists.x[rows] @ (weights[0] + weights[1 + bucket]).astype(np.float32)
        top = np.maximum.reduceat(logits, starts)
        raised = np.exp(logits - top[lists.person])
        total = np.add.reduceat(raised, starts)
        slope = (raised / total[lists.person] * told[lists.person] - share).astype(np.float32)
        grown = np.zeros_like(weights)
        for bucket, rows in lists.parts:
            grown[1 + bucket] = slope[rows] @ lists.x[rows]
        grown[0] = grown[1:].sum(axis=0)
        fit = ((np.log(total) + top) * told).sum() - (share * logits).sum()
        apart = weights - begin
        return fit / people + (strength * apart**2).sum(), (grown / people + 2.0 * strength * apart).ravel()

    found = minimize(loss, begin.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    return np.asarray(found.x.reshape(1 + BUCKETS, width))
