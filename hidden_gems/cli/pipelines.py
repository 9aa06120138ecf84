"""`gems pipelines`: the KFP packages."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from hidden_gems.cli.extras import require
from hidden_gems.cli.options import AsJson
from hidden_gems.core.errors import StepFailedError

pipelines_app = typer.Typer(
    help="Kubeflow pipelines: compile them to the YAML that the UI takes.", no_args_is_help=True
)


@pipelines_app.callback()
def _about() -> None:
    """Kubeflow pipelines: compile them to the YAML that the UI takes."""


@pipelines_app.command("compile")
def compile_(
    out: Annotated[Path, typer.Option(help="Folder for the YAML files.")] = Path("pipelines/compiled"),
    as_json: AsJson = False,
) -> None:
    """Compile every pipeline; the same code always gives the same bytes."""
    require("kfp", "train")
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.compile", "--out", str(out)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StepFailedError(f"compiling failed: {done.stderr.strip().splitlines()[-1]}")
    written = done.stdout.splitlines()
    typer.echo(json.dumps({"written": written}) if as_json else "\n".join(written))
