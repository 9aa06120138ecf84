"""Many models as one: weights fitted on what was held out, by how much is known of a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.models.conditional_logit import (
    BUCKETS,
    SHRINKAGE,
    Scores,
    best_single,
    buckets,
    inputs,
    lists_of,
    single,
    solve,
    validated,
)
from hidden_gems.models.held_out import HeldOut, hold_out

_CELLS = 50_000_000  # inputs that are made at once
_FEWEST_PEOPLE = 20
_FEW_ROWS = 300_000  # candidates that choose strength and members


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

    def among(self, names: Sequence[str]) -> Self:
        """The weights of those members that are among the names."""
        kept = [row for row, name in enumerate(self.members) if name in set(names)]
        columns = [*kept, *(len(self.members) + row for row in kept)]
        members = tuple(self.members[row] for row in kept)
        return replace(self, members=members, shared=self.shared[columns], own=self.own[:, columns])

    def times(self, factors: Mapping[str, float]) -> Self:
        """Every weight of a member times its factor."""
        each = np.array([factors[name] for name in self.members] * 2)
        return replace(self, shared=self.shared * each, own=self.own * each)

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


def fit_blend(tables: Mapping[str, Scores], held_out: HeldOut, early: Interactions, *, repeat: bool) -> Weights:
    """Fit weights by the likelihood of what people met among their candidates.

    The candidates of a person are the best 30 of any member. Weights are those of a conditional logit over them, one
    set for all people and what each bucket adds. They shrink to the best single member: a few hundred people cannot
    tell a dozen members apart, and where one is far ahead, leaning on the others costs more than they bring (ADR-0055).
    With fewer than 20 people to go by, all count alike.

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
    lists = lists_of([tables[name] for name in names], held_out, buckets(early, held_out.user), repeat)
    few, count = lists.some(_FEW_ROWS), len(names)
    best = best_single(few, count)
    value = float(validated(few, best, count).mean())
    adds = {}
    for number, name in enumerate(names) if count > 1 else ():
        others = few.columns([each for each in range(count) if each != number], count)
        lead = best_single(others, count - 1) if number == best else best - (number < best)
        adds[name] = value - float(validated(others, lead, count - 1).mean())
    weights = solve(lists, single(lists, best, count), SHRINKAGE)
    return Weights(names, weights[0], weights[1:], value, adds or {names[0]: value})
