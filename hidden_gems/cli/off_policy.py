"""`gems off-policy`: what a policy would earn, out of what another one logged."""

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import AsJson
from hidden_gems.cli.reports import Out, tell

if TYPE_CHECKING:
    from hidden_gems.evaluation.intervals import Interval
    from hidden_gems.evaluation.off_policy.report import Report

FEW = 0.01
"""Below this share of places of equal weight a table says how little the log knows."""


@needs_extra("train")
def off_policy(
    log: Annotated[
        Path,
        typer.Option(metavar="L", help="round_id, item_id, position, reward, propensity; more columns are context."),
    ],
    target: Annotated[
        Path, typer.Option(metavar="T", help="round_id, item_id, probability; position where it depends on it.")
    ],
    clip: Annotated[
        float | None,
        typer.Option(min=0.0, help="Largest weight of the clipped estimators.", show_default="root of the places"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the model of the reward: folds and trees.")] = 0,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Estimate what a place would earn under the policy T, from the log L of another policy.

    Files are Parquet or CSV. A row of L is one place: what was shown, its reward, and the propensity, the probability
    with which it was shown there. T has that probability under the target for every item of a round; an item without a
    row is never shown, and without the column position a row holds for all places of its round. In a slate both are
    given the items above in the log: what a choice does to the places below is not judged.

    With w = T's probability of what was shown / its propensity, and q a model of the reward: IPS is the mean of w
    reward, SNIPS the same over the mean of w, DM the mean of q under T, DR that of q under T + w (reward - q), SNDR
    divides its second half by the mean of w.

    Intervals are 95 %; independent is a person where L has user_id, else a round. DM's leaves out how wrong q is. Every
    other column of L is context for q: known before the choice, the same whichever item had been shown (so no score and
    no price of the item).

    Try: gems off-policy --log log.csv --target target.csv --out estimate.json
    """
    from hidden_gems.evaluation.off_policy.report import estimate
    from hidden_gems.evaluation.off_policy.rounds import read_rounds

    found = estimate(read_rounds(log, target), clip, seed)
    tell(found.as_dict(), out, as_json, partial(_show, found), partial(_plot, found))


def _show(found: "Report", console: Console) -> None:
    title = f"Reward of a place: {found.places:,} places, {found.rounds:,} rounds"
    if found.clustered_by == "user_id":
        title += f", {found.clusters:,} people"
    table = Table("", "value", "95 %", "minus the log's", "95 %", "worth places", title=title, title_justify="left")
    table.add_row("the log itself", *_cells(found.logged), "", "", f"{found.places:,}")
    table.add_section()
    for name, each in found.estimates.items():
        worth = "" if each.effective is None else f"{each.effective:,.0f}"
        table.add_row(name, *_cells(each.value), *_cells(each.difference, "+"), worth)
    console.print(table)
    support = found.support
    value, ends = _cells(support.weight)
    console.print(
        f"Mean weight {value} ({ends}; 1 where the propensities are right and the log can show what the target wants), "
        f"largest {support.largest:,.4g}, clipped ones at {found.limit:,.4g}."
    )
    console.print(
        f"The target never shows {support.never_wanted:.1%} of what was shown; {support.never_shown:.1%} of what it "
        "shows was never shown in this log."
    )
    if not support.weight.low <= 1.0 <= support.weight.high:
        console.print("1 is outside of that interval: only DM and DR say anything of the rest, and they guess it.")
    if support.effective_share < FEW:
        console.print(f"The log is worth {support.effective_share:.2%} of its places: the policies hardly overlap.")
    for note in found.notes:
        console.print(note, markup=False)


def _cells(found: "Interval", sign: str = "") -> tuple[str, str]:
    if not math.isfinite(found.value):
        return "unknown", ""
    ends = f"{found.low:{sign}.4f} to {found.high:{sign}.4f}" if math.isfinite(found.low) else "unknown"
    return f"{found.value:{sign}.4f}", ends


def _plot(found: "Report", path: Path) -> None:
    """Each estimator with its interval, beside the log's own value."""
    from matplotlib.figure import Figure

    known = [(name, each.value) for name, each in found.estimates.items() if math.isfinite(each.value.low)]
    figure = Figure(figsize=(7.0, 3.6), layout="constrained")
    axes = figure.subplots()
    for place, (name, each) in enumerate(known):
        colour = "#99a" if name == "DM" else "#27496d"
        ends = [[each.value - each.low], [each.high - each.value]]
        axes.errorbar(each.value, place, xerr=ends, fmt="o", color=colour, markersize=4, capsize=2)
    axes.axvline(found.logged.value, color="#b5482a", linewidth=1.0, label="the log itself")
    if math.isfinite(found.logged.low):
        axes.axvspan(found.logged.low, found.logged.high, color="#b5482a", alpha=0.12, linewidth=0)
    axes.set_yticks(range(len(known)), [name for name, _ in known])
    axes.invert_yaxis()
    axes.set(xlabel="expected reward of a place, 95 % interval (DM: without its bias)")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
