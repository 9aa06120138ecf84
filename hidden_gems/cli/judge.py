"""`gems evaluate` and `gems rank`: models on a folder of interactions, without a pipeline."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import DEFAULT_TIMEZONE, AsJson, Data, MaxRejected, Presets, Seed, Timezone, check_out
from hidden_gems.core.home import gems_home
from hidden_gems.core.ids import Pseudonyms

if TYPE_CHECKING:
    from hidden_gems.datasets.validation import Checked
    from hidden_gems.evaluation.report import Evaluation

NAMES = (
    "popular, recent_popular, own_recent, item_knn, ease, als, markov, revisits, "
    "ncf, wide_deep, sasrec, gru4rec, graphsage, lambdamart, blend"
)
WRITERS = (".parquet", ".csv", ".csv.gz")


@needs_extra("train")
def evaluate(
    data: Data,
    models: Annotated[str, typer.Option(help=f"Names with commas between, or `all`: {NAMES}.")] = "all",
    out: Annotated[Path | None, typer.Option(help="Report as JSON; the page goes beside it as .html.")] = None,
    k: Annotated[int, typer.Option(min=1, help="Length of the lists.")] = 10,
    cutoffs: Annotated[int, typer.Option(min=1, help="Rolling cut-offs from 60 % of the data on; 1: 80 %.")] = 4,
    preset: Annotated[Presets, typer.Option(help="Sizes: the plan's, or such as fit the data.")] = Presets.AUTO,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes at a time.", show_default="cores")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep fitted models and figures there, and go on from them. Without it they are kept in GEMS_HOME "
            "until the report is written, so a run that was killed goes on when it is started again.",
        ),
    ] = None,
    seed: Seed = 0,
    timezone: Timezone = DEFAULT_TIMEZONE,
    max_rejected: MaxRejected = 0.01,
    as_json: AsJson = False,
) -> None:
    """Judge models by what people did after several cut-offs, beside popular and random order.

    Each model is fitted on what came before a cut-off and judged on what came until the next one: the full catalogue
    for new places and with repeats, 100 uniform negatives, and logged slates where there are any. The values of all
    cut-offs are pooled; 95 % intervals resample people. The report has every metric, cohorts of people and items,
    calibration, and each pair of models compared. A model that fails is named, the others go on, and the command ends
    with exit code 1.

    Example: gems evaluate --data my_city --models popular,item_knn,ncf --cutoffs 2 --out report.json
    """
    from hidden_gems.benchmark.rolling import evaluate_rolling
    from hidden_gems.benchmark.shelf import MODELS, Shelf

    names = [name for name in MODELS if name != "random"] if models == "all" else _names(models)
    Shelf.check(names)
    if out is not None:
        check_out(out, (".json",))
    checked = checked_data(data, timezone, max_rejected)
    kept = resume or gems_home() / "evaluations" / checked.dataset.about.fingerprint[:16]
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("checking", total=1.0)

        def told(what: str, share: float) -> None:
            progress.update(bar, description=f"{share:.0%}", completed=share)
            progress.console.print(what, markup=False, highlight=False, soft_wrap=True)

        found = evaluate_rolling(
            checked.dataset, names, kept, cutoffs=cutoffs, k=k, seed=seed, preset=preset.value, jobs=jobs, progress=told
        )
    _show(found, out, as_json)
    if found.failed:
        raise typer.Exit(1)
    if resume is None:
        shutil.rmtree(kept)


def _show(found: "Evaluation", out: Path | None, as_json: bool) -> None:
    from hidden_gems.cli.tables import figures_table
    from hidden_gems.evaluation.page import page

    if out is not None:
        out.write_text(json.dumps(found.as_dict(), indent=2, allow_nan=False) + "\n")
        out.with_suffix(".html").write_text(page(found), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(found.as_dict(), allow_nan=False))
    else:
        Console().print(figures_table(found))
        for note in found.notes:
            typer.echo(note)
    for name, reason in found.failed.items():
        typer.echo(f"{name} failed: {reason}", err=True)
    if out is not None and not as_json:
        typer.echo(f"Report: {out} and {out.with_suffix('.html')}")


@needs_extra("train")
def rank(
    data: Data,
    model: Annotated[str, typer.Option(help=f"One of {NAMES}.")],
    out: Annotated[Path, typer.Option(help="File to write: .parquet, .csv or .csv.gz.")],
    k: Annotated[int, typer.Option(min=1, help="Items a person.")] = 20,
    repeat: Annotated[bool, typer.Option("--repeat", help="Recommend what a person knows as well.")] = False,
    preset: Annotated[Presets, typer.Option(help="Sizes: the plan's, or such as fit the data.")] = Presets.AUTO,
    seed: Seed = 0,
    timezone: Timezone = DEFAULT_TIMEZONE,
    max_rejected: MaxRejected = 0.01,
    as_json: AsJson = False,
) -> None:
    """Fit one model on all interactions and write user_id, rank, item_id, score for everyone with an interaction."""
    from hidden_gems.benchmark.rank import rank as rank_everyone
    from hidden_gems.benchmark.shelf import Shelf

    Shelf.check([model])
    check_out(out, WRITERS)
    checked = checked_data(data, timezone, max_rejected)
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(model, total=1.0)
        table = rank_everyone(
            checked.dataset,
            model,
            k=k,
            repeat=repeat,
            original_ids=checked.original_user_ids,
            seed=seed,
            preset=preset.value,
            note=lambda words: typer.echo(words, err=True),
            progress=lambda what, share: progress.update(bar, description=what, completed=share),
        )
    draft = out.with_name(f".{out.name}")
    table.to_parquet(draft, index=False) if out.suffix == ".parquet" else table.to_csv(draft, index=False)
    draft.replace(out)
    counts = {"model": model, "people": int(table["user_id"].nunique()), "rows": len(table), "out": str(out)}
    typer.echo(json.dumps(counts) if as_json else "{people:,} people, {rows:,} rows by {model}: {out}".format(**counts))


def _names(models: str) -> list[str]:
    return [name.strip() for name in models.split(",") if name.strip()]


def checked_data(data: Path, timezone: str, max_rejected: float) -> "Checked":
    """A dataset folder with the pseudonyms of this home; warnings go to stderr."""
    from hidden_gems.datasets.validation import check_folder

    checked = check_folder(
        data, timezone=timezone, max_rejected_share=max_rejected, pseudonyms=Pseudonyms.load(gems_home())
    )
    for warning in checked.warnings:
        typer.echo(f"warning: {warning}", err=True)
    return checked
