"""`gems online drift`: how well a person's change of taste is found, in simulated cities."""

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import AsJson
from hidden_gems.cli.reports import Out, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hidden_gems.benchmark.taste_drift import Point, Study


@needs_extra("train")
def drift_study(
    people: Annotated[int, typer.Option(min=2, help="People who are ever in each city.")] = 400,
    weeks: Annotated[int, typer.Option(min=2, help="Weeks of each city; tastes change in the middle.")] = 26,
    seeds: Annotated[int, typer.Option(min=1, help="Cities: seeds FIRST_SEED, FIRST_SEED + 1, …")] = 3,
    first_seed: Annotated[int, typer.Option(min=0, help="Seeds from 100 on are for choosing a threshold.")] = 0,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Find changes of taste in simulated people: share found within 60 outcomes beside false alarms, by threshold.

    Three readings of a change, each beside an oracle that knows both tastes and asks only when. Everything here is
    simulated; who has 60 outcomes before and after the change is judged, so a few weeks say little.

    Example: gems online drift --people 400 --weeks 26 --seeds 3 --out drift.json
    """
    from hidden_gems.benchmark.taste_drift import study
    from hidden_gems.benchmark.taste_lives import READINGS

    studies = []
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=1.0)

        def told(what: str, share: float) -> None:
            progress.update(bar, description=what, completed=share)

        for reading in READINGS:
            studies.append(study(reading, people, weeks, range(first_seed, first_seed + seeds), told))
    about = {"simulated": True, "people": people, "weeks": weeks, "seeds": seeds, "first_seed": first_seed}
    report = about | {"studies": [each.as_dict() for each in studies]}
    tell(report, out, as_json, partial(_show, studies), partial(_plot, studies))


def _show(studies: "Sequence[Study]", console: Console) -> None:
    for each in studies:
        console.print(_table(each))


def _table(study: "Study") -> Table:
    from hidden_gems.benchmark.taste_drift import KNOWN

    table = Table(title=f"SIMULATED. {study.reading}: {study.what}", title_justify="left")
    heads = ("", "at", "false", "of all", *map(str, KNOWN), "gems", "delay")
    for name in heads:
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for name, points in (("detector", study.detector), ("oracle", study.oracle)):
        for point in points:
            mark = "*" if name == "detector" and point.threshold == study.chosen else ""
            table.add_row(name + mark, *_cells(point))
        table.add_section()
    table.caption = (
        "* the threshold the learner uses. false: share of the weeks with an outcome and no change in which one is "
        "found; of all: of the weeks from a person's first outcome to the last. 20, 60, 120: found within 60 outcomes, "
        "of who had so many before and 60 after. gems: found before 60 gems were answered. delay: median"
    )
    return table


def _cells(point: "Point") -> list[str]:
    found = [f"{_share(point.found[n])} of {people}" if people else "–" for n, people in point.people.items()]
    delay = f"{point.median_delay:.0f}" if math.isfinite(point.median_delay) else "–"
    return [
        f"{point.threshold:g}",
        f"{point.false_per_week:.1%}",
        f"{point.false_per_any_week:.1%}",
        *found,
        _share(point.found_by_gems),
        delay,
    ]


def _share(value: float) -> str:
    return f"{value:.0%}" if math.isfinite(value) else "–"


def _plot(studies: "Sequence[Study]", path: Path) -> None:
    """Share found against false alarms, one line a reading; the oracle is dashed."""
    from matplotlib.figure import Figure

    from hidden_gems.benchmark.taste_drift import FALSE_PER_WEEK, KNOWN, WITHIN

    figure = Figure(figsize=(7.0, 4.5), layout="constrained")
    axes = figure.subplots()
    for number, study in enumerate(studies):
        for points, line, name in ((study.detector, "-o", "detector"), (study.oracle, "--", "oracle")):
            shares = [(point.false_per_week, point.found[KNOWN[1]]) for point in points]
            axes.plot(
                *zip(*shares, strict=True), line, color=f"C{number}", markersize=3, label=f"{study.reading}, {name}"
            )
    axes.axvline(FALSE_PER_WEEK, color="#99a", linewidth=0.8, linestyle=":")
    axes.axhline(0.8, color="#99a", linewidth=0.8, linestyle=":")
    axes.set(xlim=(0, 0.3), ylim=(0, 1.02), xlabel="false alarms a week", ylabel=f"found within {WITHIN} outcomes")
    axes.set_title("Change of taste per person, simulated", loc="left")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)
