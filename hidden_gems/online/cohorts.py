"""Weights of the blend that move with feedback, for each cohort of people, within bounds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass
class CohortWeights:
    """Learn by how much each member of a blend should weigh more or less than it was fitted to, cohort by cohort.

    Feedback about a gem is credit for the members that had put it above its slate: the logarithm of a member's factor
    takes a step of reward X standard score above the slate, and loses a little of itself, so that a factor goes back to
    1 where nothing speaks for it. Factors stay between 1 / bound and bound: a blend can be led, not turned over.

    Notation: C `cohorts`, M `members`.

    Args:
        cohorts: Cohorts of people, C.
        members: Members of the blend, M.
        rate: Size of a step.
        decay: Share of the logarithms that an event of the cohort takes away.
        bound: Largest factor, above 1.

    Examples:
        >>> weights = CohortWeights(cohorts=2, members=2)
        >>> for _ in range(100):
        ...     weights.learn_one(1, np.array([1.0, -1.0]), 0.7)
        >>> weights.factors(0).tolist(), bool(weights.factors(1)[0] > 1.4 and weights.factors(1)[1] < 0.7)
        ([1.0, 1.0], True)

    Source:
        Kivinen and Warmuth (1997), Exponentiated Gradient versus Gradient Descent for Linear Predictors. Bounds and the
        way back are ours.
    """

    cohorts: int
    members: int
    rate: float = 0.02
    decay: float = 0.002
    bound: float = 2.0
    _logs: Floats = field(init=False, repr=False)  # C X M

    def __post_init__(self) -> None:
        self._logs = np.zeros((self.cohorts, self.members))

    def learn_one(self, cohort: int, above: Floats, reward: float) -> None:
        """Take one event; see `learn_many`."""
        self.learn_many([cohort], above[None], np.array([reward]))

    def learn_many(self, cohorts: Sequence[int], above: Floats, rewards: Floats) -> None:
        """Learn B events, in order.

        Args:
            cohorts: Of the people, 0 to C - 1, size B.
            above: Standard score of the gem less the mean of its slate, by each member, size B X M; cut at 3.
            rewards: -1 to 1, size B.

        Raises:
            ValueError: If a number is not finite; nothing is learned then.
        """
        if (
            above.shape != (len(cohorts), self.members)
            or not np.isfinite(above).all()
            or not np.isfinite(rewards).all()
        ):
            raise ValueError(f"standard scores and rewards must be finite, {len(cohorts)} X {self.members}")
        most = float(np.log(self.bound))
        for cohort, each, reward in zip(cohorts, np.clip(above, -3.0, 3.0), rewards, strict=True):
            moved = (1.0 - self.decay) * self._logs[cohort] + self.rate * reward * each
            self._logs[cohort] = np.minimum(np.maximum(moved, -most), most)

    def factors(self, cohort: int) -> Floats:
        """What the fitted weights of a cohort are multiplied by, 1 / bound to bound, size M."""
        return np.asarray(np.exp(self._logs[cohort]))

    def table(self) -> Floats:
        """What was learned, C X M; `restore` takes it back."""
        return self._logs.copy()

    def restore(self, table: Floats) -> Self:
        """Go back to what `table` gave.

        Raises:
            ValueError: If it cannot be that.
        """
        if table.shape != self._logs.shape or not (np.abs(table) <= np.log(self.bound) + 1e-12).all():
            raise ValueError(f"weights of {self.cohorts} cohorts and {self.members} members cannot be {table.shape}")
        self._logs = table.astype(np.float64)
        return self
