"""`gems demo`: the whole story, a chapter a screen, and one HTML page to keep."""

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.rule import Rule
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import MaxRejected, Places, Seed, Timezone
from hidden_gems.core.home import gems_home

if TYPE_CHECKING:
    from hidden_gems.cli.story import Person
    from hidden_gems.cli.train import Trained
    from hidden_gems.evaluation.report import Evaluation

CITY = {"people": 2000, "days": 60}
QUICK_CITY = {"people": 300, "days": 30}


@needs_extra("train")
def demo(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Dataset folder of your own instead of the simulated city.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="The same chapters on a small simulated city, in 90 seconds.")] = False,
    out: Annotated[Path, typer.Option(help="The HTML page to write.")] = Path("gems-demo.html"),
    seed: Seed = 0,
    timezone: Timezone = "Europe/Istanbul",
    max_rejected: MaxRejected = 0.01,
) -> None:
    """Show all of it: data, training pipeline, quality beside simple baselines, recommendations with reasons, a page.

    Nothing it starts lives on when it ends, also on Ctrl-C.
    """
    from hidden_gems.cli.processes import redis_server
    from hidden_gems.cli.story import tell
    from hidden_gems.cli.train import train_release

    console, began = Console(), time.monotonic()
    console.print(Rule("1  The data"))
    data = data or _simulated(quick, seed, console)
    places = Places(data.resolve().name)
    _show_data(data, timezone, max_rejected, console)
    with redis_server(places.redis) as redis:
        console.print(Rule("2  The training pipeline"))
        trained = train_release(data, places, redis, seed, timezone, max_rejected, console)
        _show_steps(trained, console)
        console.print(Rule("3  How good is it?"))
        evaluation = _show_quality(trained, console)
        console.print(Rule("4  Recommendations, with reasons"))
        people = tell(trained, redis, data, timezone, max_rejected)
        for person in people:
            _show_person(person, console)
    console.print(Rule("5  The page, and where to look next"))
    _write_page(out, trained, evaluation, people)
    _show_next(out, trained, places, console)
    console.print(f"Done in {time.monotonic() - began:.0f} s. Nothing is left running.")


def _simulated(quick: bool, seed: int, console: Console) -> Path:
    from hidden_gems.simulation.write import simulate

    size = QUICK_CITY if quick else CITY
    folder = gems_home() / ("quick-city" if quick else "city")
    console.print(f"Simulating Istanbul: {size['people']:,} people, {size['days']} days, seed {seed}. All people are simulated.")
    simulate(folder, people=size["people"], days=size["days"], seed=seed)
    return folder


def _show_data(data: Path, timezone: str, max_rejected: float, console: Console) -> None:
    from hidden_gems.cli.data import print_checked
    from hidden_gems.core.ids import Pseudonyms
    from hidden_gems.datasets.validation import check_folder

    checked = check_folder(
        data, timezone=timezone, max_rejected_share=max_rejected, pseudonyms=Pseudonyms.load(gems_home())
    )
    print_checked(checked, console)
