"""Thompson sampling for rewards between nothing and everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.online.index import GrowingIndex, grown

Floats = NDArray[np.float64]


@dataclass
class BetaThompson:
    """Believe of every item how much reward one impression of it earns; draws of the belief say what to show.

    Each arm keeps a Beta(successes, failures) belief: its prior, plus the rewards it earned as successes, plus the
    impressions that earned nothing as failures. An impression counts once an item of a slate, a reward once an
    impression and type of event (the learner sees to both). They are only added up, so it does not matter whether a
    click is learned before or after the slate it answers; an impression that nobody saw is added as -1 of it.
    Rewards below 0 count as 0: an item that is dismissed often falls because its impressions earn nothing.

    Args:
        prior_successes: Rewards that an arm without a prior of its own is thought to have earned.
        prior_failures: Impressions without reward that such an arm is thought to have had.
        half_life: Impressions of an arm after which older ones, and their rewards, count half; None never forgets.

    Examples:
        >>> arms = BetaThompson(prior_successes=1.0, prior_failures=1.0)
        >>> for _ in range(50):
        ...     arms.learn_one("balat-courtyard", exposures=1, reward=0.7)
        ...     arms.learn_one("crowded-terrace", exposures=1, reward=-0.1)
        >>> mean, spread = arms.belief(["balat-courtyard", "crowded-terrace", "nobody-knows"])
        >>> mean.round(2).tolist(), spread.round(2).tolist()
        ([0.69, 0.02, 0.5], [0.06, 0.02, 0.29])

    Source:
        Chapelle and Li (2011), An Empirical Evaluation of Thompson Sampling. Fractional rewards are taken as that share
        of a success, which the paper does not cover; two types of event at one impression may earn more than one
        success together.
    """

    prior_successes: float = 0.2
    prior_failures: float = 1.8
    half_life: float | None = None
    index: GrowingIndex = field(default_factory=GrowingIndex, init=False, repr=False)
    _priors: Floats = field(init=False, repr=False)  # successes and failures a row
    _learned: Floats = field(init=False, repr=False)  # rewards and impressions a row

    def __post_init__(self) -> None:
        if not (
            self.prior_successes > 0 and self.prior_failures > 0 and (self.half_life is None or self.half_life > 0)
        ):
            raise ValueError("priors and half-life of the arms must be above 0")
        self._keep = 1.0 if self.half_life is None else 0.5 ** (1.0 / self.half_life)
        self._priors = np.array([[self.prior_successes, self.prior_failures]])
        self._learned = np.zeros((1, 2))

    def set_priors(self, item_ids: Sequence[str], successes: Floats, failures: Floats) -> Self:
        """Give arms priors of their own, float64, size B each.

        Raises:
            ValueError: If one is not above 0.
        """
        priors = np.stack([successes, failures], axis=1)
        if not (np.isfinite(priors).all() and (priors > 0).all()):
            raise ValueError("priors of arms must be finite and above 0")
        rows = self._rows(item_ids)
        self._priors[rows[rows > 0]] = priors[rows > 0]
        return self

    def learn_one(self, item_id: str, exposures: float, reward: float) -> None:
        """Take impressions of an arm, and a reward one of them earned, into the belief; see `learn_many`."""
        self.learn_many([item_id], np.array([exposures]), np.array([reward]))

    def learn_many(self, item_ids: Sequence[str], exposures: Floats, rewards: Floats) -> None:
        """Learn B impressions and rewards, in order; the same as `learn_one` for each.

        Args:
            item_ids: Arms, size B; one may come several times.
            exposures: Impressions, -1 or more, size B; -1 takes one back, where there is one.
            rewards: At most 1, size B; below 0 counts as 0.

        Raises:
            ValueError: If a number lies outside its range, NaN included; nothing is learned then.
        """
        exposures, rewards = np.asarray(exposures, dtype=np.float64), np.asarray(rewards, dtype=np.float64)
        if not (np.isfinite(exposures).all() and (exposures >= -1.0).all()):
            raise ValueError("exposures of arms must be finite and -1 or more")
        if not (np.isfinite(rewards).all() and (rewards <= 1.0).all()):
            raise ValueError("rewards of arms must be finite and at most 1")
        rows = self._rows(item_ids)
        entries = np.stack([np.maximum(rewards, 0.0), exposures], axis=1)[rows > 0]
        rows, exposures = rows[rows > 0], exposures[rows > 0]
        if self._keep < 1.0:
            total = np.bincount(rows, weights=exposures, minlength=len(self._learned))
            self._learned *= (self._keep**total)[:, None]
            entries *= (self._keep ** _later(rows, exposures))[:, None]
        np.add.at(self._learned, rows, entries)
        self._learned[rows, 1] = np.maximum(self._learned[rows, 1], 0.0)

    def belief(self, item_ids: Sequence[str]) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the reward an impression of each arm earns, float64 in (0, 1), size B each."""
        successes, failures = self._shape(item_ids)
        total = successes + failures
        mean = successes / total
        return mean, np.sqrt(mean * (1.0 - mean) / (total + 1.0))

    def draw(self, item_ids: Sequence[str], random: np.random.Generator) -> Floats:
        """One draw of the reward of each arm, float64 in [0, 1], size B."""
        return random.beta(*self._shape(item_ids))

    def arrays(self) -> dict[str, Floats]:
        """What was learned, by row of `index`; `restore` takes it back."""
        return {"priors": self._priors[: len(self.index)].copy(), "learned": self._learned[: len(self.index)].copy()}

    def restore(self, item_ids: Sequence[str], arrays: Mapping[str, Floats]) -> Self:
        """Go back to what `arrays` gave for these ids.

        Raises:
            ValueError: If sizes or numbers cannot be those of arms.
        """
        priors, learned = arrays["priors"], arrays["learned"]
        index = GrowingIndex(item_ids)
        if priors.shape != (len(index), 2) or learned.shape != (len(index), 2):
            raise ValueError(f"arms of {len(index)} rows cannot have tables of {priors.shape} and {learned.shape}")
        if not (
            np.isfinite(priors).all() and (priors > 0).all() and np.isfinite(learned).all() and (learned >= 0).all()
        ):
            raise ValueError("tables of arms hold a number that is not finite or below 0")
        self.index, self._priors, self._learned = index, priors.astype(np.float64), learned.astype(np.float64)
        return self

    def _rows(self, item_ids: Sequence[str]) -> NDArray[np.int64]:
        before = len(self.index)
        rows = self.index.grow(item_ids)
        self._priors, self._learned = grown(self._priors, len(self.index)), grown(self._learned, len(self.index))
        self._priors[before : len(self.index)] = self._priors[0]
        return rows

    def _shape(self, item_ids: Sequence[str]) -> tuple[Floats, Floats]:
        rows = self.index.rows(item_ids)
        earned, shown = self._learned[rows].T
        return self._priors[rows, 0] + earned, self._priors[rows, 1] + np.maximum(shown - earned, 0.0)


def _later(rows: NDArray[np.int64], exposures: Floats) -> Floats:
    """Impressions of the same row that come after each entry, size B."""
    order = np.argsort(rows, kind="stable")
    running = np.cumsum(exposures[order])
    last = np.searchsorted(rows[order], rows[order], side="right") - 1
    later = np.empty_like(exposures)
    later[order] = running[last] - running
    return later
