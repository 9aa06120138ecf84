"""What an evaluation found: figures as JSON and as lines for a terminal."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from hidden_gems.evaluation.gates import Judged

NOTHING_LEARNED = "lambdamart found nothing to learn from in these data; item_knn stands in for it."
"""Note of an evaluation whose ranker is constant."""


@dataclass(frozen=True)
class Figure:
    """One figure of one model."""

    model: str
    protocol: str
    metric: str
    value: float
    low: float  # of the 95 % interval; NaN where there is none
    high: float
    users: int  # people it rests on; 0 when it cannot be computed
    left_out: int = 0  # people or slates without a relevant item
    cohort: str = ""  # part of the people or of the items; empty for all


@dataclass(frozen=True)
class Comparison:
    """Two models on the same people: difference and ratio of their means, with 95 % intervals."""

    model: str
    against: str
    protocol: str
    metric: str
    cohort: str
    difference: float
    difference_low: float
    difference_high: float
    ratio: float  # infinite or NaN where the mean of `against` is 0, in any of the resamples for the interval
    ratio_low: float
    ratio_high: float
    users: int

    def turned(self) -> "Comparison":
        """The same the other way round."""
        return replace(
            self,
            model=self.against,
            against=self.model,
            difference=-self.difference,
            difference_low=-self.difference_high,
            difference_high=-self.difference_low,
            ratio=_one_over(self.ratio),
            ratio_low=_one_over(self.ratio_high),
            ratio_high=_one_over(self.ratio_low),
        )


@dataclass(frozen=True)
class Evaluation:
    """Figures of many models on one dataset, and everything needed to read them.

    With several cut-offs a figure is over all values of all cut-offs, and a person is resampled with all of theirs;
    coverage and the Gini index are means over the cut-offs.
    """

    dataset: str
    fingerprint: str
    simulated: bool
    seed: int
    k: int
    counts: Mapping[str, int]  # people, items, interactions and so on
    cut: Mapping[str, int]  # first seconds of the ranker's slice and of the test; of the last cut-off
    protocols: Mapping[str, str]  # name: what it does, in words
    figures: tuple[Figure, ...]
    differences: tuple[Figure, ...] = ()  # first metric minus that of popular, paired
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)  # time each model took, over all cut-offs
    peak_mb: Mapping[str, float] = field(default_factory=dict)  # most memory of a process that fitted it, MiB
    failed: Mapping[str, str] = field(default_factory=dict)  # model: why it has no figures
    windows: tuple[Mapping[str, int], ...] = ()  # rank_from, test_from and until of each cut-off
    cohorts: tuple[Figure, ...] = ()  # figures of parts of the people or items
    comparisons: tuple[Comparison, ...] = ()  # of each pair of models, once
    held_out: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # value before each cut-off
    chosen: tuple[str, ...] = ()  # the model with the best held-out value at each cut-off
    calibration: Mapping[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)  # pairs, mean p, share
    curves: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)  # of training, by cut-off
    adds: Mapping[str, tuple[Mapping[str, float], ...]] = field(default_factory=dict)  # what members add to a blend
    judged: Mapping[tuple[str, str], Judged] = field(default_factory=dict, repr=False)  # (model, protocol): values

    def figure(self, model: str, protocol: str, metric: str, cohort: str = "") -> Figure:
        """The figure of that model, protocol, metric and cohort.

        Raises:
            KeyError: If it was not asked for.
        """
        for figure in self.cohorts if cohort else self.figures:
            if (figure.model, figure.protocol, figure.metric, figure.cohort) == (model, protocol, metric, cohort):
                return figure
        raise KeyError((model, protocol, metric, cohort))

    def comparison(self, model: str, against: str, protocol: str, metric: str, cohort: str = "") -> Comparison:
        """One model against another, whichever way round it was computed.

        Raises:
            KeyError: If it was not asked for.
        """
        for each in self.comparisons:
            if (each.protocol, each.metric, each.cohort) != (protocol, metric, cohort):
                continue
            if (each.model, each.against) == (model, against):
                return each
            if (each.model, each.against) == (against, model):
                return each.turned()
        raise KeyError((model, against, protocol, metric, cohort))

    def as_dict(self) -> dict[str, Any]:
        """For JSON: figures that do not exist are null."""
        plain = ("dataset", "fingerprint", "simulated", "seed", "k")
        about: dict[str, Any] = {name: getattr(self, name) for name in plain}
        about |= {name: dict(getattr(self, name)) for name in _MAPPINGS}
        about |= {name: list(getattr(self, name)) for name in _LISTS}
        about |= {name: [asdict(row) for row in getattr(self, name)] for name in _ROWS}
        whole: dict[str, Any] = without_nan(about)
        return whole

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Evaluation":
        """Read what `as_dict` gave; the values of single people are not in it."""
        rows = {name: tuple(kind(**_with_nan(row)) for row in values.get(name, ())) for name, kind in _ROWS.items()}
        lists = {name: tuple(values.get(name, ())) for name in _LISTS}
        return cls(**{**values, **rows, **lists})

    def lines(self, metrics: tuple[str, ...] | None = None) -> list[tuple[str, ...]]:
        """Lines of a table: a heading, then protocol, model and one cell a metric, as text."""
        chosen = metrics or tuple(dict.fromkeys(figure.metric for figure in self.figures))
        cells = {(f.protocol, f.model, f.metric): f for f in self.figures}
        pairs = dict.fromkeys((f.protocol, f.model) for f in self.figures)
        body = [(*pair, *(cell(cells.get((*pair, metric))) for metric in chosen)) for pair in pairs]
        return [("protocol", "model", *chosen), *body]


_ROWS: Mapping[str, type] = {
    "figures": Figure,
    "differences": Figure,
    "cohorts": Figure,
    "comparisons": Comparison,
}
_LISTS = ("notes", "windows", "chosen")
_MAPPINGS = (
    "counts", "cut", "protocols", "seconds", "peak_mb", "failed", "held_out", "calibration", "curves", "adds",
)  # fmt: skip


def without_nan(value: Any) -> Any:
    """The same with None for numbers that JSON does not know."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: without_nan(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    return value


def _with_nan(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in row.items()}


def _one_over(value: float) -> float:
    return math.inf if value == 0 else 1.0 / value


def cell(figure: Figure | None) -> str:
    """A figure as text with its interval; empty for none."""
    if figure is None:
        return ""
    if not math.isfinite(figure.value):
        return "not computable (0 people)" if figure.users == 0 else "not finite"
    if not math.isfinite(figure.low):
        return f"{figure.value:.4f}"
    return f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"
