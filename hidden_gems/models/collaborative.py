"""What models of who likes what share: recent popularity and a person's own visits are added to their scores."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.held_out import HeldOut
from hidden_gems.models.own_recent import OwnRecent
from hidden_gems.models.past import Fade, Past, picked
from hidden_gems.models.recent_popular import RecentPopular
from hidden_gems.models.tuned import Tuned

Scores = NDArray[np.float32]
PARTS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
"""Options of how much the best of an addition adds, as a part of the best score before it."""


@dataclass(kw_only=True)
class Collaborative(Tuned):
    """Score = what the subclass learned from who met what + recent popularity + the person's own visits.

    Own visits decide where people come back: new items are not touched by them. Each addition is weighed by what was
    held out: popularity by new items, visits by the next ones with repeats.

    Args:
        recent: Weight of `RecentPopular`'s shares; a trace of it orders what nothing else tells apart.
        popular_half_life: See `RecentPopular`.
        again: See `RecentPopular`.
        own: Weight of the person's faded visits; see `OwnRecent`.
        own_half_life_days: Their half-life in days.
        own_half_life_steps: Their half-life in interactions.
    """

    recent: float = 1e-4
    popular_half_life: float | None = None
    again: float = 1.0
    own: float = 0.0
    own_half_life_days: float | None = None
    own_half_life_steps: float | None = None
    past: Past = field(init=False, repr=False, compare=False)
    """Everyone's interactions."""
    trace: RecentPopular = field(init=False, repr=False, compare=False)
    """Recent popularity."""

    @abstractmethod
    def learn(self, log: Interactions) -> None:
        """Learn from who met what; `past` is known."""

    @abstractmethod
    def choose_how(self, early: Interactions, held_out: HeldOut) -> None:
        """Choose how to learn, by new items; `past` is known, and `learn` has not run."""

    @abstractmethod
    def base(self, user: Rows, when: Moments) -> Scores:
        """Score of every item without additions, finite, float32, size U X I."""

    @abstractmethod
    def base_pairs(self, user: Rows, item: Rows, when: Moments) -> Scores:
        """Score of each pair without additions, float32, size B."""

    def choose(self, early: Interactions, held_out: HeldOut) -> Self:
        """Choose how to learn, then how much of recent popularity and of own visits to add."""
        new = replace(held_out, met=held_out.new)
        trace = RecentPopular(self.popular_half_life, self.again).choose(early, new)
        self.popular_half_life, self.again = trace.half_life, trace.again
        self.past, self.trace = Past.of(early), trace.refit(early)
        self.choose_how(early, held_out)
        self.learn(early)
        scores = self.base(held_out.user, held_out.moments)
        popular = trace.score_catalogue(held_out.user, held_out.moments)
        scores = self._weigh("recent", scores, popular, new.value)
        if held_out.repeats:
            own = OwnRecent(popular_half_life=self.popular_half_life, again=self.again).choose(early, held_out)
            self.own_half_life_days, self.own_half_life_steps = own.half_life_days, own.half_life_steps
            visits = self._visits(held_out.user, held_out.moments).toarray()
            self._weigh("own", scores, visits, lambda now: float(np.nanmean(held_out.ndcg(now, repeat=True))))
        return self

    def refit(self, log: Interactions) -> Self:
        """Learn from a log with the choice that was made."""
        self.past = Past.of(log)
        self.trace = RecentPopular(self.popular_half_life, self.again).refit(log)
        self.learn(log)
        return self

    def score(self, user: Rows, item: Rows, when: Moments) -> Scores:
        """Score of each pair, float32, size B."""
        scores = self.base_pairs(user, item, when)
        if self.recent:
            scores = scores + np.float32(self.recent) * self.trace.score(user, item, when)
        if self.own:
            who, which, moments = self.past.asked(user, when)
            own = picked(self._visits(who, moments), which, item).astype(np.float32)
            scores = scores + np.float32(self.own) * own
        return scores

    def score_catalogue(self, user: Rows, when: Moments) -> Scores:
        """Score of every item, float32, size U X I; column 0 is -inf."""
        scores = self.base(user, when)
        if self.recent:
            scores = scores + np.float32(self.recent) * self.trace.score_catalogue(user, when)
        if self.own:
            scores = scores + np.float32(self.own) * self._visits(user, when).toarray()
        scores[:, 0] = -np.inf
        return scores

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Popularity and everyone's interactions; a subclass adds what it learned."""
        return {**self.trace.arrays(), **self.past.arrays()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `arrays` gave."""
        self.past = Past.restore(arrays)
        self.trace = RecentPopular(self.popular_half_life, self.again)
        self.trace.restore(arrays)

    def new_value(self, held_out: HeldOut) -> float:
        """NDCG@10 of the new items that were held out, by the scores before own visits."""
        scores = self.base(held_out.user, held_out.moments)
        if self.recent:
            scores = scores + np.float32(self.recent) * self.trace.score_catalogue(held_out.user, held_out.moments)
        scores[:, 0] = -np.inf
        return float(np.nanmean(held_out.ndcg(scores)))

    def _visits(self, user: Rows, when: Moments) -> Any:
        fade = Fade(self.own_half_life_days, self.own_half_life_steps)
        return self.past.total(user, when, fade).astype(np.float32)

    def _weigh(self, name: str, scores: Scores, addition: Scores, value: Callable[[Scores], float]) -> Scores:
        """Choose the weight of an addition; returns the sum, V X I with -inf in column 0."""
        addition[:, 0] = 0.0
        scores[:, 0] = 0.0
        scale = scores.max(axis=1).mean() / max(float(addition.max(axis=1).mean()), 1e-9)

        def total() -> Scores:
            now = scores + np.float32(getattr(self, name)) * addition
            now[:, 0] = -np.inf
            return now

        options: Sequence[float] = [float(part * scale) for part in PARTS]
        self.climb({name: options}, lambda: value(total()))
        return total()
