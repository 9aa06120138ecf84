"""`gems features`: rows of people and gems in the feature store."""

import json
import os
from typing import Annotated, Any

import typer

from hidden_gems.cli.extras import needs_extra
from hidden_gems.cli.options import DEFAULT_TIMEZONE, AsJson, Timezone
from hidden_gems.cli.stack_state import need_stack
from hidden_gems.core.clock import clock_from
from hidden_gems.core.home import gems_home

features_app = typer.Typer(
    name="features", no_args_is_help=True, help="Rows of people and gems in the feature store, offline and online."
)


@features_app.callback()
def _about() -> None:
    """Rows of people and gems in the feature store, offline and online."""


def _address(name: str, variable: str, about: str) -> Any:
    return typer.Option(name, envvar=variable, metavar="ADDRESS", help=about)


@features_app.command()
@needs_extra("train")
def materialize(
    data: Annotated[str, _address("--data", "GEMS_DATA", "Dataset that the archive goes on from.")] = "",
    history: Annotated[str, _address("--history", "GEMS_HISTORY", "Archive of a stack or a cluster.")] = "",
    feast_folder: Annotated[
        str, _address("--feast-folder", "GEMS_FEAST_FOLDER", "Of the offline rows; by default `feast` at home.")
    ] = "",
    redis: Annotated[
        str, typer.Option("--redis", envvar="GEMS_REDIS", metavar="HOST:PORT", help="By default the running stack's.")
    ] = "",
    timezone: Timezone = DEFAULT_TIMEZONE,
    as_json: AsJson = False,
) -> None:
    """Write everyone's rows, as of the last moment the archive knows all of, into the feature store.

    Newer rows that a learner has written stay. Addresses are folders or s3://bucket/folder. The registry of Feast is a
    file beside the offline rows, or SQL at GEMS_FEAST_REGISTRY. Without --data the archive goes on from nothing.

    Try: gems features materialize --history s3://events/history --feast-folder s3://artifacts/feast --redis HOST:6379
    """
    from hidden_gems.steps.materializing import materialize_archive

    redis = redis or need_stack().addresses["redis"]
    clock = clock_from(os.environ.get("GEMS_CLOCK", ""))
    found = materialize_archive(data, history, redis, feast_folder or str(gems_home() / "feast"), timezone, clock)
    if as_json:
        typer.echo(json.dumps(found))
        return
    typer.echo(f"Rows of {found['users']:,} people and {found['items']:,} gems; {found['replaced']:,} were replaced.")
