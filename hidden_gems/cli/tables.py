"""Tables for the terminal and the page, and figures for JSON."""

import math
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from hidden_gems.evaluation.report import Evaluation, Figure


def figure_rows(found: "Evaluation", metric: str) -> tuple[list[str], list[list[str]]]:
    """One metric of every model under every protocol: head and body; a cell is the value over its 95 % interval."""
    figures = [figure for figure in found.figures if figure.metric == metric]
    protocols = list(dict.fromkeys(figure.protocol for figure in figures))
    cells = {(figure.model, figure.protocol): figure for figure in figures}
    people = {figure.protocol: figure.users for figure in figures}
    models = list(dict.fromkeys(figure.model for figure in figures))
    body = [[model, *(_cell(cells.get((model, protocol))) for protocol in protocols)] for model in models]
    return ["model", *protocols], [*body, ["people", *(f"{people[protocol]:,}" for protocol in protocols)]]


def figures_table(found: "Evaluation") -> Table:
    """NDCG of an evaluation for the terminal."""
    metric = f"ndcg@{found.k}"
    head, body = figure_rows(found, metric)
    simulated = ", simulated data" if found.simulated else ""
    title = f"{metric} on {found.dataset}{simulated}, seed {found.seed}, 95 % intervals over people"
    table = Table(title=title, title_justify="left")
    for name in head:
        table.add_column(name, justify="left" if name == "model" else "right")
    for row in body[:-1]:
        table.add_row(*row)
    table.add_section()
    table.add_row(*body[-1])
    return table


def finite(value: Any) -> Any:
    """A tree of figures for JSON, which has no NaN and no infinity: they become null.

    Examples:
        >>> finite({"a": (1.0, float("nan"))})
        {'a': [1.0, None]}
    """
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(figure: "Figure | None") -> str:
    if figure is None:
        return ""
    if not math.isfinite(figure.value):
        return "nobody"
    if not math.isfinite(figure.low):
        return _short(figure.value)
    return f"{_short(figure.value)}\n{_short(figure.low)}–{_short(figure.high)}"


def _short(value: float) -> str:
    """Three digits without the leading nought, so that six protocols fit into 80 columns."""
    return f"{value:.3f}".removeprefix("0")
