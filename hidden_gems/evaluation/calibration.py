"""Do scores say how likely something is? Scores become probabilities by one logistic curve, then bins are counted.

The protocol: each item that a person came to for the first time, beside its 100 uniform negatives, is a yes among noes
(about 1 %). The curve is fitted on the people and items held out before the cut-off, with scores of the model as it was
chosen there, and judged on those after it, with scores of the model that learned from everything before the cut-off.

Notation: P pairs of a person and an item, N + 1 items of each, B people, R resamples.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from hidden_gems.evaluation.intervals import RESAMPLES, Interval, interval_of, resample_weights
from hidden_gems.evaluation.metrics import Flags, Floats, Rows

BINS = 10


@dataclass(frozen=True)
class LogisticMap:
    """probability = 1 / (1 + exp(-(slope z + offset))), where z = (score - centre) / spread."""

    centre: float
    spread: float
    slope: float
    offset: float

    @classmethod
    def fit(cls, scores: Floats, yes: Flags) -> Self:
        """The most likely curve; the labels are drawn in a little, so that it stays finite where they are separable.

        Args:
            scores: Any shape, finite.
            yes: Whether it happened, as `scores`.

        Source:
            Platt (1999), Probabilistic outputs for support vector machines, with its targets.
        """
        centre, spread = float(scores.mean()), float(scores.std()) or 1.0
        z, count = ((scores - centre) / spread).ravel(), int(yes.sum())
        others = yes.size - count
        target = np.where(yes.ravel(), (count + 1.0) / (count + 2.0), 1.0 / (others + 2.0))

        def loss(curve: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            logit = curve[0] * z + curve[1]
            off = expit(logit) - target
            return float((np.logaddexp(0.0, logit) - target * logit).mean()), np.array([(off * z).mean(), off.mean()])

        start = np.array([0.0, np.log((count + 1.0) / (others + 1.0))])
        slope, offset = minimize(loss, start, jac=True, method="BFGS").x
        return cls(centre, spread, float(slope), float(offset))

    def __call__(self, scores: NDArray[np.floating]) -> Floats:
        """Probability of each score."""
        found: Floats = expit(self.slope * (scores - self.centre) / self.spread + self.offset)
        return found


@dataclass(frozen=True)
class Bins:
    """What fell into each bin, by person, so that people can be resampled."""

    people: Rows  # row of each person, B
    sums: Floats  # pairs, probabilities and yeses, B X BINS X 3

    @classmethod
    def of(cls, probability: Floats, person: Rows, people: Rows) -> Self:
        """Sort into ten bins of equal count by probability; equal probabilities share a bin, so bins may be empty.

        Args:
            probability: Of the item that happened first, then of its negatives (NaN for none), P X N + 1.
            person: Place in `people` of each pair, P.
            people: Rows of the people, B.
        """
        known = ~np.isnan(probability)
        edges = np.quantile(probability[known], np.arange(1, BINS) / BINS) if known.any() else np.zeros(BINS - 1)
        place = np.searchsorted(edges, probability[known], side="right")
        key = np.broadcast_to(person[:, None], probability.shape)[known] * BINS + place
        yes = np.zeros(probability.shape)
        yes[:, 0] = 1.0
        columns = (np.ones(len(key)), probability[known], yes[known])
        sums = [np.bincount(key, weights, minlength=len(people) * BINS) for weights in columns]
        table: Floats = np.stack(sums, axis=-1).astype(np.float64).reshape(len(people), BINS, 3)
        return cls(people, table)

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Bins of several windows, bin by bin; a person may come several times."""
        return cls(np.concatenate([p.people for p in parts]), np.concatenate([p.sums for p in parts]))

    def table(self) -> list[tuple[int, float, float]]:
        """Pairs, mean probability and share of yeses of each bin that is not empty, lowest first."""
        rows = self.sums.sum(axis=0)
        return [(int(n), float(p / n), float(yes / n)) for n, p, yes in rows if n > 0]

    def error(self, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
        """Expected calibration error: mean distance of probability and share of yeses over bins, weighted by pairs.

        Resampled people make the distances larger on average, so its interval lies rather high.

        Source:
            Naeini et al. (2015), Obtaining well calibrated probabilities using Bayesian binning.
        """
        if not len(self.people):
            return Interval(np.nan, np.nan, np.nan, 0)
        rows, person = np.unique(self.people, return_inverse=True)
        sums = np.zeros((len(rows), BINS * 3))
        np.add.at(sums, person, self.sums.reshape(len(person), -1))
        drawn = [_error(weights @ sums) for weights in resample_weights(len(rows), seed, resamples)]
        return interval_of(float(_error(sums.sum(axis=0))), np.concatenate(drawn), len(rows))


def _error(sums: Floats) -> Floats:
    """Of sums over people, ... X 3 BINS."""
    count, probability, yes = np.moveaxis(sums.reshape(*sums.shape[:-1], BINS, 3), -1, 0)
    found: Floats = np.abs(probability - yes).sum(axis=-1) / count.sum(axis=-1)
    return found
