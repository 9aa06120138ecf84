"""What a release's own draw would have earned at the places that were logged after its day, before anybody sees it.

The target is the draw that serves while nothing is learned online: candidates, vectors, ranker, priors of the arms,
rules, diversity and bound on exploration are the release's own code and models, as in an answer. What differs from
serving: rows of people and gems are those of the release's day, not of the slate's moment; a request has the context
that the log has (no filters, no wishes, no session); the business file is the shipped one; nobody is at a ceiling or
below a floor, since exposures are online state. The items above a place are the log's; one of them that is not among
the release's candidates takes no utility from those like it and pays nothing of what is owed. An item that the release
has not among its candidates has probability 0: the share of such places is in the report, as is what the target would
show and the log never did.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hidden_gems.benchmark.funnel import weighed
from hidden_gems.benchmark.opened import Opened
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.interactions import Rows
from hidden_gems.datasets.split import TimeSplit
from hidden_gems.evaluation.intervals import Interval
from hidden_gems.evaluation.metrics import Floats
from hidden_gems.evaluation.off_policy.report import Report, estimate
from hidden_gems.evaluation.off_policy.rounds import rounds_of
from hidden_gems.features.request import RequestContext
from hidden_gems.recommend.answering import rules_of
from hidden_gems.recommend.exploration import Step, effective_spread
from hidden_gems.recommend.request import Request
from hidden_gems.recommend.slate import policy_name
from hidden_gems.training.labels import impression_labels
from hidden_gems.training.training_set import label_window

DAYS = 7
"""How long after the release a slate may come: its rows are those of its day."""
SLATES = 2_000
ESTIMATOR = "DR"
CLICKED = 2
"""Label from which a place earned a reward of 1: a click, or more."""
LEAST_EFFECTIVE, LEAST_PEOPLE = 50.0, 10
"""Places of equal weight, and people, that an estimate must rest on: below, intervals are too short (ADR-0091)."""
_LISTS = ("similar", "trending")  # policies of requests that no release draws for
_RARE = 1e-6  # probabilities below are left out
_CONTEXT = ("weather", "temperature_c")


def own_estimate(opened: Opened, seed: int = 0) -> tuple[dict[str, Any], Report | None]:
    """Estimate what a place earns under a release's own policy, a click or more being a reward of 1.

    Args:
        opened: The release; the log is its dataset from its day on.
        seed: Of the choice of slates, and of the model of the reward.

    Returns:
        `policy_estimate` of contract §6, and the whole report; `why_none` and None where there is no estimate.
    """
    try:
        log = logged_slates(opened, SLATES, seed)
        report = estimated(log, target_of(opened, log), seed)
        _check_support(report)
    except BadInputError as error:
        return {"why_none": str(error)}, None
    return in_short(report, log), report


def estimated(log: pd.DataFrame, target: pd.DataFrame, seed: int = 0) -> Report:
    """Estimate the value of `target_of` a log; places that the target lacks are left out."""
    places = ["round_id", "position"]
    log = log.merge(target[places].drop_duplicates(), on=places)
    context = [each for each in ("hour", *_CONTEXT) if each in log]
    known = ["round_id", "user_id", "item_id", "position", "reward", "propensity", *context]
    return estimate(rounds_of(log[known], target), seed=seed)


def logged_slates(opened: Opened, most: int, seed: int = 0) -> pd.DataFrame:
    """Slates of the week after the release with a propensity at every place and final labels.

    An interaction counts for the slate that it quotes; what people did without the guide is no reward of it.

    Returns:
        A row a place, by slate and position: columns of the impressions with round_id, hour and reward (0 or 1).

    Raises:
        BadInputError: If there is none to estimate from; says why.
    """
    at, dataset = opened.release.at, opened.dataset
    if dataset.about.order_only:
        raise BadInputError("times are only an order, so nobody knows what was answered to a slate")
    shown = dataset.between(at, at + DAYS * DAY_SECONDS).impressions
    if not len(shown):
        raise BadInputError("no slate was logged in the week after what the release learned from")
    answers = dataset.between(at, None).interactions
    answers = answers[answers["slate_id"].notna()]
    if not len(answers):
        raise BadInputError("no interaction says which slate it answers")
    labels = impression_labels(shown, answers, dataset.now, label_window(TimeSplit(at, dataset.now)))
    listed = shown["policy"].astype("string").str.startswith(_LISTS).fillna(False).to_numpy(bool)
    drawn = (shown["propensity"] > 0.0).fillna(False).to_numpy(bool)
    good = pd.Series(drawn & ~listed & labels.final).groupby(shown["slate_id"].to_numpy()).all()
    names = np.sort(good.index[good].to_numpy(object))
    if not len(names):
        raise BadInputError("no slate of the log has propensities and final labels")
    log = shown.assign(round_id=shown["slate_id"], reward=(labels.label >= CLICKED).astype(np.float64))
    kept = names[np.random.default_rng(seed).permutation(len(names))[:most]]
    log = log[log["slate_id"].isin(kept)].sort_values(["round_id", "position"], ignore_index=True)
    if log["propensity"].min() == 1.0:
        raise BadInputError("the log drew nothing: every propensity is 1")
    local = pd.to_datetime(log["timestamp"], unit="s", utc=True).dt.tz_convert(dataset.about.timezone)
    return log.assign(hour=local.dt.hour)


def target_of(opened: Opened, log: pd.DataFrame) -> pd.DataFrame:
    """The release's probability of every candidate at every place of a log, given the items above in the log.

    Places for which the release has nobody left are not in it.

    Args:
        opened: The release.
        log: As `logged_slates` gives it.

    Returns:
        round_id, position, item_id, probability; those of a place add up to 1.

    Raises:
        BadInputError: If it has nobody at any place.
    """
    found = [_of_slate(opened, rows) for _, rows in log.groupby("round_id", sort=False)]
    known = [table for table in found if table is not None]
    if not known:
        raise BadInputError("the release has nobody to show at any place of the log")
    return pd.concat(known, ignore_index=True)


def _of_slate(opened: Opened, rows: pd.DataFrame) -> pd.DataFrame | None:
    world, request = opened.world, _request(opened, rows)
    answer = weighed(opened.release, world, opened.person(request.user_id), request)
    mean, spread = answer.utilities.mean, effective_spread(answer.utilities.spread)
    rules = rules_of(world, request, answer.found, answer.features)
    number = {name: place for place, name in enumerate(answer.found.item_ids)}
    above: list[int] = []
    places: list[tuple[int, Rows, Floats]] = []  # position, candidates, their probabilities
    for item, position in zip(rows["item_id"], rows["position"], strict=True):
        able = np.flatnonzero(rules.allowed(above))
        if not len(able):
            break
        step = Step(able, (mean - rules.taken(above))[able], spread[able], world.business.explored_share)
        chance = step.probabilities()
        kept = chance >= _RARE
        places.append((int(position), able[kept], chance[kept] / chance[kept].sum()))
        above += [number[item]] if item in number else []
    if not places:
        return None
    return pd.DataFrame(
        {
            "round_id": rows["round_id"].iloc[0],
            "position": np.repeat([each[0] for each in places], [len(each[1]) for each in places]),
            "item_id": np.array(answer.found.item_ids, dtype=object)[np.concatenate([each[1] for each in places])],
            "probability": np.concatenate([each[2] for each in places]),
        }
    )


def _request(opened: Opened, rows: pd.DataFrame) -> Request:
    """What was asked, as far as the first impression of the slate says it."""
    about = opened.dataset.about

    def of(name: str) -> Any:
        value = rows[name].iloc[0] if name in rows else None
        return None if pd.isna(value) else value

    context = RequestContext(
        int(of("timestamp")), about.timezone, of("lat"), of("lon"), of("weather"), of("temperature_c")
    )
    return Request(str(of("user_id")), context, limit=len(rows), mood=of("mood"))


def _check_support(report: Report) -> None:
    effective = report.estimates[ESTIMATOR].effective or 0.0
    if effective < LEAST_EFFECTIVE or report.clusters < LEAST_PEOPLE:
        raise BadInputError(
            f"the log hardly shows what the release would: {report.places:,} places of {report.clusters:,} people are "
            f"worth {effective:.0f}; at least {LEAST_EFFECTIVE:.0f} of {LEAST_PEOPLE} people are asked"
        )


def in_short(report: Report, log: pd.DataFrame) -> dict[str, Any]:
    """`policy_estimate` of contract §6."""
    best, support = report.estimates[ESTIMATOR], report.support
    return {
        "policy": policy_name("recommend", []),
        "logged_policies": sorted(log["policy"].dropna().astype(str).unique()),
        "reward": "a click or more",
        "estimator": ESTIMATOR,
        **_ends("", best.value),
        **_ends("difference_", best.difference),
        "snips": _ends("", report.estimates["SNIPS"].value),
        **_ends("logged_", report.logged),
        "places": report.places,
        "slates": report.rounds,
        "people": report.clusters,
        "effective": best.effective,
        "mean_weight": support.weight.value,
        "never_wanted": support.never_wanted,
        "never_shown": support.never_shown,
    }


def _ends(prefix: str, found: Interval) -> Mapping[str, float]:
    return {f"{prefix}value": found.value, f"{prefix}low": found.low, f"{prefix}high": found.high}
