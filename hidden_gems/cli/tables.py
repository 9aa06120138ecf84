"""Tables for the terminal and the page."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from hidden_gems.evaluation.report import Evaluation, Figure

METRICS = ("ndcg", "recall", "auc")
"""Shown on screen; all of them are in the report."""


def figure_rows(found: "Evaluation", protocols: Sequence[str] | None = None) -> tuple[list[str], list[list[str]]]:
    """Head and body of the table of an evaluation: protocol, model, metrics with intervals, people."""
    figures = [figure for figure in found.figures if protocols is None or figure.protocol in protocols]
    known = list(dict.fromkeys(figure.metric for figure in figures))
    metrics = [name for start in METRICS for name in known if name.split("@")[0] == start]
    cells = {(figure.protocol, figure.model, figure.metric): figure for figure in figures}
    body = []
    order = list(dict.fromkeys(figure.protocol for figure in figures))
    pairs = dict.fromkeys((figure.protocol, figure.model) for figure in figures)
    for protocol, model in sorted(pairs, key=lambda pair: order.index(pair[0])):
        of_model = [cells.get((protocol, model, metric)) for metric in metrics]
        people = max((figure.users for figure in of_model if figure), default=0)
        body.append([protocol, model, *(_cell(figure) for figure in of_model), f"{people:,}"])
    return ["protocol", "model", *metrics, "people"], body


def figures_table(found: "Evaluation", protocols: Sequence[str] | None = None) -> Table:
    """Table of an evaluation for the terminal."""
    head, body = figure_rows(found, protocols)
    simulated = ", simulated data" if found.simulated else ""
    table = Table(title=f"{found.dataset}{simulated}, seed {found.seed}: value [95 % interval]", title_justify="left")
    for name in head:
        table.add_column(name, justify="left" if name in ("protocol", "model") else "right")
    before = None
    for row in body:
        if before is not None and row[0] != before:
            table.add_section()
        table.add_row(row[0] if row[0] != before else "", *row[1:])
        before = row[0]
    return table


def _cell(figure: "Figure | None") -> str:
    if figure is None:
        return ""
    if not math.isfinite(figure.value):
        return "no people"
    if not math.isfinite(figure.low):
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
