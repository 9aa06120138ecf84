"""`gems train`: the training pipeline on this machine, from a folder of interactions to a release."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from hidden_gems.cli.extras import require
from hidden_gems.cli.options import DEFAULT_TIMEZONE, AsJson, Data, Engine, MaxRejected, Places, Seed, Timezone
from hidden_gems.cli.pipeline_run import Run, run_pipeline
from hidden_gems.cli.processes import redis_server
from hidden_gems.cli.stack_state import running_stack
from hidden_gems.core.errors import BadInputError


@dataclass(frozen=True)
class Trained:
    """A finished training run."""

    run: Run
    release: Path
    decision: dict[str, Any]


def train(
    data: Data,
    seed: Seed = 0,
    timezone: Timezone = DEFAULT_TIMEZONE,
    max_rejected: MaxRejected = 0.01,
    redis: Annotated[
        str,
        typer.Option(help="HOST:PORT of a Redis of your own; that of the stack on these data, else an embedded one."),
    ] = "",
    engine: Engine = "duckdb",
    as_json: AsJson = False,
) -> None:
    """Train on a dataset folder with the KFP pipeline and its local runner; ends with a release, judged and hashed."""
    require("kfp", "train")
    if engine == "spark":
        require("pyspark", "scale")
    places, console = Places.of(data), Console(stderr=as_json)
    stack = running_stack()
    if not redis and stack is not None and stack.root == str(places.root):
        redis = stack.addresses["redis"]
        console.print(f"A stack runs on these data, so the features go into its Redis ({redis}).", highlight=False)
    if redis:
        trained = train_release(data, places, redis, seed, timezone, max_rejected, console, engine)
    else:
        with redis_server(places.redis) as address:
            trained = train_release(data, places, address, seed, timezone, max_rejected, console, engine)
    if as_json:
        steps = {step.name: round(step.seconds, 1) for step in trained.run.steps}
        typer.echo(json.dumps({"release": str(trained.release), "decision": trained.decision, "seconds": steps}))
        return
    typer.echo(f"Release: {trained.release}")
    show_decision(trained, console)


def show_decision(trained: Trained, console: Console) -> None:
    """What the gate decided and why."""
    console.print("Gate: it may be promoted." if trained.decision["promote"] else "Gate: it may not be promoted.")
    for reason in trained.decision["reasons"]:
        console.print(f"  {reason}", markup=False, highlight=False)


def train_release(
    data: Path,
    places: Places,
    redis: str,
    seed: int,
    timezone: str,
    max_rejected: float,
    console: Console,
    engine: str = "duckdb",
) -> Trained:
    """Run the training pipeline and read what it decided.

    Args:
        data: Dataset folder.
        places: Where the state of this dataset lives.
        redis: `host:port` that features are materialized into.
        seed: Of everything random.
        timezone: IANA name.
        max_rejected: Largest share of bad rows in one file, 0 to 1.
        console: Where progress is shown.
        engine: What labels and counts for the training set, `duckdb` or `spark`.
    """
    if not data.is_dir():
        raise BadInputError(f"--data {data} is not a folder; expected one with an interactions file")
    arguments = {
        "dataset_uri": str(data.resolve()),
        "timezone": timezone,
        "max_rejected_share": max_rejected,
        "seed": seed,
        "engine": engine,
        "redis": redis,
        "feast_folder": str(places.feast),
        "releases_uri": str(places.releases),
        "mlflow_uri": places.mlflow(),
    }
    run = run_pipeline("training", arguments, places.runs, console)
    decision = json.loads(run.artifact("gate-release", "decision").read_text())
    return Trained(run, Path(run.output("register-release")), decision)
