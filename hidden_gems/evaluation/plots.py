"""Plots of an evaluation as SVG to put into a page: no file, no script, nothing from outside."""

import io
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from hidden_gems.core.crowds import may_be_shown
from hidden_gems.evaluation.report import Comparison, Evaluation, Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEW, REPEATS = "full catalogue, new places", "full catalogue, with repeats"
CHOSEN = "chosen before the test"
NOT_MODELS = ("random", "oracle", "logged order", CHOSEN)
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: small, and found by a search
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e8ee",
    "axes.axisbelow": True,
}


def colours(evaluation: Evaluation) -> dict[str, str]:
    """One colour for each model, the same in every plot."""
    names = list(dict.fromkeys(figure.model for figure in evaluation.figures))
    palette = mpl.colormaps["tab20"]
    return {name: mpl.colors.to_hex(palette((2 * n + n // 10) % 20)) for n, name in enumerate(names)}


def popularity_plot(evaluation: Evaluation) -> str:
    """Quality against how popular the recommended items are; the size of a point is the Gini index of exposure."""
    k, paint = evaluation.k, colours(evaluation)
    table = {(f.protocol, f.model, f.metric): f for f in evaluation.figures}
    there = [protocol for protocol in (NEW, REPEATS) if any(f.protocol == protocol for f in evaluation.figures)]
    canvas, axes = _canvas(11.0, 4.2, len(there))
    for axis, protocol in zip(axes, there, strict=True):
        for name in (name for name in paint if name != CHOSEN):
            y, x, gini = (table.get((protocol, name, f"{m}@{k}")) for m in ("ndcg", "popularity_lift", "gini"))
            if not (_known(y) and _known(x) and y and x):
                continue
            size = 30 + 120 * (gini.value if gini and _known(gini) else 0.0)
            axis.errorbar(x.value, y.value, yerr=_bars([y]), color=paint[name], elinewidth=1.0, alpha=0.6)
            axis.scatter(x.value, y.value, s=size, color=paint[name], alpha=0.9, label=name)
        axis.axvline(1.0, color="#99a", linewidth=0.8, linestyle=":")
        axis.set(title=protocol, xlabel=f"popularity lift@{k} (1: that of what people choose)", ylabel=f"ndcg@{k}")
    if there:
        canvas.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=8)
    return _svg(canvas, f"ndcg@{k} against popularity lift")


def curves_plot(evaluation: Evaluation) -> str:
    """Value on what was held out after each epoch, for every deep model and cut-off."""
    canvas, [axis] = _canvas(8.0, 3.6, 1)
    paint = colours(evaluation)
    for name, curves in evaluation.curves.items():
        searches = [curve for curve in curves if curve["validations"]]
        for place, curve in enumerate(searches):
            epochs, best = range(1, len(curve["validations"]) + 1), curve["best_epoch"]
            axis.plot(epochs, curve["validations"], color=paint[name], alpha=0.8, label="" if place else name)
            if best:
                axis.plot(best, curve["validations"][best - 1], "o", color=paint[name], markersize=5)
    axis.set(xlabel="epoch (dot: the one that was chosen)", ylabel="value on what was held out")
    axis.legend(frameon=False)
    return _svg(canvas, "learning curves")


def cohorts_plot(evaluation: Evaluation) -> str:
    """NDCG for people by how much is known of them, and recall of new items, with intervals; else empty."""
    k = evaluation.k
    wanted = [f for f in evaluation.cohorts if _known(f) and f.model not in NOT_MODELS[1:] and may_be_shown(f.users)]
    people = [f for f in wanted if f.metric == f"ndcg@{k}" and f.protocol == NEW]
    items = [f for f in wanted if f.metric == "recall@20" and f.protocol == "new items among themselves"]
    panels = [(figures, title) for figures, title in (
        (people, f"ndcg@{k}, new places, by person"), (items, "recall@20 of new items, among themselves"),
    ) if figures]  # fmt: skip
    if not panels:
        return ""
    canvas, axes = _canvas(11.0, 4.2, len(panels))
    for axis, (figures, title) in zip(axes, panels, strict=True):
        _grouped(axis, figures, colours(evaluation))
        axis.set_title(title)
    canvas.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=8)
    return _svg(canvas, "figures by cohort")


def reliability_plot(evaluation: Evaluation) -> str:
    """Share of yeses against the probability that was said, ten bins each; the diagonal is perfect."""
    canvas, [axis] = _canvas(5.6, 4.6, 1)
    paint, lowest, highest = colours(evaluation), 1.0, 0.0
    for name, bins in evaluation.calibration.items():
        points = [(said, share) for _, said, share in bins if said > 0 and share > 0]
        if points:
            lowest = min(lowest, *(min(point) for point in points))
            highest = max(highest, *(max(point) for point in points))
            axis.plot(*zip(*points, strict=True), "o-", color=paint[name], label=name, markersize=3.5, linewidth=1.0)
    axis.plot([lowest, highest], [lowest, highest], color="#99a", linestyle=":", linewidth=1.0)
    axis.set(xscale="log", yscale="log", xlabel="mean probability said", ylabel="share that happened")
    axis.legend(frameon=False, fontsize=7)
    return _svg(canvas, "reliability")


def forest_plot(evaluation: Evaluation) -> str:
    """NDCG of each model minus that of the best single model, by person, with intervals; empty if there is none."""
    k = evaluation.k
    panels = [(p, compared_with(evaluation, p)) for p in (NEW, REPEATS)]
    panels = [(protocol, rows) for protocol, rows in panels if rows]
    if not panels:
        return ""
    height = 1.1 + 0.28 * max(len(rows) for _, rows in panels)
    canvas, axes = _canvas(11.0, height, len(panels))
    for axis, (protocol, rows) in zip(axes, panels, strict=True):
        for place, row in enumerate(rows):
            ends = [[row.difference - row.difference_low], [row.difference_high - row.difference]]
            axis.errorbar(row.difference, place, xerr=ends, fmt="o", color="#27496d", markersize=4, capsize=2)
        axis.axvline(0.0, color="#99a", linewidth=0.8)
        axis.set_yticks(range(len(rows)), [row.model for row in rows])
        axis.invert_yaxis()
        axis.set(title=protocol, xlabel=f"ndcg@{k} minus that of {rows[0].against}")
    return _svg(canvas, "paired differences")


def compared_with(evaluation: Evaluation, protocol: str, against: str = "") -> list[Comparison]:
    """Every model against one (by default the best single one), the best difference first; empty where there is none.

    Blends and rankers are made of single models, so they are not what others are compared with.
    """
    metric = f"ndcg@{evaluation.k}"
    own = [f for f in evaluation.figures if f.protocol == protocol and f.metric == metric and _known(f)]
    single = [f for f in own if f.model not in (*NOT_MODELS, "blend", "lambdamart")]
    if not single:
        return []
    against = against or max(single, key=lambda figure: figure.value).model
    others = [f.model for f in own if f.model not in (against, CHOSEN)]
    rows = [evaluation.comparison(name, against, protocol, metric) for name in others]
    return sorted(rows, key=lambda row: -row.difference)


def _grouped(axis: "Axes", figures: Sequence[Figure], paint: dict[str, str]) -> None:
    """Bars in groups: one group a cohort, one bar a model."""
    models = [name for name in paint if any(f.model == name for f in figures)]
    cohorts = list(dict.fromkeys(f.cohort for f in figures))
    cells = {(f.model, f.cohort): f for f in figures}
    width = 0.85 / max(len(models), 1)
    for n, name in enumerate(models):
        mine = [(place, cells[name, cohort]) for place, cohort in enumerate(cohorts) if (name, cohort) in cells]
        where = [place + (n - (len(models) - 1) / 2) * width for place, _ in mine]
        found = [figure for _, figure in mine]
        style = {"error_kw": {"elinewidth": 0.8, "ecolor": "#445"}, "color": paint[name], "label": name}
        axis.bar(where, [f.value for f in found], width, yerr=_bars(found), **style)  # type: ignore[arg-type]
    users = {cohort: max(f.users for f in figures if f.cohort == cohort) for cohort in cohorts}
    labels = [f"{cohort.replace(' (', chr(10) + '(')}\n{users[cohort]:,} people" for cohort in cohorts]
    axis.set_xticks(range(len(cohorts)), labels, fontsize=8)
    axis.grid(visible=False, axis="x")


def _bars(figures: Sequence[Figure]) -> list[list[float]]:
    """Lengths of error bars down and up; 0 where there is no interval."""
    ends = [(f.value - f.low, f.high - f.value) for f in figures]
    return [[max(pair[side], 0.0) if math.isfinite(pair[side]) else 0.0 for pair in ends] for side in (0, 1)]


def _known(figure: Figure | None) -> bool:
    return figure is not None and math.isfinite(figure.value)


def _canvas(width: float, height: float, panels: int) -> "tuple[Canvas, list[Axes]]":
    with mpl.rc_context(_STYLE):
        canvas = Canvas(figsize=(width if panels > 1 else min(width, 8.0), height), layout="constrained")
        return canvas, [canvas.add_subplot(1, max(panels, 1), n + 1) for n in range(max(panels, 1))]


def _svg(canvas: Canvas, name: str) -> str:
    """The drawing alone: a page needs neither its head nor its name spaces."""
    out = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        canvas.savefig(out, format="svg", metadata={"Date": None})
    drawn = out.getvalue()
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn[drawn.index("<svg") :], flags=re.DOTALL)
    drawn = re.sub(r' xmlns(:\w+)?="[^"]*"', "", drawn)
    return drawn.replace("<svg", f'<svg role="img" aria-label="{name}"', 1)
