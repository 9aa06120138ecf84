"""`gems evaluate` and `gems rank`: models on a folder of interactions, without a pipeline."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import DEFAULT_TIMEZONE, AsJson, Data, MaxRejected, Seed, Timezone, check_out
from hidden_gems.core.home import gems_home
from hidden_gems.core.ids import Pseudonyms

if TYPE_CHECKING:
    from hidden_gems.datasets.validation import Checked

NAMES = "popular, recent_popular, own_recent, item_knn, ease, als, markov, ncf, lambdamart"
WRITERS = (".parquet", ".csv", ".csv.gz")


@needs_extra("train")
def evaluate(
    data: Data,
    models: Annotated[str, typer.Option(help=f"Names with commas between, or `all`: {NAMES}.")] = "all",
    out: Annotated[Path | None, typer.Option(help="Report as JSON; the page goes beside it as .html.")] = None,
    k: Annotated[int, typer.Option(min=1, help="Length of the lists.")] = 10,
    seed: Seed = 0,
    timezone: Timezone = DEFAULT_TIMEZONE,
    max_rejected: MaxRejected = 0.01,
    as_json: AsJson = False,
) -> None:
    """Judge models on the last slice of time: three protocols, 95 % intervals, beside popular and random order."""
    from hidden_gems.benchmark.evaluate import evaluate as judge
    from hidden_gems.benchmark.shelf import MODELS, Shelf
    from hidden_gems.cli.tables import figures_table
    from hidden_gems.evaluation.report import page

    names = [name for name in MODELS if name != "random"] if models == "all" else _names(models)
    Shelf.check(names)
    if out is not None:
        check_out(out, (".json",))
    checked = _checked(data, timezone, max_rejected)
    console = Console(stderr=True)
    with Progress(console=console) as progress:
        bar = progress.add_task("checking", total=1.0)
        found = judge(
            checked.dataset,
            names,
            k=k,
            seed=seed,
            progress=lambda what, share: progress.update(bar, description=what, completed=share),
        )
    if out is not None:
        out.write_text(json.dumps(found.as_dict(), indent=2, allow_nan=False) + "\n")
        out.with_suffix(".html").write_text(page(found), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(found.as_dict(), allow_nan=False))
        return
    Console().print(figures_table(found))
    for note in found.notes:
        typer.echo(note)
    if out is not None:
        typer.echo(f"Report: {out} and {out.with_suffix('.html')}")


@needs_extra("train")
def rank(
    data: Data,
    model: Annotated[str, typer.Option(help=f"One of {NAMES}.")],
    out: Annotated[Path, typer.Option(help="File to write: .parquet, .csv or .csv.gz.")],
    k: Annotated[int, typer.Option(min=1, help="Items a person.")] = 20,
    repeat: Annotated[bool, typer.Option("--repeat", help="Recommend what a person knows as well.")] = False,
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
    checked = _checked(data, timezone, max_rejected)
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(model, total=1.0)
        table = rank_everyone(
            checked.dataset,
            model,
            k=k,
            repeat=repeat,
            original_ids=checked.original_user_ids,
            seed=seed,
            progress=lambda what, share: progress.update(bar, description=what, completed=share),
        )
    draft = out.with_name(f".{out.name}")
    table.to_parquet(draft, index=False) if out.suffix == ".parquet" else table.to_csv(draft, index=False)
    draft.replace(out)
    counts = {"model": model, "people": int(table["user_id"].nunique()), "rows": len(table), "out": str(out)}
    typer.echo(json.dumps(counts) if as_json else "{people:,} people, {rows:,} rows by {model}: {out}".format(**counts))


def _names(models: str) -> list[str]:
    return [name.strip() for name in models.split(",") if name.strip()]


def _checked(data: Path, timezone: str, max_rejected: float) -> "Checked":
    from hidden_gems.datasets.validation import check_folder

    checked = check_folder(
        data, timezone=timezone, max_rejected_share=max_rejected, pseudonyms=Pseudonyms.load(gems_home())
    )
    for warning in checked.warnings:
        typer.echo(f"warning: {warning}", err=True)
    return checked
