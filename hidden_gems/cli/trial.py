"""`gems online trial`: what learning is worth in a simulated city."""

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
    from hidden_gems.steps.trial import Lived, Trial, TrialConfig

LEAST_LIFT = 0.15
"""What was promised: clicks over the release that does not learn."""

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
    arms: Annotated[
        str, typer.Option(help="logged, random, popular, epsilon, static, rows, online, oracle.")
    ] = "static,rows,online",
    drift: Annotated[bool, typer.Option(help="Half of the people change their taste in the middle.")] = True,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Compare learning with a release that stays as it is, in simulated cities: the same people, weather and gems.

    A release is trained on the days before. `static` serves it as it was on its day; for `rows` what is counted about
    people and gems moves on; for `online` arms, contexts and factors learn as well. `logged` is the policy of the days
    before, `epsilon` ε-greedy over mean rewards, `oracle` knows the truth. From 60 days on it is counted who returns;
    with `epsilon`, how many impressions a new gem needs until it is ranked where it belongs. `gems targets --trial`
    reads the report. Exit code 1 if online earns less than 15 % more clicks per impression than static, or the interval
    reaches 0.

    Try: gems online trial --people 100 --days 4 --history 20 --seeds 1
    """
    from hidden_gems.steps.trial import TrialConfig, check_arms

    names = [name for name in arms.split(",") if name]
    check_arms(names)
    config = TrialConfig(people, days, history, tuple(name for name in deep.split(",") if name), drift)
    runs = _lived(config, range(first_seed, first_seed + seeds), names, Console(stderr=True, quiet=as_json))
    report = _report(config, runs)

    def plot(path: Path) -> None:
        import pandas as pd

        from hidden_gems.benchmark.loop_plot import plot_days

        lived = pd.concat([run.daily for _, run in runs], ignore_index=True)
        plot_days(lived, days // 2 if drift else None, path)

    tell(report, out, as_json, partial(_show, report), plot)
    if "static" in report["lift"].get("online", {}) and not report["kept"]:
        raise typer.Exit(1)


def _lived(config: "TrialConfig", seeds: range, arms: list[str], console: Console) -> "list[tuple[str, Lived]]":
    parts: list[tuple[str, Lived]] = []

    def live(begun: "Trial", told: Callable[[str, int], None]) -> None:
        parts.extend((arm, begun.live(arm, told)) for arm in arms)

    every_city(config, seeds, len(arms), console, live)
    return parts


def every_city(
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


_PAIRS = (
    *(("online", over) for over in ("static", "rows", "logged", "random", "popular", "epsilon")),
    ("rows", "static"),
    ("static", "logged"),
    ("oracle", "online"),
)


def _report(config: "TrialConfig", runs: "list[tuple[str, Lived]]") -> dict[str, Any]:
    from dataclasses import asdict

    import pandas as pd

    from hidden_gems.benchmark.loop_figures import RATES, lift, rates

    lived = pd.concat([run.daily for _, run in runs], ignore_index=True)
    tables = {
        name: rates(lived, ["arm", *by]).to_dict("records")
        for name, by in (("arms", []), ("halves", ["half"]), ("people", ["who"]), ("seeds", ["seed"]))
    }
    arms = list(dict.fromkeys(arm for arm, _ in runs))
    lifts: dict[str, dict[str, Any]] = {arm: {} for arm in arms}
    for arm, over in ((arm, over) for arm, over in _PAIRS if arm in arms and over in arms):
        measured = [rate for rate in RATES if lived[RATES[rate][1]].any()]
        lifts[arm][over] = {rate: lift(lived, arm, over, rate).as_dict() for rate in measured}
        for column in ("half", "who"):
            for value, part in lived.groupby(column):
                lifts[arm][over][f"ctr, {value}"] = lift(part, arm, over).as_dict()
    found = lifts.get("online", {}).get("static", {}).get("ctr")
    kept = found is not None and found["seeds"]["value"] >= LEAST_LIFT and _surely_more(found)
    about = {"simulated": True, "config": asdict(config), **tables, "lift": lifts, "promised": LEAST_LIFT, "kept": kept}
    return about | {"rare_share": _rare_shares(runs), "new_gems": _new_gems(runs)}


def _rare_shares(runs: "list[tuple[str, Lived]]") -> dict[str, list[float]]:
    """Of what each arm showed, by city."""
    shares: dict[str, list[float]] = {}
    for arm, run in runs:
        if run.shown:
            shares.setdefault(arm, []).append(run.rare / run.shown)
    return shares


def _new_gems(runs: "list[tuple[str, Lived]]") -> dict[str, Any]:
    """Impressions that a new gem needs, by arm, and those of `online` over those of ε-greedy."""
    import pandas as pd

    from hidden_gems.benchmark.arrivals import median_needed, needed, ratio
    from hidden_gems.benchmark.loop_figures import plain

    noted = {arm: pd.concat([run.arrivals for name, run in runs if name == arm]) for arm, _ in runs}
    tables = {arm: needed(table) for arm, table in noted.items() if len(table)}
    arms = {
        arm: {
            "gems": len(table),
            "arrived": int(table["arrived"].sum()),
            "median_impressions": median_needed(table),
            "each": table.to_dict("records"),
        }
        for arm, table in tables.items()
    }
    if "online" not in tables or "epsilon" not in tables:
        return {"arms": arms}
    return {"arms": arms, "online_over_epsilon": plain(ratio(tables["online"], tables["epsilon"]))}


def _surely_more(found: dict[str, Any]) -> bool:
    """Whether no interval there is reaches 0; one city alone has none over cities."""
    lows = [found["people"]["low"], found["seeds"]["low"]] if len(found["by_seed"]) > 1 else [found["people"]["low"]]
    return all(low is not None and low > 0 for low in lows)


def _show(report: dict[str, Any], console: Console) -> None:
    from hidden_gems.benchmark.loop_figures import RATES

    table = Table(
        "arm",
        "who",
        "impressions",
        "CTR",
        "reward a slate",
        "visits",
        "saves, shares",
        "return",
        title="Simulated people",
    )
    rows = [({"half": "", "who": "all"} | row) for row in report["arms"]]
    rows += [row | {"who": f"{row['half']} half"} for row in report["halves"]] + report["people"]
    for row in sorted(rows, key=lambda row: str(row["arm"])):
        names = ("ctr", "reward_per_slate", "visits_per_slate", "saves_and_shares_per_slate", "return_30d")
        figures = (f"{row[name]:.4f}" if row[RATES[name][1]] else "" for name in names)
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
    for arm, shares in report["rare_share"].items():
        console.print(f"{arm}: {sum(shares) / len(shares):.0%} of what was shown is of the rare tier")
    new = report["new_gems"]
    for arm, found in new["arms"].items():
        console.print(
            f"{arm}: {found['arrived']} of {found['gems']} new gems of the better half reached 90 % of their true rank,"
            f" half of them after {found['median_impressions']:.0f} impressions",
            soft_wrap=True,
        )
    found = new.get("online_over_epsilon", {"value": None})
    if found["value"] is not None:
        between = "" if found["low"] is None else f" ({found['low']:.2f} to {found['high']:.2f})"
        console.print(f"impressions that online needs over those of epsilon: {found['value']:.2f}{between}")


def _range(interval: dict[str, float | None]) -> str:
    low, high = interval["low"], interval["high"]
    return "no interval" if low is None or high is None else f"{low:+.1%} to {high:+.1%}"
