"""What was popular lately at the time of the request; how lately is chosen by what came next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.held_out import HeldOut
from hidden_gems.models.tuned import Tuned

HALF_LIVES_DAYS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
"""Options beside never, where times are times."""
SHARES = (1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128)
"""Half-lives as shares of the log, the options beside never where times are only an order."""
_AGAIN = (1.0, 0.5, 0.0)
_SLICES = 128
_WHOLE = 0.1
"""Weight of the whole log beside what was lately, so that early requests and rare items are in order."""


@dataclass
class RecentPopular(Tuned):
    """Score an item by the faded rewards it had earned when it was asked for, as a share of all.

    Notation: T slices of the log with as many interactions each; 1 where times are only an order, since then the
    numbers of two people cannot be compared.

    Args:
        half_life: Age at which a reward counts half, in days; where times are only an order, in interactions of the
            log. None counts all alike.
        again: What repeats of the same person and item add, 0 to 1: the first n of them count n ** again, so at 0
            people are counted and at 1 interactions.

    Examples:
        >>> rows = np.array([1, 2, 2])
        >>> log = Interactions(rows, rows, rows, np.ones(3, dtype=np.float32), users=3, items=4)
        >>> model = RecentPopular(again=0.0).refit(log)
        >>> model.score_catalogue(np.array([0]), Moments.at(np.array([9]))).round(2)
        array([[-inf, 0.55, 0.55, 0.  ]], dtype=float32)
    """

    half_life: float | None = None
    again: float = 1.0
    ends: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    """Moment behind each slice, epoch seconds, ascending, T."""
    shares: NDArray[np.float32] = field(init=False, repr=False, compare=False)
    """Share of each item before the first slice ended (row 0: the whole log) and behind each, size T + 1 X I."""

    def choose(self, early: Interactions, held_out: HeldOut) -> Self:
        """Choose the half-life, and whether people or interactions count."""
        events = len(early.user)
        options = [share * events for share in SHARES] if early.order_only else HALF_LIVES_DAYS

        def value() -> float:
            return held_out.value(self.refit(early).score_catalogue(held_out.user, held_out.moments))

        self.climb({"half_life": (None, *options), "again": _AGAIN}, value)
        return self

    def refit(self, log: Interactions) -> Self:
        """Add up what every item had earned at the end of each slice."""
        counts = log.reward * _counts(log, self.again)
        slices = 1 if log.order_only else min(_SLICES, len(log.user))
        cuts = np.linspace(0, len(log.user), slices + 1).astype(np.int64)
        self.ends = log.timestamp[cuts[1:] - 1] + 1 if len(log.user) else np.zeros(slices, dtype=np.int64)
        whole = _share(np.bincount(log.item, weights=counts, minlength=log.items))
        earned, before = np.zeros(log.items), 0
        rows = [whole]
        for (start, stop), end in zip(pairwise(cuts), self.ends, strict=True):
            part = slice(start, stop)
            age = np.arange(stop - start)[::-1] if log.order_only else end - 1 - log.timestamp[part]
            earned = earned * self._fade(end - before, log.order_only)
            earned += np.bincount(
                log.item[part], weights=counts[part] * self._fade(age, log.order_only), minlength=log.items
            )
            rows.append(_share(earned))
            before = end
        self.shares = (np.array(rows) + _WHOLE * whole).astype(np.float32)
        if log.order_only:  # whatever is asked, all of the log came before
            self.ends, self.shares = self.ends[:0], self.shares[-1:]
        return self

    def score(self, user: Rows, item: Rows, when: Moments) -> NDArray[np.float32]:
        """Share of each item at each moment, float32, size B."""
        return self.shares[self.rows(when), item]

    def score_catalogue(self, user: Rows, when: Moments) -> NDArray[np.float32]:
        """Share of every item at each moment, float32, size U X I; column 0 is -inf."""
        scores = self.shares[self.rows(when)]
        scores[:, 0] = -np.inf
        return scores

    def rows(self, when: Moments) -> Rows:
        """Row of `shares` for each moment, size B."""
        return np.searchsorted(self.ends, when.timestamp, side="right")

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Shares and ends."""
        return {"shares": self.shares, "ends": self.ends}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `arrays` gave."""
        self.shares, self.ends = arrays["shares"], arrays["ends"]

    def _fade(self, age: NDArray[np.int64] | np.int64, order_only: bool) -> NDArray[np.float64]:
        """What age (seconds, or interactions) leaves."""
        if self.half_life is None:
            return np.ones(np.shape(age))
        return np.asarray(0.5 ** (age / (self.half_life * (1 if order_only else DAY_SECONDS))))


def _share(earned: NDArray[Any]) -> NDArray[np.float64]:
    share: NDArray[np.float64] = earned / max(earned.sum(), np.finfo(np.float32).tiny)
    return share


def _counts(log: Interactions, again: float) -> NDArray[np.float64]:
    """What each interaction counts by how many of the same pair there were before, E."""
    keys = log.user * log.items + log.item
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    nth: NDArray[np.float64] = np.empty(len(keys))
    nth[order] = np.arange(len(keys)) - np.repeat(starts, np.diff(np.append(starts, len(keys)))) + 1
    counts: NDArray[np.float64] = np.power(nth, again)
    counts[nth > 1] -= (nth[nth > 1] - 1) ** again
    return counts
