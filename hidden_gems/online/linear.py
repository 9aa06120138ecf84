"""A linear bandit over features that gems share, with a residual of each gem: LinUCB and linear Thompson sampling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.online.index import GrowingIndex, grown

Floats = NDArray[np.float64]
_AT_ONCE = 256  # impressions whose products are held in memory


@dataclass
class LinearArms:
    """Learn how the context of an impression moves the reward it earns, for all gems at once.

    One ridge regression of reward on the D features of an impression, shared by all gems: A = strength I + sum of x x',
    b = sum of reward x, theta = A^-1 b. A gem's own level is not its business: whoever knows it (a count of rewards and
    impressions) gets from `shift` how far a context lies from those the gem was shown in, in reward:
    theta (x - mean x of the gem), which is LinUCB's residual written around the gem's mean. A gem that was never shown
    is compared with the mean of all, so it starts warm. Everything is only added up, so the order of slates and clicks
    does not matter.

    Notation: D `width`, B impressions or rewards.

    Args:
        width: Features of an impression, D; the first one is constant.
        strength: Impressions that the belief "context moves nothing" is worth.
        noise: Standard deviation of the reward of one impression around its mean.
        own_strength: Impressions that "a gem's contexts are those of all" is worth.
        half_life: Impressions after which older ones count half; None never forgets.
        unasked: Features that explain what was earned but are not known when a belief is asked for, like the position;
            they are learned, and count as the usual ones.

    Examples:
        >>> arms = LinearArms(width=2, strength=1.0)
        >>> for _ in range(200):
        ...     arms.learn_one("terrace", np.array([1.0, 1.0]), exposures=1.0, reward=0.6)
        ...     arms.learn_one("terrace", np.array([1.0, 0.0]), exposures=1.0, reward=0.2)
        >>> moved, spread = arms.shift(["terrace", "nobody-knows"], np.array([[1.0, 1.0], [1.0, 0.0]]))
        >>> moved.round(1).tolist(), bool(spread.max() < 0.1)
        ([0.2, -0.2], True)

    Source:
        Li et al. (2010), A Contextual-Bandit Approach to Personalized News Article Recommendation (the hybrid model,
        fitted in two stages); Agrawal and Goyal (2013), Thompson Sampling for Contextual Bandits with Linear Payoffs.
        A is factored once a state, which costs less than Sherman and Morrison's update once an impression.
    """

    width: int
    strength: float = 50.0
    noise: float = 0.3
    own_strength: float = 10.0
    half_life: float | None = None
    unasked: tuple[int, ...] = ()
    index: GrowingIndex = field(default_factory=GrowingIndex, init=False, repr=False)
    _gram: Floats = field(init=False, repr=False)  # sum of x x', D X D
    _earned: Floats = field(init=False, repr=False)  # sum of reward x, D
    _shown: Floats = field(init=False, repr=False)  # sum of x a gem, all of them in row 0; rows X D

    def __post_init__(self) -> None:
        if not (self.strength > 0 and self.noise > 0 and self.own_strength > 0 and (self.half_life or 1.0) > 0):
            raise ValueError("strengths, noise and half-life of the linear arms must be above 0")
        self._keep = 1.0 if self.half_life is None else 0.5 ** (1.0 / self.half_life)
        self._gram, self._earned = np.zeros((self.width, self.width)), np.zeros(self.width)
        self._shown = np.zeros((1, self.width))

    def learn_one(self, item_id: str, context: Floats, exposures: float, reward: float) -> None:
        """Take impressions of an arm in a context, and a reward that one of them earned; see `learn_many`."""
        self.learn_many([item_id], context[None], np.array([exposures]), np.array([reward]))

    def learn_many(self, item_ids: Sequence[str], contexts: Floats, exposures: Floats, rewards: Floats) -> None:
        """Learn B impressions and rewards, in order; the same as `learn_one` for each, to the bit.

        Args:
            item_ids: Arms, size B.
            contexts: Size B X D, finite.
            exposures: Impressions in this context, -1 or more, size B; -1 takes one back.
            rewards: -1 to 1, size B.

        Raises:
            ValueError: If a number lies outside its range, NaN included; nothing is learned then.
        """
        contexts, rewards = np.asarray(contexts, dtype=np.float64), np.asarray(rewards, dtype=np.float64)
        if contexts.shape != (len(item_ids), self.width) or not np.isfinite(contexts).all():
            raise ValueError(f"contexts of arms must be finite, {len(item_ids)} X {self.width}")
        if not (np.isfinite(exposures).all() and (np.asarray(exposures) >= -1.0).all()):
            raise ValueError("exposures of arms must be finite and -1 or more")
        if not (np.isfinite(rewards).all() and (np.abs(rewards) <= 1.0).all()):
            raise ValueError("rewards of arms must be finite, -1 to 1")
        rows = self._rows(item_ids)
        for start in range(0, len(rows), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            self._take(rows[part], contexts[part], np.asarray(exposures[part], dtype=np.float64), rewards[part])
        self._forget_solved()

    def shift(self, item_ids: Sequence[str], contexts: Floats) -> tuple[Floats, Floats]:
        """How much more than in its usual context a gem earns in this one, and how unsure that is, size B each.

        Args:
            item_ids: Arms, size B.
            contexts: Size B X D.
        """
        theta, inverse = self._solved
        apart = self.apart(item_ids, contexts)
        spread = self.noise * np.sqrt(np.maximum(((apart @ inverse) * apart).sum(axis=1), 0.0))
        return np.asarray(apart @ theta), spread

    def upper(self, item_ids: Sequence[str], contexts: Floats, alpha: float = 1.0) -> Floats:
        """LinUCB's index of the shift, float64, size B: mean plus `alpha` spreads."""
        mean, spread = self.shift(item_ids, contexts)
        return mean + alpha * spread

    def draw(self, item_ids: Sequence[str], contexts: Floats, random: np.random.Generator) -> Floats:
        """The shift by one draw of theta from its belief, float64, size B: linear Thompson sampling."""
        theta, inverse = self._solved
        drawn = random.multivariate_normal(theta, self.noise**2 * inverse, method="cholesky")
        return np.asarray(self.apart(item_ids, contexts) @ drawn)

    @property
    def weights(self) -> Floats:
        """theta, size D."""
        return self._solved[0]

    def arrays(self) -> dict[str, Floats]:
        """What was learned; `restore` takes it back."""
        return {
            "gram": self._gram.copy(),
            "earned": self._earned.copy(),
            "shown": self._shown[: len(self.index)].copy(),
        }

    def restore(self, item_ids: Sequence[str], arrays: Mapping[str, Floats]) -> Self:
        """Go back to what `arrays` gave for these ids.

        Raises:
            ValueError: If sizes or numbers cannot be those of linear arms.
        """
        index, width = GrowingIndex(item_ids), self.width
        sizes = {"gram": (width, width), "earned": (width,), "shown": (len(index), width)}
        if any(arrays[name].shape != size or not np.isfinite(arrays[name]).all() for name, size in sizes.items()):
            raise ValueError(f"linear arms of {len(index)} rows and width {width} cannot have these tables")
        self.index = index
        self._gram, self._earned, self._shown = (arrays[name].astype(np.float64) for name in sizes)
        self._forget_solved()
        return self

    @cached_property
    def _usual(self) -> Floats:
        """The usual context of each gem, drawn to that of all where it was shown little; of all in row 0; rows X D."""
        usual = self._shown[: len(self.index)].copy()
        usual[0] = 0.0
        weight = usual[:, :1] + self.own_strength
        usual += self.own_strength * (self._shown[0] / self._shown[0, 0])
        usual /= weight
        return usual

    def _forget_solved(self) -> None:
        """What follows from the sums is found again when it is asked for."""
        for name in ("_solved", "_usual"):
            self.__dict__.pop(name, None)

    @cached_property
    def _solved(self) -> tuple[Floats, Floats]:
        """theta, and A^-1."""
        inverse = np.asarray(np.linalg.inv(self._gram + self.strength * np.eye(self.width)), dtype=np.float64)
        return inverse @ self._earned, inverse

    def apart(self, item_ids: Sequence[str], contexts: Floats) -> Floats:
        """How far contexts lie from the mean of each gem's, drawn to that of all where it was shown little; B X D.

        Before anything was shown the mean of all is that of the contexts themselves.
        """
        contexts = np.asarray(contexts, dtype=np.float64)
        if self._shown[0, 0] > 0:
            apart = self._usual[self.index.rows(item_ids)]  # a copy, which becomes what is given back
            np.subtract(contexts, apart, out=apart)
        else:
            apart = contexts - contexts.sum(axis=0) / max(len(contexts), 1)
        if self.unasked:
            apart[:, list(self.unasked)] = 0.0
        return apart

    def _take(self, rows: NDArray[np.int64], x: Floats, exposures: Floats, rewards: Floats) -> None:
        """Add up, one after another in any case, so that the bits do not depend on where a batch ends."""
        total = np.cumsum(exposures)
        kept = self._keep ** (total[-1] - total)  # 1 where nothing is forgotten
        if self._keep < 1.0:
            for table in (self._gram, self._earned, self._shown):
                table *= self._keep ** total[-1]
        seen = (kept * exposures)[:, None] * x
        self._gram = np.add.reduce(np.concatenate([self._gram[None], seen[:, :, None] * x[:, None, :]]), axis=0)
        self._earned = np.add.reduce(np.concatenate([self._earned[None], (kept * rewards)[:, None] * x]), axis=0)
        np.add.at(self._shown, np.zeros_like(rows), seen)
        np.add.at(self._shown, rows[rows > 0], seen[rows > 0])

    def _rows(self, item_ids: Sequence[str]) -> NDArray[np.int64]:
        rows = self.index.grow(item_ids)
        self._shown = grown(self._shown, len(self.index))
        return rows
