"""What comes next, held out: it decides how long a model learns, how it is set, and what it weighs in a blend."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.pairs import Pairs
from hidden_gems.models.top_k import NO_ITEM, top_k

SHARE = 0.1
"""Share of the interactions in the slice."""
PEOPLE = 2_000
"""People to judge by, at most; a verdict of more costs more than it says."""
FEWEST_PAIRS = 20
"""With fewer new pairs in the slice its verdict is chance."""
REPEATS_MATTER = 0.01
"""Share of repeats among the answers from which on they are judged too."""
_FEWEST_EVENTS = 3
"""A person with fewer is not asked what came last: too little would be left."""
_K = 10


@dataclass(frozen=True)
class HeldOut:
    """People who were there in the slice, V of them, with what they met before (some nothing) and in it."""

    user: Rows  # V
    moments: Moments  # of the requests: when what may be learned from ends, as `rank` asks, V
    seen: csr_matrix  # items met before, V X I
    new: csr_matrix  # items met in it for the first time, V X I
    met: csr_matrix  # all items met in it, V X I

    @classmethod
    def of(cls, early: Interactions, after: Interactions) -> Self | None:
        """What people did with items known from `early`; None for fewer than `FEWEST_PAIRS` new pairs of known people.

        Args:
            early: What may be learned from, oldest first.
            after: What is held out, oldest first; of the same people and items.
        """
        known, came = Pairs.of(early), Pairs.of(after)
        judged = np.isin(came.item, known.item)
        fresh = judged & ~np.isin(came.keys, known.keys)
        if (fresh & np.isin(came.user, known.user)).sum() < FEWEST_PAIRS:
            return None
        user = np.unique(came.user[judged])
        when = Moments.at(np.full(len(user), early.timestamp.max() + 1))
        met, new = (_table(came, rows)[user] for rows in (judged, fresh))
        return cls(user, when, known.table(known.reward)[user], new, met)

    @property
    def repeats(self) -> bool:
        """Whether people come back to the same items often enough to judge by it."""
        return bool(self.met.nnz - self.new.nnz >= REPEATS_MATTER * self.met.nnz > 0)

    def some(self, most: int, seed: int = 0) -> Self:
        """As many of the people, drawn; all where there are fewer."""
        if len(self.user) <= most:
            return self
        rows = np.sort(np.random.default_rng(seed).choice(len(self.user), most, replace=False))
        return type(self)(self.user[rows], self.moments[rows], self.seen[rows], self.new[rows], self.met[rows])

    def ndcg(self, scores: NDArray[np.float32], *, repeat: bool = False) -> NDArray[np.float64]:
        """NDCG@10 of each person over the full catalogue, gain 1 for each item met; NaN for those who met none, V.

        Args:
            scores: Score of every item, size V X I.
            repeat: Whether items known before may be ranked and count.
        """
        relevant = self.met if repeat else self.new
        rows, _ = top_k(scores, _K, exclude=None if repeat else self.seen)
        discount = 1.0 / np.log2(np.arange(2, _K + 2))
        gain = np.zeros(len(rows))
        for start in range(0, len(rows), 1_024):  # a dense part at a time
            part = rows[start : start + 1_024]
            hit = np.take_along_axis(relevant[start : start + 1_024].toarray() > 0, np.maximum(part, 0), axis=1)
            gain[start : start + 1_024] = np.where(part == NO_ITEM, 0.0, hit) @ discount
        count = np.diff(relevant.indptr)
        ideal = np.concatenate([[np.nan], np.cumsum(discount)])[np.minimum(count, _K)]
        each: NDArray[np.float64] = gain / ideal
        return each

    def value(self, scores: NDArray[np.float32]) -> float:
        """One figure, higher is better: NDCG@10 of new items; where repeats matter, its mean with that of all items.

        People of whom nothing is known before are left out: to them all personal models say much the same.

        Args:
            scores: Score of every item, size V X I.
        """
        kinds = (False, True) if self.repeats else (False,)
        known = np.diff(self.seen.indptr) > 0
        return float(np.mean([np.nanmean(self.ndcg(scores, repeat=repeat)[known]) for repeat in kinds]))


def hold_out(
    log: Interactions, share: float = SHARE, *, seed: int = 0, most: int = PEOPLE
) -> tuple[Interactions, HeldOut | None]:
    """Hold out what comes next for people: the last slice of time, and the last event of those who were not there.

    People without an event in the slice lose their last event (drawn where that would be more than the slice), so
    that people who stay away are judged as well. Where times are only an order, everyone loses their last event and
    there is no slice: the numbers of two people cannot be compared.

    Args:
        log: Interactions, oldest first.
        share: Share of the interactions in the slice, 0 to 1.
        seed: Of every draw.
        most: People to judge by, at most; drawn where there are more.

    Returns:
        What is left to learn from, and what was held out; the whole log and None if that shows fewer than
        `FEWEST_PAIRS` new pairs of people and items that are both known from the rest.
    """
    late = _late(log, share, np.random.default_rng([seed, 7]))
    early = log.part(~late)
    held_out = HeldOut.of(early, log.part(late))
    if held_out is None:
        return log, None
    return early, held_out.some(most, seed)


def _late(log: Interactions, share: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Which interactions are held out, E."""
    events = len(log.user)
    cut = events if log.order_only else round(events * (1.0 - share))
    late = np.arange(events) >= cut
    count = np.bincount(log.user, minlength=log.users)
    away = (count >= _FEWEST_EVENTS) & (np.bincount(log.user[late], minlength=log.users) == 0)
    away[0] = False
    people, most = np.flatnonzero(away), max(round(events * share), 1)
    if not log.order_only and len(people) > most:
        people = random.choice(people, most, replace=False)
    last = np.zeros(log.users, dtype=np.int64)
    last[log.user] = np.arange(events)  # the last one stands
    late[last[people]] = True
    return late


def _table(pairs: Pairs, rows: NDArray[np.bool_]) -> csr_matrix:
    return csr_matrix((np.ones(int(rows.sum())), (pairs.user[rows], pairs.item[rows])), shape=pairs.shape)
