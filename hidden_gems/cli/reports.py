"""The report of a study: JSON in a file, a plot beside it, and a table or the same JSON on the terminal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from hidden_gems.cli.options import check_out
from hidden_gems.cli.tables import finite


def _writable(out: Path | None) -> Path | None:
    if out is not None:
        check_out(out, (".json",))
    return out


Out = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Report as JSON; beside it a plot (.png), if there is one.", callback=_writable),
]


def tell(
    found: dict[str, Any],
    out: Path | None,
    as_json: bool,
    show: Callable[[Console], None],
    plot: Callable[[Path], None] | None = None,
) -> None:
    """Write a report and its plot where a file is named, and say it.

    Args:
        found: The report; what is not finite becomes null.
        out: Where to.
        as_json: Whether the terminal gets JSON.
        show: Prints it for people.
        plot: Draws it into a file.
    """
    text = json.dumps(finite(found), indent=2, ensure_ascii=False, allow_nan=False)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
        if plot is not None:
            plot(out.with_suffix(".png"))
    if as_json:
        typer.echo(text)
        return
    show(Console())
    if out is not None:
        typer.echo(f"Report: {out}" + (f" and {out.with_suffix('.png')}" if plot is not None else ""))
