"""`gems data`: look at a dataset folder before anything learns from it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
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
        _print(checked, rejected)


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


def _print(checked: "Checked", rejected: Path | None) -> None:
    from hidden_gems.datasets.report import frequent_reasons, missing

    console, about = Console(), checked.dataset.about
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
