"""Two decisions: may this candidate be promoted, may this release become a canary? Pure functions, with reasons."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hidden_gems.evaluation.intervals import RESAMPLES, paired_ratio
from hidden_gems.evaluation.metrics import Floats, Rows


@dataclass(frozen=True)
class GateConfig:
    """What is asked of a candidate."""

    metric: str = "ndcg@10"
    tolerance: float = 0.05  # the candidate may be this share below the floor
    margin: float = -0.02  # the relative difference to the champion must be surely above this
    seed: int = 0
    resamples: int = RESAMPLES


@dataclass(frozen=True)
class Judged:
    """A model as one evaluation saw it.

    Notation: B values of each metric.
    """

    name: str
    fingerprint: str  # of the dataset it was judged on
    people: Rows  # row of the person of each value, B
    values: Mapping[str, Floats]  # metric: B


@dataclass(frozen=True)
class GateReport:
    """The decision and why, in plain words with the figures."""

    promote: bool
    reasons: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def gate(
    candidate: Judged, floor: Judged, champion: Judged | None = None, config: GateConfig | None = None
) -> GateReport:
    """Decide about a candidate.

    It must have a finite mean of every metric, reach the floor (a simple model) within the tolerance, and, where there
    is a champion of the same dataset, not be worse: the lower end of the 95 % interval of the relative difference must
    lie above the margin. A champion of another dataset cannot be compared and does not hold a candidate back.

    Args:
        candidate: The model that wants to be promoted.
        floor: The simple model it has to reach, on the same people.
        champion: The model that is live, judged on the same test; None for the first release.
        config: What is asked.
    """
    config = config or GateConfig()
    checks = [
        _finite(candidate),
        _above_floor(candidate, floor, config),
        _against_champion(candidate, champion, config),
    ]
    return GateReport(promote=all(passed for passed, _ in checks), reasons=tuple(reason for _, reason in checks))


def canary_refused(
    estimate: Mapping[str, Any], without_estimate: bool = False, config: GateConfig | None = None
) -> str | None:
    """Why a release may not become a canary; None where it may.

    It must have an off-policy estimate of its own policy that is not surely worse than what was shown: the upper end
    of the 95 % interval of the paired difference must not lie below the margin, as a share of the log's own value.

    Args:
        estimate: `policy_estimate` of its description (contract §6).
        without_estimate: Let one pass that has none; one that is surely worse never passes.
        config: Of the margin.
    """
    margin = (config or GateConfig()).margin
    if "value" not in estimate:
        why = estimate.get("why_none", "it was made before releases had one")
        return None if without_estimate else (
            f"it has no estimate of its own policy ({why}). Train it again on a log with propensities, or say that it "
            "may go without: --without-estimate of `gems release point`, without_estimate=true of the pipeline rollout"
        )  # fmt: skip
    e, least = estimate, margin * float(estimate["logged_value"])
    if float(e["difference_high"]) >= least:
        return None
    return (
        f"its policy is surely worse than what was shown: of {e['reward']} a place earned {e['logged_value']:.4f} in "
        f"the log and would earn {e['value']:.4f} under the release ({e['estimator']}). The difference is "
        f"{e['difference_value']:+.4f} (95 % {e['difference_low']:+.4f} to {e['difference_high']:+.4f}), and the upper "
        f"end must not lie below {least:+.4f}"
    )


def _finite(candidate: Judged) -> tuple[bool, str]:
    broken = [name for name, values in candidate.values.items() if not np.isfinite(_mean(values))]
    if broken or not candidate.values:
        return False, f"{candidate.name} has no finite value of {', '.join(broken) or 'any metric'}"
    return True, f"all {len(candidate.values)} metrics of {candidate.name} are finite"


def _above_floor(candidate: Judged, floor: Judged, config: GateConfig) -> tuple[bool, str]:
    have, need = (_mean(model.values[config.metric]) for model in (candidate, floor))
    least = need * (1.0 - config.tolerance)
    passed = bool(have >= least)
    return passed, (
        f"{config.metric} of {candidate.name} is {have:.4f}, {floor.name} has {need:.4f}; "
        f"at least {least:.4f} is asked: {'reached' if passed else 'not reached'}"
    )


def _against_champion(candidate: Judged, champion: Judged | None, config: GateConfig) -> tuple[bool, str]:
    if champion is None:
        return True, "there is no champion yet"
    if champion.fingerprint != candidate.fingerprint:
        return True, f"the champion {champion.name} was judged on another dataset and is not compared"
    first, second, people = _aligned(candidate, champion, config.metric)
    ratio = paired_ratio(first, second, people, config.seed, config.resamples)
    low, high = ratio.low - 1.0, ratio.high - 1.0
    passed = bool(low > config.margin)
    return passed, (
        f"{config.metric} against the champion {champion.name}: {ratio.value - 1.0:+.1%} "
        f"(95 % interval {low:+.1%} to {high:+.1%}, {ratio.users} people); the lower end must lie above "
        f"{config.margin:+.1%}: {'it does' if passed else 'it does not'}"
    )


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _aligned(first: Judged, second: Judged, metric: str) -> tuple[Floats, Floats, Rows]:
    """Values of the people whom both judged, in the same order."""
    if np.array_equal(first.people, second.people):
        return first.values[metric], second.values[metric], first.people
    people, mine, theirs = np.intersect1d(first.people, second.people, return_indices=True)
    return first.values[metric][mine], second.values[metric][theirs], people
