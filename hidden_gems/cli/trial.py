"""`gems online trial | poisoning`: what learning is worth, and what bots can do, in a simulated city."""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import AsJson
from hidden_gems.cli.reports import Out, tell

if TYPE_CHECKING:
    import pandas as pd

    from hidden_gems.steps.trial import Trial, TrialConfig

LEAST_LIFT, MOST_EXPOSURE = 0.15, 1.7
"""What was promised: clicks over the release that does not learn, and exposure over the run without bots."""
PROMISED = ("forged", "real")
"""Attacks that the promise is about; others are shown."""

People = Annotated[int, typer.Option(min=50, help="People who are ever in the city.")]
Days = Annotated[int, typer.Option(min=2, help="Days that are lived after the release.")]
History = Annotated[int, typer.Option(min=10, help="Days before it, under the logging policy.")]
Seeds = Annotated[int, typer.Option(min=1, help="Cities.")]
First = Annotated[int, typer.Option("--first-seed", min=0, help="Seed of the first city; others follow.")]
Deep = Annotated[str, typer.Option(help="Deep models of the release, as sasrec,ncf; by default trees and neighbours.")]


@needs_extra("train")
def trial(
    people: People = 600,
    days: Days = 14,
    history: History = 30,
    seeds: Seeds = 5,
    first_seed: First = 0,
    deep: Deep = "",
    arms: Annotated[str, typer.Option(help="logged, static, rows, online, oracle.")] = "static,rows,online",
    drift: Annotated[bool, typer.Option(help="Half of the people change their taste in the middle.")] = True,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Compare learning with a release that stays as it is, in simulated cities: the same people, weather and gems.

    A release is trained on the days before. `static` serves it as it was on its day; for `rows` what is counted about
    people and gems moves on; for `online` arms, contexts and factors learn as well. `oracle` knows the truth. Exit
    code 1 if online earns less than 15 % more clicks per impression than static, or the interval reaches 0.

    Try: gems online trial --people 100 --days 4 --history 20 --seeds 1
    """
    from hidden_gems.steps.trial import TrialConfig, check_arms

    names = [name for name in arms.split(",") if name]
    check_arms(names)
    config = TrialConfig(people, days, history, tuple(name for name in deep.split(",") if name), drift)
    lived = _lived(config, range(first_seed, first_seed + seeds), names, Console(stderr=True, quiet=as_json))
    report = _report(config, lived, names)

    def plot(path: Path) -> None:
        from hidden_gems.benchmark.loop_plot import plot_days

        plot_days(lived, days // 2 if drift else None, path)

    tell(report, out, as_json, partial(_show, report), plot)
    if "online" in report["lift"] and not report["kept"]:
        raise typer.Exit(1)


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


def _lived(config: "TrialConfig", seeds: range, arms: list[str], console: Console) -> "pd.DataFrame":
    import pandas as pd

    parts: list[pd.DataFrame] = []

    def live(begun: "Trial", told: Callable[[str, int], None]) -> None:
        parts.extend(begun.live(arm, told) for arm in arms)

    _every_city(config, seeds, len(arms), console, live)
    return pd.concat(parts, ignore_index=True)


def _every_city(
    config: "TrialConfig",
    seeds: range,
    runs: int,
    console: Console,
    live: "Callable[[Trial, Callable[[str, int], None]], None]",
) -> None:
    """Begin a city of each seed and live it; a bar moves with each day, and where nobody sees it a line tells a run."""
    from hidden_gems.steps.trial import Trial

    console.print("Nobody here is real: every figure is of simulated people.")
    began = time.monotonic()
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console) as progress:
        for seed in seeds:
            bar = progress.add_task(f"seed {seed}: training", total=runs * config.days)

            def told(run: str, day: int, bar: Any = bar, seed: int = seed) -> None:
                progress.update(bar, advance=1, description=f"seed {seed}: {run} day {day}")
                if not console.is_terminal and day == config.days:
                    console.print(f"seed {seed}: {run}, {day} days lived after {time.monotonic() - began:.0f} s")

            with tempfile.TemporaryDirectory(prefix="gems-trial-") as folder:
                live(Trial.begin(config, seed, Path(folder)), told)


def _report(config: "TrialConfig", lived: "pd.DataFrame", arms: list[str]) -> dict[str, Any]:
    from dataclasses import asdict

    from hidden_gems.benchmark.loop_figures import lift, rates

    tables = {
        name: rates(lived, ["arm", *by]).to_dict("records")
        for name, by in (("arms", []), ("halves", ["half"]), ("people", ["who"]), ("seeds", ["seed"]))
    }
    pairs = [(arm, over) for arm, over in (("online", "static"), ("rows", "static"), ("online", "rows"))]
    there = [(arm, over) for arm, over in pairs if arm in arms and over in arms]
    lifts: dict[str, dict[str, Any]] = {arm: {} for arm, _ in there}
    for arm, over in there:
        lifts[arm][over] = {rate: lift(lived, arm, over, rate).as_dict() for rate in ("ctr", "reward_per_slate")}
        for column in ("half", "who"):
            for value, part in lived.groupby(column):
                lifts[arm][over][f"ctr, {value}"] = lift(part, arm, over).as_dict()
    found = lifts.get("online", {}).get("static", {}).get("ctr")
    kept = found is not None and found["seeds"]["value"] >= LEAST_LIFT and _surely_more(found)
    return {"simulated": True, "config": asdict(config), **tables, "lift": lifts, "promised": LEAST_LIFT, "kept": kept}


def _surely_more(found: dict[str, Any]) -> bool:
    """Whether no interval there is reaches 0; one city alone has none over cities."""
    lows = [found["people"]["low"], found["seeds"]["low"]] if len(found["by_seed"]) > 1 else [found["people"]["low"]]
    return all(low is not None and low > 0 for low in lows)


def _show(report: dict[str, Any], console: Console) -> None:
    table = Table("arm", "who", "impressions", "CTR", "reward a slate", "visits a slate", title="Simulated people")
    rows = [({"half": "", "who": "all"} | row) for row in report["arms"]]
    rows += [row | {"who": f"{row['half']} half"} for row in report["halves"]] + report["people"]
    for row in sorted(rows, key=lambda row: str(row["arm"])):
        figures = (f"{row[name]:.4f}" for name in ("ctr", "reward_per_slate", "visits_per_slate"))
        table.add_row(row["arm"], row["who"], f"{row['impressions']:,.0f}", *figures)
    console.print(table)
    for arm, others in report["lift"].items():
        for over, figures in others.items():
            for name, found in figures.items():
                cities, people = (_range(found[each]) for each in ("seeds", "people"))
                value = found["seeds"]["value"]
                console.print(
                    f"{arm} over {over}, {name}: {value:+.1%} ({cities} over cities, {people} over people)",
                    soft_wrap=True,
                )


def _range(interval: dict[str, float | None]) -> str:
    low, high = interval["low"], interval["high"]
    return "no interval" if low is None or high is None else f"{low:+.1%} to {high:+.1%}"


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

    _every_city(config, seeds, 1 + len(attacks), console, live)
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
