"""`gems data`: look at a dataset folder before anything learns from it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.extras import needs_extra, require
from hidden_gems.cli.options import DEFAULT_TIMEZONE, AsJson, Engine, MaxRejected, Timezone
from hidden_gems.core.errors import BadInputError
from hidden_gems.core.home import gems_home
from hidden_gems.core.ids import Pseudonyms

if TYPE_CHECKING:
    import pandas as pd

    from hidden_gems.datasets.validation import Checked

data_app = typer.Typer(name="data", no_args_is_help=True, help="Dataset folders that people bring.")


@data_app.callback()
def _about() -> None:
    """Dataset folders that people bring."""


@data_app.command()
@needs_extra("train")
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with interactions and maybe other tables.")],
    timezone: Annotated[str, typer.Option(help="IANA time zone of local hours.")] = "Europe/Istanbul",
    max_rejected: Annotated[float, typer.Option(help="Largest share of bad rows in one file, 0 to 1.")] = 0.01,
    out: Annotated[
        Path | None, typer.Option(help="Where rejected.parquet goes; GEMS_HOME/checks/NAME if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Validate a dataset folder, print counts and what is missing."""
    from hidden_gems.datasets.rows import TooManyBadRowsError
    from hidden_gems.datasets.validation import check_folder

    out = out or gems_home() / "checks" / folder.resolve().name
    pseudonyms = Pseudonyms.load(gems_home())
    try:
        checked = check_folder(folder, timezone=timezone, max_rejected_share=max_rejected, pseudonyms=pseudonyms)
    except TooManyBadRowsError as error:
        raise TooManyBadRowsError(
            f"{error}; all of them are in {_keep(error.rejected, out)}", error.rejected
        ) from error
    rejected = _keep(checked.rejected, out)
    if as_json:
        typer.echo(json.dumps(_as_json(checked, rejected), indent=2, ensure_ascii=False))
    else:
        print_checked(checked, rejected, Console())


@data_app.command()
@needs_extra("train")
def prepare(
    data: Annotated[str, typer.Option(metavar="DIR", help="Dataset folder, or its address as s3://bucket/folder.")],
    out: Annotated[str, typer.Option(metavar="DIR", help="Folder of the training set, or its address.")],
    engine: Engine = "duckdb",
    rows: Annotated[
        Literal["all", "ranker"],
        typer.Option(help="Every impression with a final label, or what the ranker learns from: slates of its slice."),
    ] = "all",
    memory: Annotated[str, typer.Option(help="As 6GB: what the engine may take; its own choice if left out.")] = "",
    threads: Annotated[int, typer.Option(min=0, help="Threads of the engine; 0 is its own choice.")] = 0,
    scratch: Annotated[
        Path | None, typer.Option(help="Folder for what does not fit into memory; the system's if left out.")
    ] = None,
    timezone: Timezone = DEFAULT_TIMEZONE,
    max_rejected: MaxRejected = 0.01,
    as_json: AsJson = False,
) -> None:
    """Check a dataset folder of any size and write its training set: Parquet in, Parquet out."""
    from hidden_gems.datasets.door_at_size import DoorConfig
    from hidden_gems.features.engines import EngineConfig
    from hidden_gems.steps.preparing import prepare
    from hidden_gems.training.at_size import AtSizeConfig

    if engine == "spark":
        require("pyspark", "scale")
    if scratch is not None and not scratch.is_dir():
        raise BadInputError(f"--scratch {scratch} is not a folder; make it first")
    console = Console(stderr=True, quiet=as_json)
    door = DoorConfig(
        timezone=timezone,
        max_rejected_share=max_rejected,
        pseudonyms=Pseudonyms.load(gems_home()),
        memory=memory,
        threads=threads,
        scratch=scratch,
    )
    config = AtSizeConfig(rows, EngineConfig(engine, memory, threads, scratch))
    report = prepare(data, out, door, config, tell=lambda line: console.print(line, markup=False))
    if as_json:
        typer.echo(json.dumps(report))
        return
    counts, simulated = report["counts"], " (simulated)" if report["simulated"] else ""
    typer.echo(f"{counts['rows']:,} rows of {counts['queries']:,} slates{simulated} by {engine} in {out}")


def _keep(rejected: "pd.DataFrame", out: Path) -> Path | None:
    """Write the bad rows if there are any, and leave none of an earlier check behind."""
    path = out / "rejected.parquet"
    try:
        path.unlink(missing_ok=True)
        if rejected.empty:
            return None
        out.mkdir(parents=True, exist_ok=True)
        rejected.to_parquet(path, index=False)
    except OSError as error:
        raise BadInputError(f"--out {out} cannot be written: {error.strerror or error}") from error
    return path


def _as_json(checked: "Checked", rejected: Path | None) -> dict[str, object]:
    from dataclasses import asdict

    from hidden_gems.datasets.report import frequent_reasons, missing

    return {
        "about": asdict(checked.dataset.about),
        "counts": checked.counts(),
        "missing": [
            {"table": table, "column": column, "cost": cost} for table, column, cost in missing(checked.dataset)
        ],
        "warnings": list(checked.warnings),
        "reasons": [
            {"file": file, "column": column, "reason": reason, "rows": rows}
            for file, column, reason, rows in frequent_reasons(checked.rejected)
        ],
        "rejected_file": str(rejected) if rejected else None,
    }


def print_checked(checked: "Checked", rejected: Path | None, console: Console) -> None:
    """Counts, what is missing and what that costs, warnings, reasons of rejected rows."""
    from hidden_gems.datasets.report import frequent_reasons, missing

    about = checked.dataset.about
    simulated = " (simulated)" if about.simulated else ""
    console.print(f"{about.name}{simulated}, {about.timezone}", markup=False)
    counts = Table("table", "rows")
    counts.columns[1].justify = "right"
    for name, count in checked.dataset.counts().items():
        counts.add_row(name, f"{count:,}")
    console.print(counts)
    absent = Table("missing", "what that costs")
    for table, column, cost in missing(checked.dataset):
        absent.add_row(table if column == "all" else f"{table}.{column}", cost)
    if absent.row_count:
        console.print(absent)
    for warning in checked.warnings:
        console.print(f"warning: {warning}", markup=False)
    for file, column, reason, rows in frequent_reasons(checked.rejected):
        console.print(f"rejected: {rows:,} rows of {file}, {column}: {reason}", markup=False)
    if rejected:
        typer.echo(f"Rejected rows with their reasons: {rejected}")
    console.print(f"{about.name} is a dataset.", markup=False)
