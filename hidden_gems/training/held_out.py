"""The last slice of time, held out to decide when a model has learned enough."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.models.pairs import Pairs
from hidden_gems.models.top_k import NO_ITEM, top_k

FEWEST_PAIRS = 20
"""With fewer new pairs in the slice its verdict is chance."""
_K = 10


@dataclass(frozen=True)
class HeldOut:
    """People who met something new in the slice, V of them, with what they met before and in it."""

    user: Rows  # V
    when: NDArray[np.int64]  # their first moment in the slice, V
    seen: csr_matrix  # V X I
    new: csr_matrix  # V X I

    def ndcg(self, scores: NDArray[np.float32]) -> float:
        """Mean NDCG@10 over people, full catalogue without what they had seen, gain 1 for each new item.

        Args:
            scores: Score of every item, size V X I.
        """
        rows, _ = top_k(scores, _K, exclude=self.seen)
        discount = 1.0 / np.log2(np.arange(2, _K + 2))
        met = np.take_along_axis(self.new.toarray(), np.maximum(rows, 0), axis=1)
        gain = np.where(rows == NO_ITEM, 0.0, met) @ discount
        ideal = np.cumsum(discount)[np.minimum(np.diff(self.new.indptr), _K) - 1]
        return float((gain / ideal).mean())


def hold_out(log: Interactions, share: float, *, seed: int, most: int = 256) -> tuple[Interactions, HeldOut | None]:
    """Cut off the last slice of time.

    Args:
        log: Interactions, oldest first.
        share: Share of the interactions in the slice, 0 to 1.
        seed: Seed of the choice of people where there are more than `most`.
        most: People to judge by.

    Returns:
        What came before the slice, and the slice; None if it shows fewer than `FEWEST_PAIRS` new pairs of people and
        items that were both known before.
    """
    cut = round(len(log.user) * (1.0 - share))
    early, late = _part(log, slice(None, cut)), _part(log, slice(cut, None))
    before, after = Pairs.of(early), Pairs.of(late)
    fresh = np.isin(after.user, before.user) & np.isin(after.item, before.item) & ~np.isin(after.keys, before.keys)
    if fresh.sum() < FEWEST_PAIRS:
        return log, None
    user = np.unique(after.user[fresh])
    if len(user) > most:
        user = np.sort(np.random.default_rng(seed).choice(user, most, replace=False))
    first = np.full(log.users, np.iinfo(np.int64).max)
    np.minimum.at(first, late.user, late.timestamp)
    new = csr_matrix((np.ones(int(fresh.sum())), (after.user[fresh], after.item[fresh])), shape=after.shape)
    return early, HeldOut(user, first[user], before.table(before.reward)[user], new[user])


def _part(log: Interactions, part: slice) -> Interactions:
    arrays = {name: getattr(log, name)[part] for name in ("user", "item", "timestamp", "reward")}
    return replace(log, **arrays)
