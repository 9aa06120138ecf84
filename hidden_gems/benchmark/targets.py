"""Every target of the plan as a row: measured where a report has it, otherwise named as not measured yet."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from hidden_gems.benchmark.judgement import AMONG, ITEMS_UNDER, ITEMS_UNKNOWN, LOGGED, SLATES
from hidden_gems.benchmark.pool import CHOSEN, COLD, RETURNING
from hidden_gems.benchmark.registry import DEEP, RECOMMENDERS, SIMPLE
from hidden_gems.evaluation.report import Evaluation, Figure

NEW, REPEATS = "full catalogue, new places", "full catalogue, with repeats"
AMONG_100 = ("100 uniform negatives, new places", "100 uniform negatives, with repeats")
MET, REACHED, MISSED, NOT_MEASURED = "met", "reached, not surely", "missed", "not measured yet"
_COMPOSED = ("blend", "lambdamart")


@dataclass(frozen=True)
class Target:
    """What is asked for, and where a report has it.

    Of several models, or several to compare with, the best by its mean counts.
    """

    area: str
    name: str
    models: tuple[str, ...] = ()  # empty: no report measures it
    protocol: str = ""
    metric: str = "ndcg@10"
    above: float = math.nan  # what the value, or the ratio to `against`, has to be
    against: tuple[str, ...] = ()
    cohort: str = ""
    simulated: bool | None = None  # only of simulated, or only of real data; None: of any
    trial: tuple[str, ...] = ()  # keys that lead to a figure in a report of `gems online trial`
    below: float = math.nan  # what the figure of a trial has to stay below, instead of `above`


@dataclass(frozen=True)
class Row:
    """A target and what was found."""

    area: str
    target: str
    data: str  # what it was measured on
    value: float
    low: float
    high: float
    protocol: str
    popular: float  # the same metric of popular
    oracle: float  # of the true order, where data are simulated
    gap_closed: float  # (value of the model - popular) / (oracle - popular)
    verdict: str
    of: str = ""  # the model, and what it was compared with

    def as_dict(self) -> dict[str, Any]:
        """For JSON: what does not exist is null."""
        values = asdict(self)
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def _ranking() -> list[Target]:
    deep = ("ncf", "wide_deep", "sasrec", "gru4rec", "graphsage")
    rows = [Target("ranking", f"AUC > 0.85, {n}", (n,), p, "auc", 0.85) for n in deep for p in AMONG_100]
    rows += [Target("ranking", "NDCG@10 > 0.65, ncf", ("ncf",), p, above=0.65) for p in AMONG_100]
    rows += [Target("ranking", "NDCG@10 > 0.70, whole stack", _COMPOSED, p, above=0.70) for p in (*AMONG_100, SLATES)]
    return rows


def _relative() -> list[Target]:
    others = tuple(name for name in RECOMMENDERS if name != "graphsage")
    rows = []
    for p in (NEW, REPEATS):
        rows += [
            Target("relative", "Wide & Deep +10 % over NCF, cold people", ("wide_deep",), p, above=1.10,
                   against=("ncf",), cohort=COLD),
            Target("relative", "SASRec +15 % over NCF, returning people", ("sasrec",), p, above=1.15,
                   against=("ncf",), cohort=RETURNING),
            Target("relative", "LTR +10 % over the base ranker", ("lambdamart",), p, above=1.10,
                   against=("ncf", "item_knn")),
            Target("relative", "sequential +12 % next item over markov", ("sasrec", "gru4rec"), p, "next_item@10",
                   1.12, ("markov",)),
        ]  # fmt: skip
    rows += [
        Target("relative", "whole stack +15 % over the logged order", _COMPOSED, SLATES, above=1.15, against=(LOGGED,)),
        Target("relative", "LTR +10 % over the best deep score", ("lambdamart",), SLATES, above=1.10,
               against=tuple(DEEP)),
    ]  # fmt: skip
    for p in (AMONG, NEW):
        for cohort in (ITEMS_UNDER, ITEMS_UNKNOWN):
            name = f"GNN +20 % recall@20, {cohort}"
            rows.append(Target("relative", name, ("graphsage",), p, "recall@20", 1.20, others, cohort))
    return rows


def _shelf() -> list[Target]:
    learned = [Target("shelf", f"{n} not below popular", (n,), p, above=1.0, against=("popular",), simulated=False)
               for n in DEEP for p in (NEW, REPEATS)]  # fmt: skip
    return [
        Target("shelf", "blend 1.03 x the best simple model", ("blend",), NEW, above=1.03, against=tuple(SIMPLE),
               simulated=False),
        Target("shelf", "blend 1.02 x own_recent", ("blend",), REPEATS, above=1.02, against=("own_recent",),
               simulated=False),
        Target("shelf", "ncf 0.95 x als", ("ncf",), NEW, above=0.95, against=("als",), simulated=False),
        *learned,
    ]  # fmt: skip


def _elsewhere() -> list[Target]:
    """What no report of models can show."""
    names = {
        "speed": (
            "p99 < 50 ms inference", "p99 < 100 ms end to end", "> 1000 QPS", "full training < 4 h",
            "feedback to effect < 5 min",
        ),
        "operation": (
            "weekly retraining without hands", "> 95 % of retrainings succeed", "100 % of predictions logged",
            "feedback on > 60 % of what was shown",
        ),
        "people": (
            "explanations > 85 % faithful", "relevance 4.5 of 5", "explanations 4 of 5", "trust 80 %",
        ),
    }  # fmt: skip
    return [Target(area, name) for area, each in names.items() for name in each]


def _closed_loop() -> list[Target]:
    """What only people who answer can show: `gems online trial`."""
    over_logged = ("lift", "online", "logged")
    cold, gems = "bandit for cold people over", "new gems at 90 % of their true rank"
    return [
        Target("closed loop", f"{cold} random: CTR +25 %", trial=("lift", "online", "random", "ctr, new"), above=1.25),
        Target("closed loop", f"{cold} popular: CTR", trial=("lift", "online", "popular", "ctr, new"), above=1.0),
        Target("closed loop", f"{gems}: half the impressions of ε-greedy", trial=("new_gems", "online_over_epsilon"),
               below=0.5),
        Target("closed loop", "online learning +15 % CTR in two weeks", trial=("lift", "online", "static", "ctr"),
               above=1.15),
        Target("business", "CTR +30 %", trial=(*over_logged, "ctr"), above=1.30),
        Target("business", "visits +25 %", trial=(*over_logged, "visits_per_slate"), above=1.25),
        Target("business", "saves and shares +20 %", trial=(*over_logged, "saves_and_shares_per_slate"), above=1.20),
        Target("business", "30-day return +15 %", trial=(*over_logged, "return_30d"), above=1.15),
        Target("business", "40 % of what is shown is rare (< 10 % popularity)", trial=("rare_share", "online"),
               above=0.40),
    ]  # fmt: skip


TARGETS = (*_ranking(), *_relative(), *_shelf(), *_closed_loop(), *_elsewhere())


def measure(
    reports: Sequence[Evaluation], targets: Sequence[Target] = TARGETS, trials: Sequence[Mapping[str, Any]] = ()
) -> list[Row]:
    """One row for each target and dataset or trial that has it; one that says so for a target that none has.

    Reports of simulated data count as one dataset: the mean of their values, with half-widths that add up as those of
    independent estimates do.
    """
    rows = []
    for target in targets:
        fits = [e for e in reports if target.simulated in (None, e.simulated)]
        found = [row for e in fits if not e.simulated and (row := _row(target, e)) is not None]
        made = [row for e in fits if e.simulated and (row := _row(target, e)) is not None]
        found += [_mean(target, made)] if made else []
        found += [row for trial in trials if target.trial and (row := _of_trial(target, trial)) is not None]
        nothing = (math.nan,) * 3
        none = Row(target.area, target.name, "", *nothing, target.protocol, *nothing, verdict=NOT_MEASURED)
        rows += found or [none]
    return rows


def _of_trial(target: Target, trial: Mapping[str, Any]) -> Row | None:
    """A figure of the closed loop; of several cities its interval is over cities, of one over people or gems."""
    found: Any = trial
    for key in target.trial:
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    if isinstance(found, list):  # a share in each city
        value, low, high = sum(found) / len(found), min(found), max(found)
    elif "seeds" in found:
        over = found["seeds"] if len(found["by_seed"]) > 1 else found["people"]
        value, low, high = (1.0 + _number(each) for each in (found["seeds"]["value"], over["low"], over["high"]))
    else:
        value, low, high = (_number(found[name]) for name in ("value", "low", "high"))
    if math.isfinite(target.below):
        verdict = MISSED if value > target.below else MET if high <= target.below else REACHED
    else:
        verdict = _verdict(target, value, low, math.nan, math.nan)
    config, cities = trial["config"], len({row["seed"] for row in trial["seeds"]})
    protocol = f"{config['people']} people, {config['days']} days"
    data = f"{cities} simulated cit{'y' if cities == 1 else 'ies'}, closed loop"
    of = " / ".join(target.trial[1:3]) if target.trial[0] == "lift" else target.trial[-1]
    nothing = math.nan
    return Row(target.area, target.name, data, value, low, high, protocol, nothing, nothing, nothing, verdict, of)


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _row(target: Target, e: Evaluation) -> Row | None:
    model, against = (_best(target, e, names) for names in (target.models, target.against))
    if model is None or (target.against and against is None):
        return None
    value, low, high = model.value, model.low, model.high
    of = model.model
    if against is not None:
        c = e.comparison(model.model, against.model, target.protocol, target.metric, target.cohort)
        value, low, high, of = c.ratio, c.ratio_low, c.ratio_high, f"{model.model} / {against.model}"
    popular, oracle = (_value(target, e, name) for name in ("popular", "oracle"))
    closed = (model.value - popular) / (oracle - popular) if oracle > popular else math.nan
    base = against.value if against is not None else 1.0
    verdict = _verdict(target, value, low, popular / base if base else math.nan, oracle / base if base else math.nan)
    if target.protocol == SLATES and not _lifts(target, e, model.model):
        verdict = f"{MISSED}: no sure lift over the logged order"
    place = f"{target.protocol}, {target.cohort}" if target.cohort else target.protocol
    data = f"{e.dataset}{' (simulated)' if e.simulated else ''}"
    return Row(target.area, target.name, data, value, low, high, place, popular, oracle, closed, verdict, of)


def _verdict(target: Target, value: float, low: float, popular: float, oracle: float) -> str:
    """Of a value, or of a ratio with popular and oracle over the same base."""
    if not math.isfinite(value):
        return "no ratio: what it is compared with has 0"
    if popular >= target.above and "popular" not in target.against:
        return f"trivial: popular has {popular:.3f}"
    if value < target.above and oracle < target.above:  # what is above the oracle shows that it is no upper bound
        return f"{'impossible' if value <= oracle else MISSED}: the oracle has {oracle:.3f}"
    if value < target.above:
        return MISSED
    return MET if low >= target.above else REACHED


def _lifts(target: Target, e: Evaluation, model: str) -> bool:
    """Whether a model surely orders logged slates better than they were."""
    return e.comparison(model, LOGGED, target.protocol, target.metric).difference_low > 0


def _best(target: Target, e: Evaluation, names: Sequence[str]) -> Figure | None:
    found = [f for f in _figures(target, e) if f.model in names and math.isfinite(f.value)]
    return max(found, key=lambda figure: figure.value, default=None)


def _value(target: Target, e: Evaluation, name: str) -> float:
    return next((f.value for f in _figures(target, e) if f.model == name), math.nan)


def _figures(target: Target, e: Evaluation) -> list[Figure]:
    wanted = (target.protocol, target.metric, target.cohort)
    figures = e.cohorts if target.cohort else e.figures
    return [f for f in figures if (f.protocol, f.metric, f.cohort) == wanted and f.model != CHOSEN]


def _mean(target: Target, rows: Sequence[Row]) -> Row:
    """One row of several seeds of the simulator."""
    if len(rows) == 1:
        return rows[0]

    def mean(name: str) -> float:
        return float(sum(getattr(row, name) for row in rows) / len(rows))

    value = mean("value")
    below = math.sqrt(sum((row.value - row.low) ** 2 for row in rows)) / len(rows)
    above = math.sqrt(sum((row.high - row.value) ** 2 for row in rows)) / len(rows)
    popular, oracle = mean("popular"), mean("oracle")
    special = [row.verdict for row in rows if ":" in row.verdict]
    plain = _verdict(target, value, value - below, math.nan, math.nan)
    verdict = f"{special[0]} ({len(special)} of {len(rows)} seeds)" if special else plain
    of = ", ".join(dict.fromkeys(row.of for row in rows))
    data = f"{len(rows)} simulated cities"
    return replace(
        rows[0], data=data, value=value, low=value - below, high=value + above, popular=popular, oracle=oracle,
        gap_closed=mean("gap_closed"), verdict=verdict, of=of,
    )  # fmt: skip
