"""`gems explain`: are explanations faithful, and what do people say of them?"""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.judge import checked_data
from hidden_gems.cli.options import DEFAULT_TIMEZONE, AsJson, Data, MaxRejected, Places, Seed, Timezone, check_out
from hidden_gems.cli.reports import Out, tell
from hidden_gems.cli.tables import finite
from hidden_gems.core.errors import BadInputError

if TYPE_CHECKING:
    from hidden_gems.benchmark.opened import Opened

explain_app = typer.Typer(
    name="explain",
    no_args_is_help=True,
    help="Whether explanations tell what the models did, and what people say of them.",
)
MOST_ERROR = 0.05
"""Mean distance of a confidence from what happened, up to which it is called calibrated."""
ASKED_OF_PEOPLE = {"accurate": 0.85, "relevance": 4.5, "trust": 4.0, "trusted": 0.8}
"""The plan's targets for what people say."""

Release = Annotated[
    Path | None, typer.Option("--release", metavar="DIR", help="By default the one that serves these data.")
]


@explain_app.command()
@needs_extra("train")
def faithfulness(
    data: Data,
    release: Release = None,
    n: Annotated[int, typer.Option("--n", min=1, help="Answers of ten gems.")] = 2_000,
    out: Out = None,
    seed: Seed = 0,
    timezone: Timezone = DEFAULT_TIMEZONE,
    max_rejected: MaxRejected = 0.01,
    as_json: AsJson = False,
) -> None:
    """Explain answers in full, in this process, and hold every part against scores that are made anew.

    People of the data ask in turn, one in ten is a stranger, in every weather and at every hour of the day after the
    release, in English and Turkish. Checked are: contributions add up to the score; without the reason named first
    (its features taken from the other candidates, its time or weather from other ones) the score falls, in 85 % at
    least; counterfactuals and places of the path are scored again by LightGBM from requests and rows as they would
    have been; texts tell facts only, and no sentence stands twice in a slate. Confidence is judged by what people came
    to in the week after, half of whom it was fitted to and the other half not. Exit code 1 if a promise is not kept.

    Try: gems explain faithfulness --data my_city --n 100 --out faithfulness.json
    """
    from hidden_gems.benchmark.faithfulness import faithfulness as measured

    opened = _opened(data, release, timezone, max_rejected)
    with _progress("answers") as told:
        found = measured(opened, n, seed, told)
    report = _about(opened) | {"n": n, "seed": seed} | found.as_dict() | {"confidence": _confidence(opened, seed)}
    report["kept"] = all(check["kept"] for check in (*report["checks"].values(), report["confidence"]))
    tell(report, out, as_json, partial(_show, report), partial(_plot, report))
    if not report["kept"]:
        raise typer.Exit(1)


@explain_app.command()
@needs_extra("train")
def sample(
    data: Data,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Sheet to write, .csv.")],
    release: Release = None,
    n: Annotated[int, typer.Option("--n", min=1, help="Texts, English and Turkish in turn.")] = 200,
    seed: Seed = 0,
    timezone: Timezone = DEFAULT_TIMEZONE,
    max_rejected: MaxRejected = 0.01,
    as_json: AsJson = False,
) -> None:
    """Write a sheet on which people rate explanations; give each rater a copy.

    A row has the moment, what the person liked, the gem, the text and the facts behind it. To fill are: accurate (yes
    or no: does the text say only what the facts and the liked places say?), relevance (1 to 5: would this gem suit
    this person now?) and trust (1 to 5: would the text make you trust the advice?). A cell may stay empty. The same
    seed writes the same sheet; no row names a person.

    Try: gems explain sample --data my_city --n 200 --out sheet.csv
    """
    from hidden_gems.benchmark.rating_sheet import sheet, write_sheet

    check_out(out, (".csv",))
    opened = _opened(data, release, timezone, max_rejected)
    with _progress("texts") as told:
        rows = sheet(opened, n, seed, told)
    write_sheet(rows, out)
    counts = _about(opened) | {"rows": len(rows), "out": str(out)}
    typer.echo(json.dumps(counts) if as_json else f"{len(rows):,} texts of release {opened.release.version}: {out}")


@explain_app.command()
@needs_extra("train")
def agreement(
    filled: Annotated[list[Path], typer.Argument(metavar="FILLED…", help="Sheets that were filled, one a rater.")],
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Say how accurate, relevant and trusted raters found explanations, and whether they agree.

    A text is accurate if more than half of its raters say so, trusted if their mean trust is 4 or more. Intervals are
    95 % over texts. Agreement is Krippendorff's alpha, nominal for accurate, else of intervals: 1 is perfect, 0 is
    chance; below 0.67 the ratings carry little (Krippendorff). One rater has none.

    Try: gems explain agreement ayse.csv john.csv
    """
    from hidden_gems.benchmark.rating_sheet import agreement as agreed
    from hidden_gems.benchmark.rating_sheet import read_sheets

    found = agreed(read_sheets(filled), seed)
    if as_json:
        typer.echo(json.dumps(finite(found), allow_nan=False))
        return
    table = Table("", "value", "95 %", "texts", "asked", "alpha")
    for name, least in ASKED_OF_PEOPLE.items():
        each, shown = found[name], "{:.1%}" if least < 1 else "{:.2f}"
        ends = f"{shown} to {shown}".format(each["low"], each["high"]) if each["texts"] else ""
        value = shown.format(each["value"]) if each["texts"] else "not rated"
        agreed_by = found["alpha"].get(name, math.nan)
        cell = f"{agreed_by:.2f}" if math.isfinite(agreed_by) else ""
        table.add_row(name, value, ends, f"{each['texts']:,}", shown.format(least), cell)
    table.title = f"{found['texts']:,} texts, {found['raters']} raters"
    Console().print(table)


def _opened(data: Path, release: Path | None, timezone: str, max_rejected: float) -> "Opened":
    from hidden_gems.benchmark.opened import open_release
    from hidden_gems.export import release as releases

    found = release
    for pointer in releases.POINTERS:
        found = found or releases.pointed(Places.of(data).releases, pointer)
    checked = checked_data(data, timezone, max_rejected)
    if found is None:
        raise BadInputError(f"there is no release of {data}; `gems train --data {data}` makes one, --release names one")
    return open_release(found, checked.dataset)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[float], None]]:
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task(what, total=1.0)
        yield lambda share: progress.update(bar, completed=share)


def _about(opened: "Opened") -> dict[str, Any]:
    about = opened.dataset.about
    return {"release": opened.release.version, "dataset": about.name, "simulated": about.simulated}


def _confidence(opened: "Opened", seed: int) -> dict[str, Any]:
    from hidden_gems.benchmark.certainty import Pairs

    certainty, pairs = opened.world.certainty, Pairs.of(opened, fits=False, most=1_000)
    bins = pairs.bins(certainty)
    error = bins.error(seed)
    kept = not pairs.people or error.value <= MOST_ERROR
    return {
        "slope": certainty.slope, "fitted_to": certainty.people, "people": pairs.people, "pairs": len(pairs.apart),
        "error": error.value, "low": error.low, "high": error.high, "most": MOST_ERROR, "kept": kept,
        "bins": bins.table() if pairs.people else [],
    }  # fmt: skip


def _show(report: dict[str, Any], console: Console) -> None:
    simulated = ", SIMULATED data" if report["simulated"] else ""
    title = f"{report['counts']['answers']:,} answers of release {report['release']} ({report['dataset']}{simulated})"
    table = Table("", "held", "of", "share", "95 %", "promised", title=title, title_justify="left")
    for check in report["checks"].values():
        share = "" if check["share"] is None else f"{check['share']:.2%}"
        ends = f"{check['low']:.1%} to {check['high']:.1%}" if check["of"] else ""
        asked = f"{check['least']:.0%}{'' if check['kept'] else ' – NOT KEPT'}"
        table.add_row(check["what"], f"{check['passed']:,}", f"{check['of']:,}", share, ends, asked)
    console.print(table)
    sure = report["confidence"]
    if sure["people"]:
        console.print(
            f"Confidence is off by {sure['error']:.3f} on average ({sure['low']:.3f} to {sure['high']:.3f}; up to "
            f"{sure['most']} is promised) for {sure['people']:,} people it was not fitted to.", highlight=False,
        )  # fmt: skip
    else:
        console.print("Nobody came to anything new in the week after the release: confidence cannot be judged.")
    for check in report["checks"].values():
        for each in check["offenders"]:
            console.print(f"not so: {check['what']}: {json.dumps(finite(each), ensure_ascii=False)}", markup=False)


def _plot(report: dict[str, Any], path: Path) -> None:
    """Left, the share of each check with its interval and what is promised; right, reliability of the confidence."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    known = [(name, check) for name, check in report["checks"].items() if check["of"]]
    for place, (_, check) in enumerate(known):
        ends = [[max(check["share"] - check["low"], 0.0)], [max(check["high"] - check["share"], 0.0)]]
        left.errorbar(check["share"], place, xerr=ends, fmt="o", color="#27496d", markersize=4, capsize=2)
        left.plot(check["least"], place, "|", color="#b5482a", markersize=14)
    left.set_yticks(range(len(known)), [f"{name}\n{check['of']:,}" for name, check in known], fontsize=8)
    left.invert_yaxis()
    left.set(xlabel="share that held, 95 % interval; the mark is what is promised")
    right.axline((0.5, 0.5), slope=1.0, color="#99a", linestyle=":", linewidth=1.0)
    if report["confidence"]["bins"]:
        said, came = zip(*(bin_[1:] for bin_ in report["confidence"]["bins"]), strict=True)
        right.plot(said, came, "o-", color="#27496d", markersize=4, linewidth=1.0)
    right.set(xlabel="chance that was said", ylabel="share it was the one they came to")
    right.set_aspect("equal", adjustable="datalim")
    right.set_title("Confidence, people it was not fitted to", fontsize=9)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    simulated = ", simulated data" if report["simulated"] else ""
    left.set_title(f"Explanations of release {report['release']}{simulated}", fontsize=9, loc="left")
    figure.savefig(path, dpi=150)
