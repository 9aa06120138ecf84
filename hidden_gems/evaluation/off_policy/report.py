"""Every estimator's value with its interval, and what says whether to believe it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from hidden_gems.evaluation.intervals import LEVEL, Interval
from hidden_gems.evaluation.metrics import Floats, Rows
from hidden_gems.evaluation.off_policy.estimators import Estimator, Sample, all_estimators, effective_size
from hidden_gems.evaluation.off_policy.reward_model import cross_fitted
from hidden_gems.evaluation.off_policy.rounds import Rounds


@dataclass(frozen=True)
class Estimate:
    """What one estimator says of the target; `users` of an interval is the number of clusters."""

    value: Interval  # expected reward of a place
    difference: Interval  # minus the mean reward of the log, paired
    effective: float | None  # places of equal weight that would say as much; None without weights


@dataclass(frozen=True)
class Support:
    """How far the log can speak of the target.

    Where propensities are right and the log could show all that the target may, the mean weight is 1 in expectation.
    """

    weight: Interval  # mean weight
    largest: float  # largest weight
    effective_share: float  # effective size over the number of places
    never_wanted: float  # share of the places whose item the target never shows there
    never_shown: float  # share of the target's probability that lies on items that the log never shows


@dataclass(frozen=True)
class Report:
    """Estimates of one target from one log."""

    places: int
    rounds: int
    clusters: int
    clustered_by: str  # user_id or round_id
    limit: float  # bound of the clipped weights
    logged: Interval  # mean reward of the log
    estimates: Mapping[str, Estimate]  # by name of the estimator
    support: Support
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; may hold NaN."""
        return asdict(self)


def estimate(rounds: Rounds, limit: float | None = None, seed: int = 0) -> Report:
    """Judge a target by every estimator.

    Args:
        rounds: The log and the target.
        limit: Bound of the weights of the clipped estimators; the square root of the number of places (Ionides, 2008)
            where None.
        seed: Of the model of the reward: its folds and trees.
    """
    modelled, expected, left_out = cross_fitted(rounds, seed)
    sample = Sample(rounds.reward, rounds.propensity, rounds.probability, modelled, expected)
    bound = float(np.sqrt(len(rounds.reward))) if limit is None else limit
    return Report(
        places=len(rounds.reward),
        rounds=rounds.rounds,
        clusters=int(rounds.cluster.max()) + 1,
        clustered_by=rounds.clustered_by,
        limit=bound,
        logged=clustered_interval(sample.reward, rounds.cluster),
        estimates={each.name: _estimate(each, sample, rounds.cluster) for each in all_estimators(bound)},
        support=_support(rounds, sample),
        notes=(*rounds.notes, *left_out),
    )


def clustered_interval(contributions: Floats, cluster: Rows) -> Interval:
    """Mean with its 95 % interval by Student's t, clusters being what is independent.

    The fewer clusters make up most of the variance, the less is known of it: the degrees of freedom are those of a
    variance that is as sure, and at most one below the number of clusters.

    Args:
        contributions: What each place adds to the mean, N.
        cluster: Number of its cluster, N.

    Returns:
        With NaN as the ends of a single cluster.

    Source:
        Liang and Zeger (1986), Longitudinal Data Analysis Using Generalized Linear Models: the sandwich of a mean.
        Satterthwaite (1946), An Approximate Distribution of Estimates of Variance Components: degrees of freedom.
    """
    value = float(contributions.mean())
    squares = np.bincount(cluster, weights=contributions - value) ** 2
    clusters = len(squares)
    if clusters < 2:
        return Interval(value, np.nan, np.nan, clusters)
    error = float(np.sqrt(squares.sum() * clusters / (clusters - 1))) / len(contributions)
    scatter = float(squares.var())
    freedom = min(2.0 * clusters * float(squares.mean()) ** 2 / scatter if scatter else np.inf, clusters - 1.0)
    half = float(stats.t.ppf((1.0 + LEVEL) / 2.0, freedom)) * error
    return Interval(value, value - half, value + half, clusters)


def _estimate(estimator: Estimator, sample: Sample, cluster: Rows) -> Estimate:
    contributions, weights = estimator.contributions(sample), estimator.weights(sample)
    return Estimate(
        clustered_interval(contributions, cluster),
        clustered_interval(contributions - sample.reward, cluster),
        None if weights is None else effective_size(weights),
    )


def _support(rounds: Rounds, sample: Sample) -> Support:
    unseen = ~np.isin(rounds.candidate, rounds.item)
    return Support(
        weight=clustered_interval(sample.weight, rounds.cluster),
        largest=float(sample.weight.max()),
        effective_share=effective_size(sample.weight) / len(sample.weight),
        never_wanted=float((sample.probability == 0).mean()),
        never_shown=float(rounds.chance[unseen].sum() / rounds.chance.sum()),
    )
