"""Value of a policy out of what another one showed, one class an estimator.

Notation: N places (a round and a position in it), A items. At a place with context x the logging policy showed item a
with probability p, and the reward r followed. The target shows it with probability e(a|x); w = e(a|x) / p is the
weight of the place, q(x, a) a model of the reward and q(x, e) = sum over a of e(a|x) q(x, a). E[·] is the mean over the
N places.

What all but DM rest on: p is the probability with which this item was really drawn at this place, given x, which in a
slate holds the items above it; the log could have shown whatever the target may show; a reward follows from its place.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hidden_gems.evaluation.metrics import Floats, Rows


@dataclass(frozen=True)
class Sample:
    """What the estimators need of N places.

    Examples:
        >>> half = np.full((1, 2), 0.5)
        >>> sample = Sample.of_matrices(np.ones(1), np.full(1, 0.25), np.zeros(1, int), half, half)
        >>> float(sample.weight[0]), float(sample.expected[0])
        (2.0, 0.5)
    """

    reward: Floats  # r, N
    propensity: Floats  # p, in (0, 1], N
    probability: Floats  # e(a|x) of the item that was shown, N
    modelled: Floats  # q(x, a) of the item that was shown, N
    expected: Floats  # q(x, e), N

    @classmethod
    def of_matrices(cls, reward: Floats, propensity: Floats, shown: Rows, target: Floats, modelled: Floats) -> "Sample":
        """Take the target and the model of the reward as matrices.

        Args:
            reward: r, N.
            propensity: p, N.
            shown: Column of the item that was shown, N.
            target: e(·|x), rows add up to 1, N X A.
            modelled: q(x, ·), learned without the place itself, N X A.
        """
        place = np.arange(len(reward))
        expected = (target * modelled).sum(axis=1)
        return cls(reward, propensity, target[place, shown], modelled[place, shown], expected)

    @property
    def weight(self) -> Floats:
        """w, N."""
        return self.probability / self.propensity


class Estimator(ABC):
    """A mean over places."""

    name: ClassVar[str]

    @abstractmethod
    def contributions(self, sample: Sample) -> Floats:
        """What each place adds, N: their mean is the estimate, what they are off it the estimator's influence function.

        So their scatter over N is the estimator's variance, for ratios of means as well (delta method).
        """

    def weights(self, sample: Sample) -> Floats | None:
        """What each place's reward is weighed by, N; None for an estimator without weights."""
        return sample.weight

    def estimate(self, sample: Sample) -> float:
        """Expected reward of a place under the target."""
        return float(self.contributions(sample).mean())


@dataclass(frozen=True)
class DM(Estimator):
    """Direct method: E[q(x, e)].

    As good as the model and as biased; an interval over places says nothing of that bias.

    Source:
        Beygelzimer and Langford (2009), The Offset Tree for Learning with Partial Labels.
    """

    name = "DM"

    def contributions(self, sample: Sample) -> Floats:
        """q(x, e), N."""
        return sample.expected

    def weights(self, sample: Sample) -> Floats | None:
        """None."""
        return None


@dataclass(frozen=True)
class IPS(Estimator):
    """Inverse propensity score: E[w r].

    Unbiased; its variance grows with the square of the weights.

    Source:
        Horvitz and Thompson (1952); Strehl et al. (2010), Learning from Logged Implicit Exploration Data. For slates
        Li et al. (2018), Offline Evaluation of Ranking Policies with Click Models: the item-position estimator.
    """

    name = "IPS"

    def contributions(self, sample: Sample) -> Floats:
        """The products w r, N."""
        return sample.weight * sample.reward


@dataclass(frozen=True)
class ClippedIPS(Estimator):
    """IPS with bounded weights: E[min(w, L) r].

    Too low for rewards above 0, by what lies above the bound; the variance is bounded.

    Source:
        Ionides (2008), Truncated Importance Sampling; Bottou et al. (2013), Counterfactual Reasoning and Learning.
    """

    limit: float  # L
    name = "clipped IPS"

    def contributions(self, sample: Sample) -> Floats:
        """min(w, L) r, N."""
        return self.weights(sample) * sample.reward

    def weights(self, sample: Sample) -> Floats:
        """min(w, L), N."""
        return np.minimum(sample.weight, self.limit)


@dataclass(frozen=True)
class SNIPS(Estimator):
    """Self-normalised IPS, v = E[w r] / E[w].

    Consistent, with a bias of order 1 / N; stays within the range of the rewards and moves with them when a constant is
    added. NaN where the target wants nothing of what was shown.

    Source:
        Swaminathan and Joachims (2015), The Self-Normalized Estimator for Counterfactual Learning.
    """

    name = "SNIPS"

    def contributions(self, sample: Sample) -> Floats:
        """The sums v + w (r - v) / E[w], N."""
        return _ratio_of_means(sample.weight * sample.reward, sample.weight)


@dataclass(frozen=True)
class DR(Estimator):
    """Doubly robust: E[q(x, e) + w (r - q(x, a))].

    Unbiased where the propensities are right, whatever the model, as long as it has not seen the place; the better the
    model, the smaller the variance. Consistent where the model is right, whatever the propensities.

    Source:
        Dudík, Erhan, Langford and Li (2014), Doubly Robust Policy Evaluation and Optimization.
    """

    name = "DR"

    def contributions(self, sample: Sample) -> Floats:
        """q(x, e) + w (r - q(x, a)), N."""
        return sample.expected + sample.weight * (sample.reward - sample.modelled)


@dataclass(frozen=True)
class ClippedDR(Estimator):
    """DR with bounded weights: E[q(x, e) + min(w, L) (r - q(x, a))].

    What lies above the bound is left to the model.

    Source:
        Su, Dimakopoulou, Krishnamurthy and Dudík (2020), Doubly Robust Off-Policy Evaluation with Shrinkage.
    """

    limit: float  # L
    name = "clipped DR"

    def contributions(self, sample: Sample) -> Floats:
        """q(x, e) + min(w, L) (r - q(x, a)), N."""
        return sample.expected + self.weights(sample) * (sample.reward - sample.modelled)

    def weights(self, sample: Sample) -> Floats:
        """min(w, L), N."""
        return np.minimum(sample.weight, self.limit)


@dataclass(frozen=True)
class SNDR(Estimator):
    """Self-normalised DR: E[q(x, e)] + u, u = E[w (r - q(x, a))] / E[w].

    Source:
        Thomas and Brunskill (2016), Data-Efficient Off-Policy Policy Evaluation: weighted doubly robust.
    """

    name = "SNDR"

    def contributions(self, sample: Sample) -> Floats:
        """q(x, e) + u + w (r - q(x, a) - u) / E[w], N."""
        weight = sample.weight
        return sample.expected + _ratio_of_means(weight * (sample.reward - sample.modelled), weight)


def all_estimators(limit: float) -> tuple[Estimator, ...]:
    """One of each; `limit` bounds the weights of the clipped ones."""
    return DM(), IPS(), ClippedIPS(limit), SNIPS(), DR(), ClippedDR(limit), SNDR()


def effective_size(weights: Floats) -> float:
    """How many places of equal weight say as much: (sum of w)² / sum of w²; 0 where all are 0.

    Source:
        Kish (1965), Survey Sampling.
    """
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _ratio_of_means(above: Floats, below: Floats) -> Floats:
    """Contributions to v = E[above] / E[below], N: v + (above - v below) / E[below]."""
    mean = below.mean()
    if mean == 0:
        return np.full(len(below), np.nan)
    value = above.mean() / mean
    return np.asarray(value + (above - value * below) / mean, dtype=np.float64)
