"""Every estimator's value with its interval, and what says whether to believe it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hidden_gems.evaluation.intervals import RESAMPLES, Interval, Paired, interval_of
from hidden_gems.evaluation.metrics import Floats
from hidden_gems.evaluation.off_policy.estimators import Sample, all_estimators, effective_size
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


def estimate(rounds: Rounds, limit: float | None = None, seed: int = 0, resamples: int = RESAMPLES) -> Report:
    """Judge a target by every estimator.

    Args:
        rounds: The log and the target.
        limit: Bound of the weights of the clipped estimators; the square root of the number of places (Ionides, 2008)
            where None.
        seed: Of the folds of the model of the reward, and of the resamples.
        resamples: How often clusters are resampled.

    Source:
        Efron (1979), percentile bootstrap; people (or rounds) are the clusters. The model of the reward is not fitted
        anew in a resample: DR does not depend on it to first order (Chernozhukov et al., 2018).
    """
    modelled, expected, left_out = cross_fitted(rounds, seed)
    sample = Sample(rounds.reward, rounds.propensity, rounds.probability, modelled, expected)
    bound = float(np.sqrt(len(rounds.reward))) if limit is None else limit
    estimators = all_estimators(bound)
    columns: dict[str, Floats] = {"logged": sample.reward, "weight": sample.weight}
    terms = {each.name: [(f"{each.name} {n}", row) for n, row in enumerate(each.terms(sample))] for each in estimators}
    columns |= {name: row for rows in terms.values() for name, row in rows}
    paired = Paired.of(columns, rounds.cluster, seed, resamples)
    assert paired is not None  # a log has rows
    logged, drawn_logged = paired.means[0], paired.drawn[:, 0]
    found = {}
    for each in estimators:
        at = [paired.names.index(name) for name, _ in terms[each.name]]
        value, drawn = float(each.value(paired.means[at])), each.value(paired.drawn[:, at])
        weights = each.weights(sample)
        found[each.name] = Estimate(
            interval_of(value, drawn, paired.users),
            interval_of(value - float(logged), drawn - drawn_logged, paired.users),
            None if weights is None else effective_size(weights),
        )
    weight = interval_of(float(paired.means[1]), paired.drawn[:, 1], paired.users)
    return Report(
        places=len(rounds.reward),
        rounds=rounds.rounds,
        clusters=paired.users,
        clustered_by=rounds.clustered_by,
        limit=bound,
        logged=interval_of(float(logged), drawn_logged, paired.users),
        estimates=found,
        support=_support(rounds, sample, weight),
        notes=(*rounds.notes, *left_out),
    )


def _support(rounds: Rounds, sample: Sample, weight: Interval) -> Support:
    unseen = ~np.isin(rounds.candidate, rounds.item)
    return Support(
        weight=weight,
        largest=float(sample.weight.max()),
        effective_share=effective_size(sample.weight) / len(sample.weight),
        never_wanted=float((sample.probability == 0).mean()),
        never_shown=float(rounds.chance[unseen].sum() / rounds.chance.sum()),
    )
