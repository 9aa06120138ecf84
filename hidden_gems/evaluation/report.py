"""What an evaluation found: figures as JSON, as lines for a terminal, and as one page that needs nothing else."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from html import escape
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


@dataclass(frozen=True)
class Evaluation:
    """Figures of many models on one dataset, and everything needed to read them."""

    dataset: str
    fingerprint: str
    simulated: bool
    seed: int
    k: int
    counts: Mapping[str, int]  # people, items, interactions and so on
    cut: Mapping[str, int]  # first seconds of the ranker's slice and of the test
    protocols: Mapping[str, str]  # name: what it does, in words
    figures: tuple[Figure, ...]
    differences: tuple[Figure, ...] = ()  # first metric minus that of popular, paired
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)  # time each model took
    judged: Mapping[tuple[str, str], Judged] = field(default_factory=dict, repr=False)  # (model, protocol): values

    def figure(self, model: str, protocol: str, metric: str) -> Figure:
        """The figure of that model, protocol and metric.

        Raises:
            KeyError: If it was not asked for.
        """
        for figure in self.figures:
            if (figure.model, figure.protocol, figure.metric) == (model, protocol, metric):
                return figure
        raise KeyError((model, protocol, metric))

    def as_dict(self) -> dict[str, Any]:
        """For JSON: figures that do not exist are null."""
        about = {
            name: getattr(self, name) for name in ("dataset", "fingerprint", "simulated", "seed", "k", "notes")
        } | {name: dict(getattr(self, name)) for name in ("counts", "cut", "protocols", "seconds")}
        figures = {name: [_row(row) for row in getattr(self, name)] for name in ("figures", "differences")}
        return about | {"notes": list(self.notes)} | figures

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Evaluation":
        """Read what `as_dict` gave; the values of single people are not in it."""
        figures = {name: tuple(_figure(row) for row in values[name]) for name in ("figures", "differences")}
        return cls(**{**values, **figures, "notes": tuple(values["notes"])})

    def lines(self, metrics: tuple[str, ...] | None = None) -> list[tuple[str, ...]]:
        """Lines of a table: a heading, then protocol, model and one cell a metric, as text."""
        chosen = metrics or tuple(dict.fromkeys(figure.metric for figure in self.figures))
        cells = {(f.protocol, f.model, f.metric): f for f in self.figures}
        pairs = dict.fromkeys((f.protocol, f.model) for f in self.figures)
        body = [(*pair, *(_cell(cells.get((*pair, metric))) for metric in chosen)) for pair in pairs]
        return [("protocol", "model", *chosen), *body]


def _row(figure: Figure) -> dict[str, Any]:
    return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in asdict(figure).items()}


def _figure(row: Mapping[str, Any]) -> Figure:
    known: dict[str, Any] = {name: math.nan if value is None else value for name, value in row.items()}
    return Figure(**known)


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    if not math.isfinite(figure.value):
        return "not computable (0 people)" if figure.users == 0 else "not finite"
    if not math.isfinite(figure.low):
        return f"{figure.value:.4f}"
    return f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #223; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 13px; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #dde; padding: .3rem .6rem; text-align: left; white-space: nowrap; }
.simulated { background: #fff3cd; padding: .5rem 1rem; }
"""


def page(evaluation: Evaluation) -> str:
    """One HTML page with bars, tables and the protocols in words; it loads nothing from outside."""
    e = evaluation
    simulated = '<p class="simulated">These are simulated data.</p>' if e.simulated else ""
    counts = ", ".join(f"{value:,} {escape(name.replace('_', ' '))}" for name, value in e.counts.items())
    sections = "\n".join(_section(e, name, words) for name, words in e.protocols.items())
    differences = [(d.protocol, d.model, d.metric, _cell(d)) for d in e.differences]
    notes = "".join(f"<li>{escape(note)}</li>" for note in e.notes)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Evaluation of {escape(e.dataset)}</title>
<style>{_STYLE}</style></head>
<body><h1>Evaluation of {escape(e.dataset)}</h1>
{simulated}
<p>Dataset fingerprint <code>{escape(e.fingerprint)}</code>, seed {e.seed}: {counts}. The ranker's slice starts at
{e.cut["rank_from"]}, the test at {e.cut["test_from"]} (epoch seconds, or an order). Intervals: 95 %, percentile
bootstrap over people.</p>
<ul>{notes}</ul>
{sections}
<h2>Against popular</h2>
<p>Paired differences over the same people.</p>
{_table([("protocol", "model", "metric", "difference"), *differences])}
</body></html>
"""


def _section(evaluation: Evaluation, protocol: str, words: str) -> str:
    figures = [figure for figure in evaluation.figures if figure.protocol == protocol]
    lines = [line[1:] for line in evaluation.lines() if line[0] in ("protocol", protocol)]
    used = [i for i in range(len(lines[0])) if any(line[i] for line in lines[1:])]
    table = _table([tuple(line[i] for i in used) for line in lines])
    main = [figure for figure in figures if figure.metric == f"ndcg@{evaluation.k}"]
    people = f"{main[0].users:,} people judged, {main[0].left_out:,} without a relevant item left out." if main else ""
    return f"<h2>{escape(protocol)}</h2><p>{escape(words)} {people}</p>{bars(main)}{table}"


def _table(lines: list[tuple[str, ...]]) -> str:
    head, *body = lines
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in body)
    return "<table><tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + f"</tr>{rows}</table>"


_BAR, _LEFT, _WIDTH = 26, 140, 480  # pixels


def bars(figures: list[Figure]) -> str:
    """Horizontal bars with intervals as inline SVG; figures that do not exist are left out."""
    known = [figure for figure in figures if math.isfinite(figure.value)]
    if not known:
        return "<p>Nothing to draw: no figure could be computed.</p>"
    top = max(max(f.value, f.high if math.isfinite(f.high) else 0.0) for f in known) or 1.0
    scale = _WIDTH / top
    parts = []
    for row, figure in enumerate(known):
        middle = row * _BAR + _BAR / 2
        parts.append(
            f'<text x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(figure.model)}</text>'
            f'<rect x="{_LEFT}" y="{middle - 8}" width="{figure.value * scale:.1f}" height="16" fill="#6a9fb5"/>'
            f'<text x="{_LEFT + _WIDTH + 12}" y="{middle + 4}">{figure.value:.4f}</text>'
        )
        if math.isfinite(figure.low) and math.isfinite(figure.high):
            low, high = _LEFT + figure.low * scale, _LEFT + figure.high * scale
            parts.append(f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#223" stroke-width="2"/>')
    name = escape(known[0].metric)
    width, height = _LEFT + _WIDTH + 80, len(known) * _BAR
    return (
        f'<svg role="img" aria-label="{name} by model" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-size="13">{"".join(parts)}</svg>'
    )
