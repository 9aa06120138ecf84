"""`gems online poisoning`: what bots can do in a simulated city."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import AsJson
from hidden_gems.cli.reports import Out, tell
from hidden_gems.cli.trial import Days, First, History, People, Seeds, every_city

if TYPE_CHECKING:
    from hidden_gems.steps.trial import Trial, TrialConfig

MOST_EXPOSURE = 1.7
"""What was promised: exposure over the run without bots."""
PROMISED = ("forged", "real")
"""Attacks that the promise is about; others are shown."""


@needs_extra("train")
def poisoning(
    people: People = 600,
    days: Days = 14,
    history: History = 30,
    seeds: Seeds = 5,
    first_seed: First = 0,
    attacks: Annotated[str, typer.Option(help="forged, quiet, real, loud.")] = "forged,quiet,real,loud",
    guard: Annotated[bool, typer.Option(help="Praise of strangers counts as far as a gem's usual praise goes.")] = True,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Let bots praise a gem that simulated people like little, and count how often people are shown it.

    forged: 1 % bots, 20 clicks without a token a day. real: 5 % bots that ask for three slates a day and click the gem
    whenever it is shown; quiet ones say nothing. loud: they ask ten times a day, for gems like it alone, and say
    everything. Afterwards the learner's journal is learned again without the bots and compared with a learner that
    never had their messages. Exit code 1 if the gem is shown more than 1.7 times as often as without bots in forged or
    real, or two learners differ.

    Try: gems online poisoning --people 100 --days 4 --history 20 --seeds 1
    """
    from hidden_gems.steps.trial import TrialConfig, check_attacks

    names = [name for name in attacks.split(",") if name]
    check_attacks(names)
    config = TrialConfig(people, days, history, drift=False, guard=guard)
    report = _poisoned(config, range(first_seed, first_seed + seeds), names, Console(stderr=True, quiet=as_json))
    tell(report, out, as_json, partial(_show_poisoned, report))
    if not report["kept"]:
        raise typer.Exit(1)


def _poisoned(config: "TrialConfig", seeds: range, attacks: list[str], console: Console) -> dict[str, Any]:
    import pandas as pd

    from hidden_gems.benchmark.loop_figures import exposure_ratio, plain
    from hidden_gems.steps.trial import ATTACKS, Poisoned, poisoned

    parts: list[pd.DataFrame] = []
    runs: list[dict[str, Any]] = []

    def live(begun: "Trial", told: Callable[[str, int], None]) -> None:
        target: int | None = None
        for attack in (None, *(ATTACKS[name] for name in attacks)):
            found: Poisoned = poisoned(begun, attack, target, told)
            target = found.target
            parts.append(found.exposure)
            same = None if found.digests is None else found.digests[0] == found.digests[1]
            name = "clean" if attack is None else attack.name
            about = {"seed": begun.seed, "run": name, "outcomes": found.outcomes, "bots": found.bots}
            runs.append(about | {"digests": found.digests, "same_as_never_seen": same})

    every_city(config, seeds, 1 + len(attacks), console, live)
    table = pd.concat(parts, ignore_index=True)
    ratios = {name: plain(exposure_ratio(table, name)) for name in attacks}
    shares = table.groupby("run")[["targeted", "impressions"]].sum().reset_index().to_dict("records")
    kept = all((ratios[name]["value"] or 0.0) <= MOST_EXPOSURE for name in PROMISED if name in ratios)
    kept &= all(run["same_as_never_seen"] is not False for run in runs)
    return {
        "simulated": True,
        "guard": config.guard,
        "ratios": ratios,
        "exposure": shares,
        "runs": runs,
        "promised": MOST_EXPOSURE,
        "kept": kept,
    }


def _show_poisoned(report: dict[str, Any], console: Console) -> None:
    title = f"Simulated people and bots, {'with' if report['guard'] else 'without'} the guard"
    table = Table("run", "impressions of the gem", "of all", "times the clean run", title=title)
    for row in report["exposure"]:
        ratio = report["ratios"].get(row["run"])
        known = ratio and None not in ratio.values()
        times = f"{ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})" if known else ""
        table.add_row(row["run"], f"{row['targeted']:,.0f}", f"{row['impressions']:,.0f}", times)
    console.print(table)
    for run in report["runs"]:
        said = run["outcomes"] | {f"{what} of bots": count for what, count in run["bots"].items()}
        told = ", ".join(f"{name} {count:,}" for name, count in sorted(said.items()))
        console.print(f"seed {run['seed']}, {run['run']}: {told}", soft_wrap=True)
        if run["same_as_never_seen"] is not None:
            same = "the same as" if run["same_as_never_seen"] else "NOT the same as"
            console.print(f"  learned again without the bots: {same} never having had their messages")
