"""Has a person's taste in types of gems changed? A Bayes factor over a handful of moments when it may have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from hidden_gems.drift.kinds import KINDS

Floats = NDArray[np.float64]
_BLOCKS = 5  # the first is now, the last is everything before the others
_GAIN, _LOOK = 0, 1
_SIZE = 2 + _BLOCKS * 2 * KINDS


@dataclass(frozen=True)
class TasteDrift:
    """Compare what a person liked lately, type by type, with what they liked before.

    A person gives a type reward at a rate for each look at it. The prior of each rate is a gamma around the rate of
    all types together, so that little is believed of a type that was hardly seen. The outcomes since the last change
    lie in blocks; every border between two blocks is a moment at which taste may have changed. For each of them and
    each type the marginal likelihood of what came after, with a rate of its own, is compared with the one given
    what came before. Few types change at once: `changing` mixes both for each type, and the score is the sum of the
    logarithms over types, of the best moment. Rates are relative to the person's rate over all types on each side,
    so that better slates, or a worse week, are no change of taste.

    A memory is float64, size `size`: outcomes since the last change, outcomes in the newest block, and for each block
    reward and looks by kind. Nothing else is kept, so a person costs `8 * size` bytes.

    Args:
        threshold: Score from which taste is said to have changed.
        block_outcomes: Outcomes in a block; changes are looked for up to four blocks back.
        changing: Share of the types that a change is thought to concern.
        shape: Of the gamma; the smaller, the more types differ.
        reward_unit: Reward that counts as one independent like; a liked gem brings several rewards at once.
        look_decay: A place in a slate is looked at with probability (1 + position) ** -decay.

    Examples:
        >>> drift, memory, found = TasteDrift(), TasteDrift().start(), []
        >>> for outcome in range(120):
        ...     memory = drift.shown(memory, [1, 2, 3, 4])
        ...     memory, score = drift.learn_one(memory, kind=1 if outcome < 60 else 4, reward=0.7)
        ...     if score >= drift.threshold:
        ...         found.append(outcome)
        >>> len(found), 60 < found[0] < 80
        (1, True)

    Source:
        Xie and Siegmund (2013), Sequential Multi-Sensor Change-Point Detection, for the mixture over what changes;
        gamma and Poisson as in Fearnhead (2006), Exact and Efficient Bayesian Inference for Multiple Changepoint
        Problems. Blocks instead of every moment, and the relative rates, are ours.
    """

    threshold: float = 4.0
    block_outcomes: int = 12
    changing: float = 0.1
    shape: float = 0.7
    reward_unit: float = 0.7
    look_decay: float = 0.45

    @property
    def size(self) -> int:
        """Numbers in a memory."""
        return _SIZE

    def start(self) -> Floats:
        """Memory of somebody new, float64, size `size`."""
        return np.zeros(_SIZE)

    def shown(self, memory: Floats, kinds: Sequence[int]) -> Floats:
        """The memory after the person saw a slate.

        Args:
            memory: Size `size`.
            kinds: Rows of the types of its gems by `kind_of`, from the first position.
        """
        memory = memory.copy()
        looks = (1.0 + np.arange(len(kinds))) ** -self.look_decay
        memory[2:].reshape(_BLOCKS, 2, KINDS)[0, _LOOK] += np.bincount(kinds, looks, minlength=KINDS)
        return memory

    def learn_one(self, memory: Floats, kind: int, reward: float) -> tuple[Floats, float]:
        """Take one outcome.

        Args:
            memory: Size `size`.
            kind: Row of the gem's type by `kind_of`.
            reward: -0.5 to 1; what is not above 0 counts as an outcome that brought nothing.

        Returns:
            The memory after it, and the score. Where the score reaches `threshold` the memory holds only what came
            after the change.

        Raises:
            ValueError: If the kind is none, or the reward is not finite.
        """
        if not 0 <= kind < KINDS or not np.isfinite(reward):
            raise ValueError(f"an outcome needs a kind from 0 to {KINDS - 1} and a reward, got {kind} and {reward}")
        memory = memory.copy()
        blocks = memory[2:].reshape(_BLOCKS, 2, KINDS)
        memory[:2] += 1.0
        blocks[0, _GAIN, kind] += max(reward, 0.0) / self.reward_unit
        scores = self._scores(blocks)
        best = int(np.argmax(scores))
        if scores[best] >= self.threshold:
            memory[:2] = (min(memory[0], memory[1] + best * self.block_outcomes), 0.0)
            blocks[-1] = blocks[: best + 1].sum(axis=0)
            blocks[:-1] = 0.0
        elif memory[1] >= self.block_outcomes:
            blocks[-1] += blocks[-2]
            blocks[1:-1] = blocks[:-2].copy()
            blocks[0], memory[1] = 0.0, 0.0
        return memory, float(scores[best])

    def outcomes(self, memory: Floats) -> int:
        """Outcomes since the last change, or since the start."""
        return int(memory[0])

    def favourites(self, memory: Floats, count: int = 2) -> tuple[int, ...]:
        """Kinds that were liked most for each look, best first, in the oldest block: before a change, if one is found.

        Directly after a find the oldest block is what came after it.
        """
        gains, looks = memory[2:].reshape(_BLOCKS, 2, KINDS)[-1]
        mean = (gains.sum() + 1.0) / (looks.sum() + 1.0)
        rates = (gains + self.shape) / (looks + self.shape / mean)
        return tuple(int(kind) for kind in np.argsort(-rates, kind="stable")[:count])

    def _scores(self, blocks: Floats) -> Floats:
        """Score of each border between blocks, newest first; blocks X 2 X kinds."""
        after = np.cumsum(blocks[:-1], axis=0)
        both = blocks.sum(axis=0)
        rate = (both[_GAIN].sum() + 3.0) / (both[_LOOK].sum() + 60.0)
        gains = np.stack([after[:, _GAIN], both[_GAIN] - after[:, _GAIN]])
        looks = np.stack([after[:, _LOOK], both[_LOOK] - after[:, _LOOK]])
        level = (gains.sum(axis=2, keepdims=True) + 3.0) / (looks.sum(axis=2, keepdims=True) + 3.0 / rate)
        expected = self.shape + looks * level
        shapes = self.shape + gains
        apart = gammaln(shapes) - shapes * np.log(expected)
        together, looked = shapes.sum(axis=0) - self.shape, expected.sum(axis=0) - self.shape
        joint = gammaln(together) - together * np.log(looked) + gammaln(self.shape) - self.shape * np.log(self.shape)
        factor = np.exp(np.clip(apart.sum(axis=0) - joint, -50.0, 50.0))
        return np.asarray(np.log1p(self.changing * (factor - 1.0)).sum(axis=1), dtype=np.float64)
