"""`gems targets`: every target of the plan, measured or not."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import AsJson
from hidden_gems.core.errors import BadInputError
from hidden_gems.core.home import gems_home
from hidden_gems.core.ids import Pseudonyms

if TYPE_CHECKING:
    from hidden_gems.benchmark.targets import Row
    from hidden_gems.evaluation.report import Evaluation


@needs_extra("train")
def targets(
    report: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A report of `gems evaluate`; may be given several times.")
    ] = None,
    trial: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A report of `gems online trial --out`; may be given several times."),
    ] = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="Evaluate simulated cities as well.")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Simulated cities: seeds 0, 1, …")] = 3,
    people: Annotated[int, typer.Option(min=1, help="People of each simulated city.")] = 2000,
    days: Annotated[int, typer.Option(min=2, help="Days of each simulated city.")] = 60,
    models: Annotated[str, typer.Option(help="Names with commas between, or `all`.")] = "all",
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes at a time.", show_default="cores")] = None,
    as_json: AsJson = False,
) -> None:
    """Every target of the plan as a row: value, 95 % interval, popular, oracle, share of the gap closed, verdict.

    Reports bring real data in; `--simulate` measures what the simulator can say, at one cut-off of each city. What was
    measured in the simulator is kept in GEMS_HOME and is not measured again while data, settings and code are the same.

    What only people who answer can show comes from the simulated closed loop: `--trial`.

    Example: gems targets --report report.json --simulate --seeds 3
    """
    from hidden_gems.benchmark.targets import measure

    reports = [_read(path) for path in report or ()]
    trials = [_read_trial(path) for path in trial or ()]
    if simulate:
        console = Console(stderr=True)
        reports += [_simulated(seed, people, days, models, jobs, console) for seed in range(seeds)]
    rows = measure(reports, trials=trials)
    if as_json:
        typer.echo(json.dumps([row.as_dict() for row in rows], allow_nan=False))
        return
    Console().print(targets_table(rows))
    for line in not_measured(rows):
        typer.echo(line)


def targets_table(rows: "Sequence[Row]") -> Table:
    """Rows for the terminal; what was measured in the simulator says so."""
    table = Table(title="Targets of the plan", title_justify="left")
    table.add_column("target", min_width=34)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("beside", justify="right", no_wrap=True)
    table.add_column("verdict")
    measured = [row for row in rows if math.isfinite(row.value)]
    for place, row in enumerate(measured):
        if place and measured[place - 1].area != row.area:
            table.add_section()
        target = Text("\n").join([Text(row.target), *(Text(t, style="dim") for t in (row.protocol, row.of, row.data))])
        beside = (("popular", _short(row.popular)), ("oracle", _short(row.oracle)), ("gap", _percent(row.gap_closed)))
        value = f"{row.value:.3f}\n{_short(row.low)}–{_short(row.high)}"
        known = "\n".join(f"{name} {figure}" for name, figure in beside if figure)
        table.add_row(target, value, known, Text(row.verdict))
    return table


def not_measured(rows: "Sequence[Row]") -> list[str]:
    """One line for each target without a figure, and why, once where several protocols lack it."""
    return list(dict.fromkeys(f"{row.area}: {row.target} – {row.verdict}" for row in rows if math.isnan(row.value)))


def _percent(value: float) -> str:
    return f"{value:.0%}" if math.isfinite(value) else ""


def _short(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else ""


def _read(path: Path) -> "Evaluation":
    from hidden_gems.evaluation.report import Evaluation

    try:
        return Evaluation.from_dict(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(f"--report {path} is no report of `gems evaluate` ({type(error).__name__})") from error


def _read_trial(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        if {"lift", "config", "seeds"} <= found.keys():
            return dict(found)
    except (OSError, ValueError, AttributeError) as error:
        raise BadInputError(f"--trial {path} cannot be read ({type(error).__name__})") from error
    raise BadInputError(f"--trial {path} is no report of `gems online trial --out`")


def _simulated(seed: int, people: int, days: int, models: str, jobs: int | None, console: Console) -> "Evaluation":
    """Evaluate one simulated city beside its truth."""
    from hidden_gems.benchmark.city_truth import CityTruth
    from hidden_gems.benchmark.rolling import evaluate_rolling
    from hidden_gems.benchmark.shelf import MODELS
    from hidden_gems.cli.simulate import START, simulate_with_progress
    from hidden_gems.datasets.validation import check_folder
    from hidden_gems.simulation.city import City
    from hidden_gems.simulation.rhythm import TIMEZONE
    from hidden_gems.simulation.write import describe, is_there

    folder = gems_home() / "targets" / f"city-{seed}-{people}-{days}"
    if not is_there(folder, describe(people, days, seed)):
        simulate_with_progress(folder, people, days, seed, console)
    checked = check_folder(folder, timezone=TIMEZONE, pseudonyms=Pseudonyms.load(gems_home()))
    city = City(seed=seed, people=people, days=days, start=START)
    names = [n for n in MODELS if n != "random"] if models == "all" else [n.strip() for n in models.split(",")]
    return evaluate_rolling(
        checked.dataset,
        names,
        gems_home() / "targets" / "evaluations",
        cutoffs=1,
        seed=seed,
        jobs=jobs,
        truth=lambda shelf, cut: CityTruth.of(city, checked, shelf.users, shelf.items, cut),
        progress=lambda what, share: console.print(f"city {seed}: {what}", markup=False, highlight=False),
    )
