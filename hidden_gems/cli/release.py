"""`gems release`: the releases at an address, and which of them answers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import AsJson

release_app = typer.Typer(
    name="release",
    no_args_is_help=True,
    help="Releases at an address (a folder or s3://bucket/…): list them, copy one here, say which one answers.",
)
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="Folder of releases, or s3://bucket/folder.")]


@release_app.command("list")
@needs_extra("serve")
def list_(address: Address, as_json: AsJson = False) -> None:
    """List whole releases, oldest first, with the pointers that name them and what their policies would have earned.

    Example: gems release list s3://hidden-gems-models/istanbul
    """
    from hidden_gems.export import depot
    from hidden_gems.export.release import POINTERS

    named = {pointer: depot.named(address, pointer) for pointer in POINTERS}
    rows: list[dict[str, Any]] = [
        {
            "version": version,
            "pointers": [pointer for pointer in POINTERS if named[pointer] == version],
            "policy_estimate": dict(depot.described(address, version).policy_estimate),
        }
        for version in depot.versions(address)
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table(
        "release", "pointer", "its policy, 95 %", "the log", title=f"Releases at {address}", title_justify="left"
    )
    for row in rows:
        table.add_row(str(row["version"]), ", ".join(row["pointers"]), *_estimate(row["policy_estimate"]))
    Console().print(table if rows else f"There is no release at {address}.")


@release_app.command()
@needs_extra("serve")
def point(
    address: Address,
    pointer: Annotated[str, typer.Argument(metavar="POINTER", help="stable or canary.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A release that is there.")],
    without_estimate: Annotated[
        bool, typer.Option("--without-estimate", help="A canary may have no estimate of its own policy.")
    ] = False,
) -> None:
    """Let a pointer name a release; servers that follow it turn within seconds, and the one before stays at hand.

    A canary needs an estimate of its own policy, made from logged slates, that is not surely worse than the log's.

    Example: gems release point s3://hidden-gems-models/istanbul stable 2026-05-04.1
    """
    from hidden_gems.export import depot

    before = depot.named(address, pointer)
    depot.name(address, pointer, version, without_estimate)
    typer.echo(f"{pointer} names {version}" + (f", before it named {before}" if before else ""))


@release_app.command()
@needs_extra("serve")
def pull(
    address: Address,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A release that is there.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="Folder of releases on this machine.")] = Path("releases"),
) -> None:
    """Copy a release to this machine, and check every file against its hash.

    Example: gems release pull s3://hidden-gems-models/istanbul 2026-05-04.1 --to releases
    """
    from hidden_gems.export import depot

    typer.echo(depot.pull(address, version, to))


def _estimate(found: Mapping[str, Any]) -> tuple[str, str]:
    """The estimate of a release's policy and the value of the log, or why there is none."""
    if "value" not in found:
        return f"none: {found.get('why_none', 'made before there was one')}", ""
    return _interval(found, ""), _interval(found, "logged_")


def _interval(found: Mapping[str, Any], prefix: str) -> str:
    value, low, high = (found[f"{prefix}{each}"] for each in ("value", "low", "high"))
    return f"{value:.4f} ({low:.4f} to {high:.4f})"
