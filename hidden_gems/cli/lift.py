"""`gems online lift`: what models that move earn over the release alone, out of a stack's archive."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import AsJson, Places
from hidden_gems.cli.stack_state import last_stack
from hidden_gems.cli.tables import finite
from hidden_gems.core.clock import DAY_SECONDS, Clock, WallClock
from hidden_gems.core.errors import BadInputError, HiddenGemsError
from hidden_gems.core.home import gems_home

if TYPE_CHECKING:
    from hidden_gems.evaluation.intervals import Interval
    from hidden_gems.evaluation.lift import Lift

NO_STATIC = (
    "Nobody stays with the release, so there is nothing to compare with: GEMS_STATIC_SHARE=0.1 leaves it a tenth of "
    "the people."
)


@needs_extra("serve")
def lift(
    days: Annotated[float, typer.Option("--days", min=0.01, max=36_500, help="How far back.")] = 14.0,
    history: Annotated[
        Path | None, typer.Option("--history", metavar="DIR", help="An archive; by default the last stack's.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the resamples.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Compare people whose answers move with feedback to those who stay with the release.

    CTR is the share of places answered by a click or better; intervals are 95 %, people resampled. Rows of features are
    as fresh for both: it is models that are compared. What the archiver has not written yet is not in it.

    Try: GEMS_STATIC_SHARE=0.1 gems up; later: gems online lift --days 7
    """
    from hidden_gems.evaluation.lift import lift_of, read_slates

    folder, clock = _archive(history)
    now = clock.now()
    slates = read_slates(folder, now - days * DAY_SECONDS, now)
    if slates.empty:
        raise HiddenGemsError(
            f"{folder} has no slate of the last {days:g} days that is in a variant; has anybody been answered, and is "
            "it written yet?"
        )
    found = lift_of(slates, seed)
    if as_json:
        typer.echo(json.dumps(finite(asdict(found))))
        return
    _show(found, Console())


def _archive(folder: Path | None) -> tuple[Path, Clock]:
    """Folder of the archive, and the clock of who wrote it."""
    state = last_stack()
    if folder is None:
        if state is None:
            raise HiddenGemsError(f"no stack of {gems_home()} ever ran; --history names an archive")
        folder = Places(Path(state.root)).history
    if not folder.is_dir():
        raise BadInputError(f"{folder} is no archive: there is no such folder")
    return folder, state.the_clock() if state else WallClock()


def _show(found: "Lift", console: Console) -> None:
    names = list(next(iter(found.rates.values())))
    table = Table("variant", "slates", "people", *(name.replace("_", " ") for name in names))
    for variant, rates in found.rates.items():
        counts = (f"{found.slates[variant]:,}", f"{found.people[variant]:,}")
        table.add_row(variant, *counts, *(_interval(rates[name], "{:.4f}") for name in names))
    if found.lifts:
        table.add_row("lift", "", "", *(_interval(found.lifts[name], "{:+.1%}") for name in names))
    console.print(table)
    if "static" not in found.rates:
        console.print(NO_STATIC)
    by_day = Table("day", "variant", "slates", *(name.replace("_", " ") for name in names))
    for day in found.days:
        figures = (f"{day[name]:.4f}" for name in names)
        by_day.add_row(str(day["day"]), str(day["variant"]), f"{day['slates']:,}", *figures)
    console.print(by_day)


def _interval(found: "Interval", form: str) -> str:
    return f"{form} [{form}, {form}]".format(found.value, found.low, found.high)
