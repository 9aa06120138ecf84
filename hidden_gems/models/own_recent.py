"""What a person did before, decayed: hard to beat where people come back to the same places."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.held_out import HeldOut
from hidden_gems.models.past import Fade, Past, picked
from hidden_gems.models.recent_popular import RecentPopular
from hidden_gems.models.tuned import Tuned

DAYS = (None, 4.0, 7.0, 14.0, 30.0, 60.0, 120.0, 240.0)
"""Options of half-lives in days, from none."""
STEPS = (None, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Options of half-lives in interactions, from none."""
TRACES = (0.03, 0.3, 1.0, 3.0, 10.0, 30.0)


@dataclass
class OwnRecent(Tuned):
    """Score an item by the person's faded visits to it, and a trace of its recent popularity.

    Items that a person never met are in the order of recent popularity. Nothing is learned about which people like
    the same.

    Args:
        half_life_days: Age at which a visit counts half, back from the person's last one; None: age does not matter.
            Not used where times are only an order.
        half_life_steps: Number of later visits at which a visit counts half; None: it does not matter.
        popularity: What the trace adds to an item with all of popularity, in visits of today.
        popular_half_life: Half-life of popularity; see `RecentPopular`.
        again: Whether people or visits make popularity; see `RecentPopular`.

    Source:
        Anderson et al. (2014), The Dynamics of Repeat Consumption: recency and frequency explain most of it.
    """

    half_life_days: float | None = None
    half_life_steps: float | None = None
    popularity: float = 0.03
    popular_half_life: float | None = None
    again: float = 1.0
    trace: RecentPopular = field(init=False, repr=False, compare=False)
    """Recent popularity."""
    past: Past = field(init=False, repr=False, compare=False)
    """Everyone's visits."""

    def choose(self, early: Interactions, held_out: HeldOut) -> Self:
        """Choose popularity by new items, the rest by the next visits with repeats."""
        recent = RecentPopular(self.popular_half_life, self.again)
        recent.choose(early, replace(held_out, met=held_out.new))
        self.popular_half_life, self.again = recent.half_life, recent.again
        self.refit(early)
        if held_out.repeats:
            days = () if early.order_only else DAYS
            grid = {"half_life_steps": STEPS, "half_life_days": days, "popularity": TRACES}
            self.climb(grid, lambda: self._value(held_out))
        return self

    def refit(self, log: Interactions) -> Self:
        """Keep everyone's visits and add up popularity."""
        self.trace = RecentPopular(self.popular_half_life, self.again).refit(log)
        self.past = Past.of(log)
        return self

    def score(self, user: Rows, item: Rows, when: Moments) -> NDArray[np.float32]:
        """Faded visits of each person to each item, and the trace, float32, size B."""
        who, which, moments = self.past.asked(user, when)
        own = self.past.total(who, moments, self._fade)
        return self.popularity * self.trace.score(user, item, when) + picked(own, which, item).astype(np.float32)

    def score_catalogue(self, user: Rows, when: Moments) -> NDArray[np.float32]:
        """Faded visits of each person to every item, and the trace, float32, size U X I; column 0 is -inf."""
        own = self.past.total(user, when, self._fade).astype(np.float32)
        scores: NDArray[np.float32] = self.popularity * self.trace.score_catalogue(user, when) + own.toarray()
        return scores

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Popularity and everyone's visits."""
        return {**self.trace.arrays(), **self.past.arrays()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `arrays` gave."""
        self.trace = RecentPopular(self.popular_half_life, self.again)
        self.trace.restore(arrays)
        self.past = Past.restore(arrays)

    @property
    def _fade(self) -> Fade:
        return Fade(self.half_life_days, self.half_life_steps)

    def _value(self, held_out: HeldOut) -> float:
        scores = self.score_catalogue(held_out.user, held_out.moments)
        return float(np.nanmean(held_out.ndcg(scores, repeat=True)))
