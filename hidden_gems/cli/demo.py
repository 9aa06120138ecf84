"""`gems demo`: the whole story, a chapter a screen, and one HTML page to keep."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.rule import Rule
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import DEFAULT_TIMEZONE, AsJson, MaxRejected, Places, Seed, Timezone, check_out
from hidden_gems.cli.processes import redis_server
from hidden_gems.cli.simulate import city_folder
from hidden_gems.cli.train import Trained, show_decision, train_release
from hidden_gems.core.home import gems_home

if TYPE_CHECKING:
    from hidden_gems.cli.story import Person
    from hidden_gems.datasets.validation import Checked
    from hidden_gems.evaluation.report import Evaluation


@needs_extra("train")
def demo(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="A dataset folder instead of the simulated city.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small simulated city, the same chapters.")] = False,
    out: Annotated[Path, typer.Option(help="The HTML page to write.")] = Path("gems-demo.html"),
    seed: Seed = 0,
    timezone: Timezone = DEFAULT_TIMEZONE,
    max_rejected: MaxRejected = 0.01,
    as_json: AsJson = False,
) -> None:
    """Show all of it: the data, the pipeline, quality beside simple models, recommendations with reasons, a page.

    Nothing it starts lives on when it ends, also on Ctrl-C.
    """
    from hidden_gems.cli.story import tell

    console, began = Console(stderr=as_json), time.monotonic()
    check_out(out, (".html",))
    _chapter(console, "1  The data")
    folder = data or city_folder(quick, seed, console)
    checked = _show_data(folder, timezone, max_rejected, console)
    places = Places.of(folder)
    with redis_server(places.redis) as redis:
        _chapter(console, "2  The training pipeline")
        trained = train_release(folder, places, redis, seed, timezone, max_rejected, console)
        _show_steps(trained, console)
        _chapter(console, "3  How good is it?")
        evaluation = _show_quality(trained, console)
        _chapter(console, "4  Recommendations, with reasons")
        people = tell(trained.release, redis, places.feast, checked.dataset)
        for person in people:
            _show_person(person, console)
    _chapter(console, "5  The page, and where to look next")
    out.write_text(_page(trained, evaluation, people, checked), encoding="utf-8")
    zone = "" if timezone == DEFAULT_TIMEZONE else f" --timezone {timezone}"
    _show_next(out, f"--data {folder}{zone}", trained, console)
    seconds = round(time.monotonic() - began, 1)
    console.print(f"Done in {seconds:.0f} s. Nothing is left running.")
    if as_json:
        found = {"page": str(out.absolute()), "release": str(trained.release), "seconds": seconds}
        typer.echo(json.dumps(found | {"decision": trained.decision, "simulated": checked.dataset.about.simulated}))


def _chapter(console: Console, title: str) -> None:
    console.print()
    console.print(Rule(f"[bold]{title}", align="left"))


def _show_data(folder: Path, timezone: str, max_rejected: float, console: Console) -> "Checked":
    from hidden_gems.cli.data import print_checked
    from hidden_gems.core.ids import Pseudonyms
    from hidden_gems.datasets.validation import check_folder

    checked = check_folder(
        folder, timezone=timezone, max_rejected_share=max_rejected, pseudonyms=Pseudonyms.load(gems_home())
    )
    print_checked(checked, None, console)
    return checked


def _show_steps(trained: Trained, console: Console) -> None:
    table = Table("step", "seconds")
    table.columns[1].justify = "right"
    for step in trained.run.steps:
        table.add_row(step.name, f"{step.seconds:.1f}")
    table.add_section()
    table.add_row("all", f"{sum(step.seconds for step in trained.run.steps):.1f}")
    console.print(table)


def _show_quality(trained: Trained, console: Console) -> "Evaluation":
    from hidden_gems.cli.tables import figures_table
    from hidden_gems.evaluation.report import Evaluation

    found = Evaluation.from_dict(json.loads((trained.release / "reports" / "evaluation.json").read_text()))
    console.print(figures_table(found))
    console.print("What each protocol does, and every other metric, is in the report named below.", style="dim")
    for note in found.notes:
        console.print(note, markup=False)
    show_decision(trained, console)
    return found


def _show_person(person: "Person", console: Console) -> None:
    console.print()
    console.print(f"[bold]{person.title}[/bold]  {person.about}")
    table = Table("", "gem", "reasons", show_lines=True)
    for gem in person.slate:
        shares = "  ".join(f"{reason.label} {100 * reason.importance:.0f} %" for reason in gem.explanation.top_features)
        where = f"\n[dim]{gem.where}[/dim]" if gem.where else ""
        table.add_row(str(gem.position + 1), f"{gem.name}{where}", f"{gem.explanation.text}\n[dim]{shares}[/dim]")
    console.print(table)


def _page(trained: Trained, evaluation: "Evaluation", people: list["Person"], checked: "Checked") -> str:
    import jinja2

    from hidden_gems.cli.tables import figure_rows

    head, body = figure_rows(evaluation, f"ndcg@{evaluation.k}")
    environment = jinja2.Environment(loader=jinja2.PackageLoader("hidden_gems.cli"), autoescape=True)
    return environment.get_template("page.html.j2").render(
        about=checked.dataset.about,
        release=trained.release.name,
        promoted=trained.decision["promote"],
        reasons=trained.decision["reasons"],
        people=people,
        head=head,
        body=body,
        protocols=evaluation.protocols,
        k=evaluation.k,
        steps=trained.run.steps,
        counts=", ".join(f"{count:,} {name}" for name, count in checked.dataset.counts().items()),
    )


def _show_next(out: Path, source: str, trained: Trained, console: Console) -> None:
    console.print(f"Page:     {out.absolute()}", soft_wrap=True, highlight=False)
    console.print(f"Release:  {trained.release}", soft_wrap=True, highlight=False)
    console.print(f"Report:   {trained.release / 'reports' / 'report.html'}", soft_wrap=True, highlight=False)
    console.print(f"Models on these data:  gems evaluate {source}", soft_wrap=True, highlight=False)
    console.print(
        f"Lists for everyone:    gems rank {source} --model lambdamart --out recs.parquet",
        soft_wrap=True,
        highlight=False,
    )
