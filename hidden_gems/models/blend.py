"""Many models as one: weights fitted on what was held out, by how much is known of a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.models.held_out import HeldOut, hold_out

Scores = NDArray[np.float32]

HISTORY_BUCKETS = (1, 10, 50)
"""Interactions from which on a person belongs to the next bucket."""
BUCKETS = 2 * (len(HISTORY_BUCKETS) + 1)
"""Each history bucket twice: people who were there lately, and people who stayed away."""
_LATELY = 0.2  # last share of the interactions that counts as lately
_DEPTH = 100  # places of a member's list that count
_CANDIDATES = 30  # of them those that may decide the first ten
_CELLS = 50_000_000  # inputs that are made at once
_STEPS, _FEW_STEPS = 60, 20  # of the solver from nothing, and from a solution with one member more
_HEIGHT = 8.0  # standard scores beyond it are cut
_FOLDS = 5
_PENALTIES = (0.3, 0.03, 0.003)  # of the squared weights, a person
_DEVIATION = 10.0  # how much dearer a bucket's own weights are than those of all
_FOLD_SEED = 11
_FEWEST_PEOPLE = 20
_FEW_ROWS = 300_000  # candidates that choose strength and members
_WORSE = 1.002  # a member goes if NDCG@10 without it is so many times that with it: less is chance
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
class Weights:
    """Weights of one blend for one question: new items, or with repeats.

    Notation: M members, B buckets.
    """

    members: tuple[str, ...]
    shared: NDArray[np.float64]  # standard scores, then places, 2M
    own: NDArray[np.float64]  # what a bucket adds to them, B X 2M
    ndcg: float  # cross-validated NDCG@10 on the people held out
    adds: Mapping[str, float]  # cross-validated NDCG@10 that is lost without a member

    @classmethod
    def alike(cls, members: tuple[str, ...]) -> Self:
        """Every member counts alike: nothing was held out that could tell them apart."""
        count = len(members)
        return cls(members, np.full(2 * count, 1.0 / count), np.zeros((BUCKETS, 2 * count)), float("nan"), {})

    def combine(self, tables: Mapping[str, Scores], bucket: Rows, hidden: NDArray[np.bool_]) -> Scores:
        """Scores of every item, float32, size U X I; -inf in column 0.

        Args:
            tables: Scores by member, U X I each.
            bucket: Of each person, U.
            hidden: Items that may not be recommended, U X I.
        """
        weight = (self.shared + self.own[bucket]).astype(np.float32)  # U X 2M
        scores: Scores = np.empty(hidden.shape, dtype=np.float32)
        step = max(1, _CELLS // (hidden.shape[1] * len(self.shared)))
        for start in range(0, len(hidden), step):
            part = slice(start, start + step)
            found = inputs([tables[name][part] for name in self.members], hidden[part])
            scores[part] = np.einsum("uim,um->ui", found, weight[part], optimize=True)
        scores[:, 0] = -np.inf
        return scores

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        arrays = {"shared": self.shared.tolist(), "own": self.own.tolist()}
        return {"members": list(self.members), "ndcg": self.ndcg, "adds": dict(self.adds)} | arrays

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave."""
        shared, own = np.array(values["shared"]), np.array(values["own"])
        return cls(tuple(values["members"]), shared, own, values["ndcg"], dict(values["adds"]))


@dataclass(frozen=True)
class Blend:
    """Weights for both questions: which items are new to a person and liked next, and which are next with repeats."""

    new: Weights
    again: Weights

    @classmethod
    def fit(cls, tables: Mapping[str, Scores], held_out: HeldOut | None, log: Interactions) -> Self:
        """Fit both on what was held out of a log.

        Args:
            tables: Scores of the members for the people held out, V X I each, by models that did not see it.
            held_out: What `hold_out` gives for the log; with None every member counts alike.
            log: Of it only what `hold_out` left is looked at.
        """
        return cls.between(tables, held_out, hold_out(log)[0])

    @classmethod
    def between(cls, tables: Mapping[str, Scores], held_out: HeldOut | None, early: Interactions) -> Self:
        """Fit both on what came after `early`, which is all that the members saw."""
        if held_out is None:
            alike = Weights.alike(tuple(tables))
            return cls(alike, alike)
        new = fit_blend(tables, held_out, early, repeat=False)
        return cls(new, fit_blend(tables, held_out, early, repeat=True) if held_out.repeats else new)

    def weights(self, repeat: bool) -> Weights:
        """Weights of one question."""
        return self.again if repeat else self.new

    @property
    def value(self) -> float:
        """Cross-validated worth as `HeldOut.value` has it for one model; NaN where nothing was held out."""
        questions = (self.new,) if self.again is self.new else (self.new, self.again)
        return float(np.mean([weights.ndcg for weights in questions]))

    @property
    def adds(self) -> dict[str, float]:
        """Cross-validated worth that is lost without each member; 0 for one that a question does without."""
        questions = (self.new,) if self.again is self.new else (self.new, self.again)
        return {name: float(np.mean([weights.adds.get(name, 0.0) for weights in questions])) for name in self.members}

    @property
    def members(self) -> tuple[str, ...]:
        """Members that weigh anything in either."""
        return tuple(dict.fromkeys(self.new.members + self.again.members))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"new": self.new.to_dict(), "again": self.again.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave."""
        return cls(Weights.from_dict(values["new"]), Weights.from_dict(values["again"]))


@dataclass(frozen=True)
class _Lists:
    """Candidates of the people who judge, one after another, bucket by bucket: N rows, P people."""

    x: NDArray[np.float32]  # inputs, N X 2M
    person: Rows  # 0 to P - 1, ascending, N
    relevant: NDArray[np.float64]  # 1 for what they met, N
    bucket: Rows  # of each person, ascending, P
    ideal: NDArray[np.float64]  # best discounted gain, P

    def of(self, people: NDArray[np.bool_]) -> "_Lists":
        """Some of the people."""
        rows = people[self.person]
        number = np.cumsum(people) - 1
        return _Lists(
            self.x[rows], number[self.person[rows]], self.relevant[rows], self.bucket[people], self.ideal[people]
        )

    def some(self, rows: int) -> "_Lists":
        """As many people, drawn, as have about so many rows."""
        people = np.random.default_rng(_FOLD_SEED).random(len(self.bucket)) < rows / max(len(self.person), 1)
        return self if people.all() else self.of(people)

    @property
    def parts(self) -> list[tuple[int, slice]]:
        """Rows of each bucket that has some."""
        ends = np.searchsorted(self.bucket[self.person], np.arange(BUCKETS + 1))
        return [(b, slice(ends[b], ends[b + 1])) for b in range(BUCKETS) if ends[b] < ends[b + 1]]

    def columns(self, members: Sequence[int], count: int) -> "_Lists":
        """Inputs of some of `count` members."""
        keep = [*members, *(count + member for member in members)]
        return _Lists(self.x[:, keep], self.person, self.relevant, self.bucket, self.ideal)


def fit_blend(tables: Mapping[str, Scores], held_out: HeldOut, early: Interactions, *, repeat: bool) -> Weights:
    """Fit weights by the likelihood of what people met among their candidates.

    The candidates of a person are the best 30 of any member. Weights are those of a conditional logit over them, one
    set for all people and what each bucket adds, both shrunk; the strength is chosen by cross-validation over people.
    A member without which the cross-validated NDCG@10 is clearly better is left out. With fewer than 20 people to go
    by, all count alike.

    Args:
        tables: Scores of the members for the people held out, V X I each, by models that saw only `early`.
        held_out: What the people met afterwards.
        early: What the members learned from.
        repeat: Whether items known before count.

    Source:
        McFadden (1974), Conditional Logit Analysis of Qualitative Choice Behavior; stacking after Wolpert (1992).
    """
    names = tuple(tables)
    if np.count_nonzero(np.diff((held_out.met if repeat else held_out.new).indptr)) < _FEWEST_PEOPLE:
        return Weights.alike(names)
    lists = _lists([tables[name] for name in names], held_out, buckets(early, held_out.user), repeat)
    chosen, few = list(range(len(names))), lists.some(_FEW_ROWS)
    fits: dict[float, tuple[float, list[NDArray[np.float64]]]] = {}
    starts = None
    for penalty in _PENALTIES:
        fits[penalty] = _validated(few, chosen, len(names), penalty, starts)
        starts = fits[penalty][1]
    penalty = max(fits, key=lambda each: fits[each][0])
    value, solved = fits[penalty]
    without: dict[int, tuple[float, list[NDArray[np.float64]]]] = {}
    while len(chosen) > 1:
        count, without = len(chosen), {}
        for place, member in enumerate(chosen):
            kept = np.delete(np.arange(2 * count), [place, count + place])
            others = [each for each in chosen if each != member]
            without[member] = _validated(few, others, len(names), penalty, [each[:, kept] for each in solved])
        worst = max(without, key=lambda member: without[member][0])
        if without[worst][0] < value * _WORSE:
            break
        chosen.remove(worst)
        value, solved = without[worst]
    adds = {names[m]: value - without[m][0] for m in chosen} if len(chosen) > 1 else {names[chosen[0]]: value}
    weights = _solve(lists.columns(chosen, len(names)), penalty, None)
    return Weights(tuple(names[m] for m in chosen), weights[0], weights[1:], value, adds)


def _lists(tables: Sequence[Scores], held_out: HeldOut, bucket: Rows, repeat: bool) -> _Lists:
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
    return _Lists(
        np.concatenate(x), np.concatenate(person), np.concatenate(hits).astype(np.float64), bucket[asked], ideal
    )


def _validated(
    lists: _Lists, members: Sequence[int], count: int, penalty: float, starts: Sequence[NDArray[np.float64]] | None
) -> tuple[float, list[NDArray[np.float64]]]:
    """Mean NDCG@10 of people whose fold did not fit the weights, and the weights of each fold."""
    part = lists.columns(members, count)
    fold = np.random.default_rng(_FOLD_SEED).permutation(len(part.bucket)) % _FOLDS
    gained, solved = np.zeros(len(fold)), []
    for each in range(_FOLDS):
        weights = _solve(part.of(fold != each), penalty, None if starts is None else starts[each])
        test = part.of(fold == each)
        scores = np.einsum("nm,nm->n", test.x, (weights[0] + weights[1:][test.bucket])[test.person])
        gained[fold == each] = _ndcg(test, scores)
        solved.append(weights)
    return float(gained.mean()), solved


def _ndcg(lists: _Lists, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    order = np.lexsort((-scores, lists.person))
    first = np.searchsorted(lists.person, np.arange(len(lists.bucket)))
    rank = np.arange(len(order)) - first[lists.person[order]]
    gain = np.where(rank < 10, lists.relevant[order] / np.log2(rank + 2.0), 0.0)
    ndcg: NDArray[np.float64] = np.bincount(lists.person[order], gain, minlength=len(lists.bucket)) / lists.ideal
    return ndcg


def _solve(lists: _Lists, penalty: float, start: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Penalised conditional logit: weights of all people, then what each bucket adds, 1 + B X 2M."""
    width, people = lists.x.shape[1], len(lists.bucket)
    starts = np.searchsorted(lists.person, np.arange(people))
    hits = np.add.reduceat(lists.relevant, starts)
    share = np.divide(lists.relevant, hits[lists.person], where=hits[lists.person] > 0, out=np.zeros(len(lists.x)))
    told = hits > 0  # a person none of whose items any member found tells nothing
    strength = np.array([1.0] + [_DEVIATION] * BUCKETS)[:, None] * penalty

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
        value = fit / people + (strength * weights**2).sum()
        return value, (grown / people + 2.0 * strength * weights).ravel()

    begin = np.zeros((1 + BUCKETS) * width) if start is None else start.ravel()
    steps = _STEPS if start is None else _FEW_STEPS
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return np.asarray(found.x.reshape(1 + BUCKETS, width))
