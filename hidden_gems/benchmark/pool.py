"""Judgements of all models at all cut-offs become one evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from hidden_gems.benchmark.judgement import AMONG, LOGGED, ORACLE, RECALL_AT, SLATES, Judgement
from hidden_gems.benchmark.sheet import Sheet
from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.datasets.interactions import Rows
from hidden_gems.evaluation.calibration import Bins
from hidden_gems.evaluation.gates import Judged
from hidden_gems.evaluation.intervals import Paired, mean_intervals
from hidden_gems.evaluation.metrics import Floats
from hidden_gems.evaluation.protocols import Outcome
from hidden_gems.evaluation.report import Comparison, Evaluation, Figure

PROTOCOLS = {
    "full catalogue, new places": (
        "All items are ranked for each person at the cut-off, without those the person knew; relevant are the items "
        "the person came to for the first time after it."
    ),
    "full catalogue, with repeats": (
        "All items are ranked for each person at the cut-off; relevant are all items the person came to after it, "
        "known ones included."
    ),
    "100 uniform negatives, new places": (
        "Each item the person came to for the first time after the cut-off is ranked among 100 items drawn uniformly "
        "from those that are neither known nor relevant; the mean over a person's items counts."
    ),
    "100 uniform negatives, with repeats": (
        "Each item the person came to after the cut-off is ranked among 100 items drawn uniformly from those that are "
        "not relevant; the mean over a person's items counts."
    ),
    SLATES: (
        "Each slate logged after the cut-off is ordered anew; labels 0 to 5 by the feedback within its windows, and "
        "NDCG is graded. Models are those of the cut-off; counts and times behind features are as of the slate."
    ),
    AMONG: (
        "Only items that had few or no interactions before the cut-off are ranked for each person, without those the "
        "person knew; relevant are those the person came to for the first time after it. Recall is the mean over all "
        "orders of items with equal scores."
    ),
}
CHOSEN = "chosen before the test"
"""Stands for the model whose held-out value before each cut-off was best."""
COLD, WARM, HEAVY = "cold people (< 10 interactions)", "warm people (10 to 49)", "heavy people (50 or more)"
RETURNING = "returning people (10 or more)"
_COHORTS = {
    COLD: (0, 10),
    WARM: (10, 50),
    HEAVY: (50, np.inf),
    RETURNING: (10, np.inf),
}  # interactions before the cut-off
_BY_COHORT = ("ndcg", "recall", "hit_rate", "next_item", "auc")
_COMPARED = ("ndcg", "next_item")
ERROR = "calibration_error"
Values = Mapping[str, Floats]


def pooled(
    shelf: Shelf,
    sheets: Sequence[Sheet],
    judgements: Sequence[Mapping[str, Judgement]],
    *,
    k: int,
    seed: int,
    resamples: int,
    failed: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Evaluation:
    """Put values of all cut-offs together and resample people.

    Args:
        shelf: Any of the dataset.
        sheets: Of each cut-off.
        judgements: By model, at each cut-off; a model that is not there at every one is left out.
        k: Places.
        seed: Of the resamples.
        resamples: Of the bootstrap.
        failed: Models that could not be judged, and why.
        notes: In words.
    """
    names = [name for name in judgements[0] if all(name in each for each in judgements) and name != LOGGED]
    chosen = _chosen(names, judgements)
    if chosen:
        judgements = [{**each, CHOSEN: each[name]} for each, name in zip(judgements, chosen, strict=True)]
    if any(LOGGED in each for each in judgements):
        names.append(LOGGED)
    pool = _Pool(sheets, judgements, [*names, *([CHOSEN] if chosen else [])], k, seed, resamples)
    about, last = shelf.dataset.about, sheets[-1].window
    figures, cohorts, comparisons = pool.figures()
    return Evaluation(
        dataset=about.name,
        fingerprint=about.fingerprint,
        simulated=about.simulated,
        seed=seed,
        k=k,
        counts=_counts(shelf, sheets),
        cut={"rank_from": last.split.rank_from, "test_from": last.split.test_from},
        protocols={p: w for p, w in PROTOCOLS.items() if any(f.protocol == p for f in (*figures, *cohorts))},
        figures=tuple(figures),
        differences=tuple(_differences(comparisons, f"ndcg@{k}")),
        notes=tuple(dict.fromkeys([*(n for s in sheets for n in s.notes), *notes, *_notes(judgements)])),
        seconds=pool.seconds(),
        peak_mb={name: peak for name, peak in pool.peaks().items() if peak},
        failed=dict(failed or {}),
        windows=tuple(asdict(s.window.split) | _until(s, shelf) for s in sheets),
        cohorts=tuple(cohorts),
        comparisons=tuple(comparisons),
        held_out=_held_out(names, judgements),
        chosen=chosen,
        calibration={name: tuple(bins.table()) for name, bins in pool.bins.items()},
        curves=_curves(names, judgements),
        adds={n: tuple(each[n].adds for each in judgements) for n in pool.fitted if judgements[0][n].adds},
        judged=pool.judged(about.fingerprint),
    )


class _Pool:
    """Values of all cut-offs one after another, by model."""

    def __init__(
        self,
        sheets: Sequence[Sheet],
        judgements: Sequence[Mapping[str, Judgement]],
        names: Sequence[str],
        k: int,
        seed: int,
        resamples: int,
    ) -> None:
        self.sheets, self.judgements, self.names = sheets, judgements, names
        self.k, self.draw = k, {"seed": seed, "resamples": resamples}
        self.fitted = [name for name in names if name not in (LOGGED, CHOSEN)]
        found = {n: [j[n].bins for j in judgements if n in j and j[n].bins] for n in names}
        self.bins = {n: Bins.joined([b for b in parts if b]) for n, parts in found.items() if any(parts)}

    def figures(self) -> tuple[list[Figure], list[Figure], list[Comparison]]:
        """Of everyone, of cohorts, and of pairs of models."""
        figures: list[Figure] = []
        cohorts: list[Figure] = []
        comparisons: list[Comparison] = []
        keys = dict.fromkeys(key for each in self.judgements for found in each.values() for key in found.outcomes)
        for protocol, items in keys:
            parts, people, events = self._joined(protocol, items)
            (cohorts if items else figures).extend(self._of(protocol, items, parts, people))
            comparisons += self._compared(protocol, items, parts, people)
            for cohort, (first, end) in ({} if items or protocol == SLATES else _COHORTS).items():
                there = (events >= first) & (events < end)
                some = {n: _only({m: v[there] for m, v in p.items()}, _BY_COHORT) for n, p in parts.items()}
                cohorts += self._of(protocol, cohort, some, people[there])
                comparisons += self._compared(protocol, cohort, some, people[there])
        figures += self._whole()
        return figures, cohorts, comparisons

    def seconds(self) -> dict[str, float]:
        """Time that each model took over all cut-offs."""
        return {n: round(sum(each[n].seconds for each in self.judgements), 2) for n in self.fitted if n != ORACLE}

    def peaks(self) -> dict[str, float]:
        """Most memory of a process that fitted each model, MiB."""
        return {n: max(each[n].peak_mb for each in self.judgements) for n in self.fitted}

    def judged(self, fingerprint: str) -> dict[tuple[str, str], Judged]:
        """Values of single people, by model and protocol."""
        found: dict[tuple[str, str], Judged] = {}
        for protocol in dict.fromkeys(p for j in self.judgements for each in j.values() for p, _ in each.outcomes):
            parts, people, _ = self._joined(protocol, "")
            found |= {(n, protocol): Judged(n, fingerprint, people, v) for n, v in parts.items() if n != CHOSEN}
        return found

    def _joined(self, protocol: str, cohort: str) -> tuple[dict[str, Values], Rows, Rows]:
        """Values of each model, the row of the person behind each, and how much that person had done before."""
        names = [n for n in self.names if any((protocol, cohort) in j[n].outcomes for j in self.judgements if n in j)]
        parts: dict[str, list[Outcome]] = {name: [] for name in names}
        people, events = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        for sheet, each in zip(self.sheets, self.judgements, strict=True):
            there = [name for name in names if name in each and (protocol, cohort) in each[name].outcomes]
            for name in there:
                parts[name].append(each[name].outcomes[protocol, cohort])
            if there:
                people.append(parts[there[0]][-1].people)
                events.append(sheet.events[people[-1]])
        values: dict[str, Values] = {
            n: {m: np.concatenate([o.values[m] for o in p]) for m in p[0].values} for n, p in parts.items()
        }
        self._left_out = sum(outcome.left_out for outcome in next(iter(parts.values()), []))
        return values, np.concatenate(people), np.concatenate(events)

    def _of(self, protocol: str, cohort: str, parts: Mapping[str, Values], people: Rows) -> list[Figure]:
        flat = {(name, metric): v for name, values in parts.items() for metric, v in values.items()}
        places = {str(place): values for place, values in enumerate(flat.values())}
        intervals = mean_intervals(places, people, **self.draw) if places else {}
        return [
            Figure(name, protocol, metric, i.value, i.low, i.high, i.users, self._left_out, cohort)
            for (name, metric), i in zip(flat, intervals.values(), strict=True)
        ]

    def _compared(self, protocol: str, cohort: str, parts: Mapping[str, Values], people: Rows) -> list[Comparison]:
        found = []
        wanted = {f"{name}@{self.k}" for name in _COMPARED} | {f"recall@{RECALL_AT}"}
        for metric in dict.fromkeys(m for values in parts.values() for m in values if m in wanted):
            paired = Paired.of({n: v[metric] for n, v in parts.items() if metric in v}, people, **self.draw)
            if paired is None:
                continue
            for place, first in enumerate(paired.names):
                for second in paired.names[:place]:
                    d, r = paired.difference(first, second), paired.ratio(first, second)
                    about = (first, second, protocol, metric, cohort)
                    found.append(Comparison(*about, d.value, d.low, d.high, r.value, r.low, r.high, users=d.users))
        return found

    def _whole(self) -> list[Figure]:
        """Figures of all lists together, as means over the cut-offs, and of the calibration."""
        found = []
        for name in self.fitted:
            mine = [each[name] for each in self.judgements]
            for protocol, metric in dict.fromkeys(key for each in mine for key in each.whole):
                there = [each for each in mine if (protocol, metric) in each.whole]
                outcomes = [each.outcomes[protocol, ""] for each in there]
                users = len(np.unique(np.concatenate([outcome.people for outcome in outcomes])))
                left_out = sum(outcome.left_out for outcome in outcomes)
                value = float(np.mean([each.whole[protocol, metric] for each in there]))
                found.append(Figure(name, protocol, metric, value, np.nan, np.nan, users, left_out))
            if name in self.bins:
                i = self.bins[name].error(**self.draw)
                protocol = "100 uniform negatives, new places"
                found.append(Figure(name, protocol, ERROR, i.value, i.low, i.high, i.users))
        return found


def _only(values: Values, metrics: Sequence[str]) -> dict[str, Floats]:
    return {name: each for name, each in values.items() if name.split("@")[0] in metrics}


def _chosen(names: Sequence[str], judgements: Sequence[Mapping[str, Judgement]]) -> tuple[str, ...]:
    """The model with the best value on what was held out before each cut-off; none where one has no value at all."""
    found = []
    for each in judgements:
        values = {name: each[name].held_out for name in names if np.isfinite(each[name].held_out)}
        if not values:
            return ()
        found.append(max(values, key=lambda name: values[name]))
    return tuple(found)


def _held_out(names: Sequence[str], judgements: Sequence[Mapping[str, Judgement]]) -> dict[str, tuple[float, ...]]:
    values = {n: tuple(j[n].held_out if n in j else float("nan") for j in judgements) for n in names}
    return {name: each for name, each in values.items() if np.isfinite(each).any()}


def _curves(
    names: Sequence[str], judgements: Sequence[Mapping[str, Judgement]]
) -> dict[str, tuple[dict[str, object], ...]]:
    found = {}
    for name in names:
        at = [(cut, curve) for cut, each in enumerate(judgements, 1) if name in each for curve in each[name].curves]
        if at:
            found[name] = tuple({"cutoff": cut} | asdict(curve) for cut, curve in at)
    return found


def _differences(comparisons: Sequence[Comparison], metric: str) -> list[Figure]:
    """Of each model minus popular, person by person."""
    found = []
    for one in comparisons:
        if one.metric != metric or one.cohort or "popular" not in (one.model, one.against):
            continue
        c = one if one.against == "popular" else one.turned()
        found.append(Figure(c.model, c.protocol, metric, c.difference, c.difference_low, c.difference_high, c.users))
    return found


def _notes(judgements: Sequence[Mapping[str, Judgement]]) -> list[str]:
    return [note for each in judgements for found in each.values() for note in found.notes]


def _until(sheet: Sheet, shelf: Shelf) -> dict[str, int]:
    return {"until": shelf.dataset.now if sheet.window.until is None else sheet.window.until}


def _counts(shelf: Shelf, sheets: Sequence[Sheet]) -> dict[str, int]:
    return {
        "people": len(shelf.users) - 1,
        "items": len(shelf.items) - 1,
        "interactions_before_the_test": int(sheets[0].events.sum()),
        "interactions_in_the_test": sum(sheet.answers for sheet in sheets),
        "impressions": len(shelf.dataset.impressions),
    }
