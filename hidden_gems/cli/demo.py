"""`gems demo`: the whole story, a chapter a screen, and one HTML page to keep."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.rule import Rule
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import DEFAULT_TIMEZONE, AsJson, MaxRejected, Places, Presets, Seed, Timezone, check_out
from hidden_gems.cli.processes import redis_server
from hidden_gems.cli.simulate import city_folder
from hidden_gems.cli.train import DEMO_MODELS, QUICK_MODELS, Trained, TrainingArguments, show_decision, train_release
from hidden_gems.core.home import gems_home

if TYPE_CHECKING:
    from hidden_gems.cli.live import Latency, Learned, Traffic
    from hidden_gems.cli.stack import Stack
    from hidden_gems.cli.story import Person
    from hidden_gems.client import Client
    from hidden_gems.datasets.validation import Checked
    from hidden_gems.evaluation.report import Evaluation

NEW_GEM = {"name": "Ihlamur Tea Garden (made up by the demo)", "type": "garden", "authenticity": 0.9, "price_level": 1}

CHANCE = (
    "Every slate is drawn anew, and what was shown counts as well: some of the difference is neither click nor save. "
    "That the saved gem is not offered again is."
)


@dataclass(frozen=True)
class Lived:
    """What the demo saw of the stack that ran."""

    people: "list[Person]"
    latency: "Latency"
    learned: "Learned | None"  # None where nobody got a gem
    traffic: "Traffic"
    after: "Person | None"  # who sent feedback, asking again


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
    """Show all of it: data, pipeline, quality beside simple models, then the stack: reasons, speed, learning; a page.

    Nothing it starts lives on when it ends, also on Ctrl-C. It has ports of its own and disturbs no stack.
    """
    console, began = Console(stderr=as_json), time.monotonic()
    check_out(out, (".html",))
    _chapter(console, "1  The data")
    folder = data or city_folder(quick, seed, console)
    checked = _show_data(folder, timezone, max_rejected, console)
    places = Places.of(folder)
    with redis_server(places.redis) as redis:
        _chapter(console, "2  The training pipeline")
        asked = TrainingArguments(QUICK_MODELS if quick else DEMO_MODELS, Presets.AUTO, seed, timezone, max_rejected)
        trained = train_release(folder, places, redis, asked, console)
        _show_steps(trained, console)
        _chapter(console, "3  How good is it?")
        evaluation = _show_quality(trained, console)
    with _stack(places, trained, console) as (stack, client):
        lived = _live(stack, client, checked, console)
    _chapter(console, "8  The page, and where to look next")
    out.write_text(_page(trained, evaluation, lived, checked), encoding="utf-8")
    zone = "" if timezone == DEFAULT_TIMEZONE else f" --timezone {timezone}"
    _show_next(out, f"--data {folder}{zone}", trained, console)
    seconds = round(time.monotonic() - began, 1)
    console.print(f"Done in {seconds:.0f} s. Nothing is left running.")
    if as_json:
        found = {"page": str(out.absolute()), "release": str(trained.release), "seconds": seconds}
        found |= {"decision": trained.decision, "simulated": checked.dataset.about.simulated}
        typer.echo(json.dumps(found | _figures(lived)))


def _chapter(console: Console, title: str) -> None:
    console.print()
    console.print(Rule(f"[bold]{title}", align="left"))


@contextmanager
def _stack(places: Places, trained: Trained, console: Console) -> "Iterator[tuple[Stack, Client]]":
    """The local stack on the release just made, on free ports and under a key of its own."""
    from hidden_gems.cli.ports import free_shift
    from hidden_gems.cli.stack import Plan, open_stack
    from hidden_gems.cli.stack_clock import stack_clock
    from hidden_gems.cli.up import start_with_progress
    from hidden_gems.client import Client
    from hidden_gems.export import release as releases

    def tell(said: str) -> None:
        console.print(said, markup=False, highlight=False, soft_wrap=True)

    _chapter(console, "4  Recommendations, with reasons")
    releases.point(places.releases, "demo", trained.release.name)  # stable and canary stay what they are
    key, clock = secrets.token_hex(16), stack_clock(places)
    plan = Plan(places, clock, free_shift(), pointer="demo", api_keys=(key,))
    with open_stack(plan, tell) as stack:
        start_with_progress(stack, console)
        clock.keep()
        tell(clock.about() or "The stack has the clock of this machine.")
        addresses = plan.addresses
        with Client(addresses["transformer"], addresses["collector"], key, timeout_seconds=10.0) as client:
            yield stack, client
        clock.keep()


def _live(stack: "Stack", client: "Client", checked: "Checked", console: Console) -> Lived:
    """The chapters that need a running stack."""
    from hidden_gems.cli import live
    from hidden_gems.cli.story import Person, ask, askers, map_of

    dataset, original = checked.dataset, checked.original_user_ids
    clock = stack.plan.clock
    at = clock.now() + live.AHEAD_SECONDS
    people = [ask(client, asker, at, dataset) for asker in askers(dataset, original, at)]
    for person in people:
        _show_person(person, console)
    _chapter(console, "5  How fast?")
    latency = live.measure(client, list(original.values())[: live.REQUESTS], at)
    console.print(str(latency), markup=False, highlight=False, soft_wrap=True)
    _chapter(console, "6  It learns from the next click")
    served = next((person for person in people if person.slate), None)
    learned = live.learn(client, served.asker, at, served.prediction) if served else None
    _show_learned(learned, console)
    _chapter(console, "7  A gem opens, another one closes")
    asker = (served or people[1]).asker
    columns = NEW_GEM | ({"lat": asker.here[0], "lon": asker.here[1]} if asker.here else {})
    left = learned.after.items if learned else ()
    traffic = live.traffic(client, asker, clock.now, columns, next(iter(left), None))
    _show_traffic(traffic, console)
    after = Person(asker, learned.after, map_of(learned.after, dataset, asker.here)) if learned else None
    return Lived(people, latency, learned, traffic, after)


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
    from hidden_gems.cli.story import name_of, where

    console.print()
    console.print(f"[bold]{person.title}[/bold]  {person.about}")
    if person.prediction.degraded:
        console.print(f"degraded: {', '.join(person.prediction.degraded)} did not answer", style="yellow")
    if not person.slate:
        console.print("There is no gem that they do not know already.")
        return
    table = Table("", "gem", "reasons", show_lines=True)
    for item in person.slate:
        why, place = item.explanation, where(item)
        shares = "  ".join(f"{each.label} {100 * each.importance:.0f} %" for each in why.top_features) if why else ""
        name = f"{name_of(item)}\n[dim]{place}[/dim]" if place else name_of(item)
        table.add_row(str(item.position + 1), name, f"{why.text if why else ''}\n[dim]{shares}[/dim]")
    console.print(table)


def _show_learned(learned: "Learned | None", console: Console) -> None:
    from hidden_gems.cli.story import name_of

    if learned is None:
        console.print("Nobody got a gem, so there is nothing to click on: everybody knows all there is.")
        return
    for kind, name in learned.said:
        console.print(f"sent: {kind} on {name}", markup=False, highlight=False)
    console.print(
        f"{learned.milliseconds:.0f} ms after the collector's answer the next answer knew it: "
        f"{learned.changed} of {learned.compared} scores at the same moment are others.",
        highlight=False,
    )
    table = Table("moved most", "score before", "after", "rank before", "after")
    for each in learned.moved:
        table.add_row(each.name, f"{each.before:.3f}", f"{each.after:.3f}", str(each.rank_before), str(each.rank_after))
    if learned.moved:
        console.print(table)
    slates = Table("", "slate before", "slate after")
    for place, (old, new) in enumerate(zip_longest(learned.before.items, learned.after.items), 1):
        slates.add_row(str(place), name_of(old) if old else "", name_of(new) if new else "")
    console.print(slates)
    console.print(CHANCE, style="dim")


def _show_traffic(traffic: "Traffic", console: Console) -> None:
    from hidden_gems.cli.story import name_of

    told = [("served", name_of(traffic.new), traffic.new_seconds)]
    told += [("gone", traffic.closed, traffic.closed_seconds)] if traffic.closed else []
    for said, name, seconds in told:
        console.print(f"{name}: {said} after {seconds:.1f} s, without a new release.", markup=False, highlight=False)
    if not traffic.closed:
        console.print("No gem is left that could close.")


def _figures(lived: Lived) -> dict[str, Any]:
    """What was measured, for programs; null where there was nothing to measure."""
    learned, traffic = lived.learned, lived.traffic
    return {
        "latency_ms": asdict(lived.latency),
        "feedback_ms": round(learned.milliseconds, 1) if learned else None,
        "scores_changed": learned.changed if learned else None,
        "scores_compared": learned.compared if learned else None,
        "unsigned": learned.unsigned if learned else None,
        "new_gem_seconds": round(traffic.new_seconds, 2),
        "closed_gem_seconds": round(traffic.closed_seconds, 2) if traffic.closed else None,
        "degraded": sorted({part for person in lived.people for part in person.prediction.degraded}),
    }


def _page(trained: Trained, evaluation: "Evaluation", lived: Lived, checked: "Checked") -> str:
    import jinja2

    from hidden_gems.cli.story import name_of, where
    from hidden_gems.cli.tables import figure_rows

    head, body = figure_rows(evaluation, f"ndcg@{evaluation.k}")
    environment = jinja2.Environment(loader=jinja2.PackageLoader("hidden_gems.cli"), autoescape=True)
    environment.filters |= {"name_of": name_of, "where": where}
    return environment.get_template("page.html.j2").render(
        about=checked.dataset.about,
        release=trained.release.name,
        promoted=trained.decision["promote"],
        reasons=trained.decision["reasons"],
        lived=lived,
        chance=CHANCE,
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
