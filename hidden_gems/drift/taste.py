"""Has a person's taste in types of gems changed? A Bayes factor over a handful of moments when it may have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from hidden_gems.drift.kinds import KINDS

Floats = NDArray[np.float64]
_BORDERS = 4
_LIKES, _LOOKS = 0, 1
_LEVEL_LIKES = 3.0  # over all types, before anything is known: that many likes in so many looks
_LEVEL_LOOKS = 60.0


@dataclass(frozen=True)
class TasteDrift:
    """Compare what a person liked lately, type by type, with what they liked before.

    Every type earns likes at some rate for each look at it. What is thought of such a rate beforehand is a gamma
    around the person's rate over all types, so that little is believed of a type that was hardly seen. For a few
    moments in the past and for every type the marginal likelihood of what came before and after, each with a rate of
    its own, is compared with the one of a single rate. Few types change at once: for each type the ratio is mixed with
    one, `changing` to 1 - `changing`, and the score is the sum of the logarithms, at the best moment. Rates count
    relative to the person's rate over all types on their side of the moment: better slates are no change of taste.

    A memory is float64, size 2 + 10 `KINDS`: outcomes since the last find, outcomes since the newest border, then
    likes and looks by kind since each of four borders, newest first, and since the last change. The newest border
    moves on every `spacing` outcomes, the others follow it.

    Args:
        threshold: Score from which taste is said to have changed.
        spacing: Outcomes between two moments at which taste may have changed.
        settled: Outcomes since the last find, or a person's first, before which none is looked for; the score is 0.
        changing: Share of the types that a change is thought to concern.
        most_of_a_kind: What one type adds to a score at most, before mixing. A whim for one type is no change of taste;
            of somebody who tells much, whims would be found every week.
        shape: Of the gamma; the smaller, the more types are thought to differ.
        liked: An outcome is a like where its reward is above this; a view is not, a click is.
        dislike_looks: An outcome below 0, a skip or a dismissal, says as much as so many looks without a like.
        look_decay: A place in a slate is looked at with probability (1 + position) ** -decay.

    Examples:
        >>> drift = TasteDrift()
        >>> memory, found = drift.start(), []
        >>> for outcome in range(160):
        ...     memory = drift.shown(memory, [1, 2, 3, 4])
        ...     memory, score = drift.learn_one(memory, kind=1 if outcome < 80 else 4, reward=0.7)
        ...     if score >= drift.threshold:
        ...         found.append((outcome, drift.favourites(memory, 1)))
        >>> [(at, after)] = found
        >>> 80 < at < 120, after
        (True, (4,))

    Source:
        Xie and Siegmund (2013), Sequential Multi-Sensor Change-Point Detection, for the mixture over what changes; the
        gamma and Poisson model of Fearnhead (2006), Exact and Efficient Bayesian Inference for Multiple Changepoint
        Problems. A few borders instead of every moment, and the relative rates, are ours.
    """

    threshold: float = 6.5
    spacing: int = 12
    settled: int = 60
    changing: float = 0.1
    most_of_a_kind: float = 6.0
    shape: float = 0.7
    liked: float = 0.2
    dislike_looks: float = 25.0
    look_decay: float = 0.45

    def start(self) -> Floats:
        """Memory of somebody new, float64, size 2 + 10 `KINDS`."""
        return np.zeros(2 + (_BORDERS + 1) * 2 * KINDS)

    def shown(
        self, memory: Floats, kinds: Sequence[int], positions: Sequence[int] | None = None, times: float = 1.0
    ) -> Floats:
        """The memory after the person saw a slate, or after it turned out what of one they saw.

        Args:
            memory: As `start` makes it.
            kinds: Rows of the types of the gems by `kind_of`.
            positions: At which they stood, from 0; one behind the other if there are none.
            times: -1 takes the looks back, where there are any.
        """
        memory = memory.copy()
        places = np.arange(len(kinds)) if positions is None else np.asarray(positions, dtype=np.int64)
        looks = times * (1.0 + places) ** -self.look_decay
        held = _windows(memory)[:, _LOOKS]
        held[:] = np.maximum(held + np.bincount(np.asarray(kinds, dtype=np.int64), looks, minlength=KINDS), 0.0)
        return memory

    def learn_one(self, memory: Floats, kind: int, reward: float) -> tuple[Floats, float]:
        """Take one outcome.

        Args:
            memory: As `start` makes it.
            kind: Row of the gem's type by `kind_of`.
            reward: -0.5 to 1.

        Returns:
            The memory after it, and the score. Where the score reaches `threshold` the memory knows only what came
            after the change.

        Raises:
            ValueError: If there is no such kind, or the reward is not finite.
        """
        if not (0 <= kind < KINDS and abs(reward) < np.inf):
            raise ValueError(f"an outcome needs a kind below {KINDS} and a finite reward, got {kind} and {reward}")
        memory = memory.copy()
        windows = _windows(memory)
        memory[:2] += 1.0
        windows[:, _LIKES, kind] += reward > self.liked
        windows[:, _LOOKS, kind] += self.dislike_looks * (reward < 0)
        score, best = 0.0, 0
        if memory[0] >= self.settled:
            scores = self._scores(windows)
            best = int(scores.argmax())
            score = float(scores[best])
        if score >= self.threshold:
            memory[:2] = 0.0
            windows[-1], windows[:-1] = windows[best], 0.0
        elif memory[1] >= self.spacing:
            windows[1:-1] = windows[:-2].copy()
            windows[0], memory[1] = 0.0, 0.0
        return memory, score

    def outcomes(self, memory: Floats) -> int:
        """Outcomes since a change was last found, or since the person's first."""
        return int(memory[0])

    def favourites(self, memory: Floats, count: int = 2) -> tuple[int, ...]:
        """Kinds that were liked most for each look until the oldest border, best first.

        Of the memory before a find this is what the person liked before; of the one that comes back from the find,
        what they like now.
        """
        windows = _windows(memory)
        likes, looks = windows[-1] - windows[-2]
        rates = (likes + self.shape) / (looks + self.shape * (looks.sum() + 1.0) / (likes.sum() + 1.0))
        return tuple(np.argsort(-rates, kind="stable")[:count].tolist())

    def _scores(self, windows: Floats) -> Floats:
        """Score of each border, newest first; windows: borders + 1 X 2 X kinds."""
        sides = np.empty((2, _BORDERS, 2, KINDS))
        sides[0] = windows[:-1]
        sides[1] = windows[-1] - windows[:-1]
        likes, looks = windows[-1].sum(axis=1)
        rate = (likes + _LEVEL_LIKES) / (looks + _LEVEL_LOOKS)
        totals = sides.sum(axis=3)
        level = (totals[:, :, _LIKES] + _LEVEL_LIKES) / (totals[:, :, _LOOKS] + _LEVEL_LIKES / rate)
        shapes, expected = np.empty((2, 3, _BORDERS, KINDS))  # after, before, both
        np.add(sides[:, :, _LIKES], self.shape, out=shapes[:2])
        np.multiply(sides[:, :, _LOOKS], level[:, :, None], out=expected[:2])
        expected[:2] += self.shape
        for both in (shapes, expected):
            both[2] = both[0] + both[1] - self.shape
        after, before, together = gammaln(shapes) - shapes * np.log(expected)
        alone = gammaln(self.shape) - self.shape * np.log(self.shape)
        ratio = np.minimum(after + before - together - alone, self.most_of_a_kind)
        return np.asarray(np.log1p(self.changing * np.expm1(ratio)).sum(axis=1), dtype=np.float64)


def _windows(memory: Floats) -> Floats:
    """Likes and looks by kind since each border and since the last change, a view: borders + 1 X 2 X kinds."""
    return memory[2:].reshape(_BORDERS + 1, 2, KINDS)
