"""`gems simulate`: a dataset folder from the seeded Istanbul simulator."""

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import AsJson, Places
from hidden_gems.cli.processes import redis_lock
from hidden_gems.core.home import gems_home

START = "2026-03-01"
PEOPLE, DAYS = 2000, 60
QUICK_PEOPLE, QUICK_DAYS = 250, 30


@needs_extra("train")
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write: new, empty, or an earlier simulated dataset.")],
    people: Annotated[int, typer.Option(min=1, help="People who are ever in the city.")] = 2000,
    days: Annotated[int, typer.Option(min=1, help="Simulated days.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 0,
    start: Annotated[str, typer.Option(help="First day, ISO date.")] = START,
    as_json: AsJson = False,
) -> None:
    """Simulate Istanbul and write it as a dataset folder; everything in it is simulated."""
    counts = simulate_with_progress(out, people, days, seed, Console(stderr=True, quiet=as_json), start)
    if as_json:
        typer.echo(json.dumps({"simulated": True, "out": str(out), "counts": counts}))
        return
    typer.echo(f"simulated Istanbul (seed {seed}, {people:,} people, {days} days) in {out}:")
    for name, count in counts.items():
        typer.echo(f"  {name:<13}{count:>9,}")


def simulate_with_progress(
    out: Path, people: int, days: int, seed: int, console: Console, start: str = START
) -> dict[str, int]:
    """Simulate with a bar a day; returns rows of each table."""
    from hidden_gems.simulation.write import simulate as write_city

    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task("simulating days", total=days)
        return write_city(out, people, days, seed, start, progress=lambda day, _: progress.update(bar, completed=day))


def city_folder(quick: bool, seed: int, console: Console) -> Path:
    """The city of this size and seed; a new one leaves nothing of what was learned from an earlier one."""
    from hidden_gems.simulation.write import describe, is_there

    people, days = (QUICK_PEOPLE, QUICK_DAYS) if quick else (PEOPLE, DAYS)
    folder = gems_home() / "cities" / ("quick-city" if quick else "city")
    console.print(f"Nobody here is real: {people:,} simulated people in the real places of Istanbul, {days} days.")
    if is_there(folder, describe(people, days, seed)):
        console.print(f"The same city was simulated before and is used again: {folder}", soft_wrap=True)
        return folder
    simulate_with_progress(folder, people, days, seed, console)
    places = Places.of(folder)
    with redis_lock(places.redis):
        for stale in (places.redis, places.feast):
            shutil.rmtree(stale, ignore_errors=True)
    return folder
