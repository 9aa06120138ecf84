"""`gems simulate`: a dataset folder from the seeded Istanbul simulator."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import AsJson

START = "2026-03-01"


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
