"""`gems simulate`: a dataset folder from the seeded Istanbul simulator."""

import json as json_module
import sys
from pathlib import Path
from typing import Annotated

import typer


def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write: new, empty, or an earlier simulated dataset.")],
    people: Annotated[int, typer.Option(min=1, help="People who are ever in the city.")] = 2000,
    days: Annotated[int, typer.Option(min=1, help="Simulated days.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 0,
    start: Annotated[str, typer.Option(help="First day, ISO date.")] = "2026-03-01",
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON and nothing else.")] = False,
) -> None:
    """Simulate Istanbul and write it as a dataset folder; everything in it is simulated."""
    from rich.console import Console
    from rich.progress import Progress, TimeElapsedColumn

    from hidden_gems.simulation.write import simulate as write_city

    console = Console(stderr=True, quiet=json)
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("simulating days", total=days)
        counts = write_city(out, people, days, seed, start, progress=lambda day, _: bar.update(task, completed=day))
    if json:
        sys.stdout.write(json_module.dumps({"simulated": True, "out": str(out), "counts": counts}) + "\n")
        return
    typer.echo(f"simulated Istanbul (seed {seed}, {people:,} people, {days} days) in {out}:")
    for name, count in counts.items():
        typer.echo(f"  {name:<13}{count:>9,}")
