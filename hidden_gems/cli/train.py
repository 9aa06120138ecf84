"""`gems train`: the training pipeline on this machine, from a folder of interactions to a release."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from hidden_gems.cli.extras import require
from hidden_gems.cli.options import (
    DEFAULT_TIMEZONE,
    AsJson,
    Data,
    Engine,
    MaxRejected,
    Places,
    Presets,
    Seed,
    Timezone,
)
from hidden_gems.cli.pipeline_run import Run, run_pipeline
from hidden_gems.cli.processes import redis_server
from hidden_gems.cli.stack_state import running_stack
from hidden_gems.core.errors import BadInputError

ALL_MODELS = "ncf,wide_deep,sasrec,gru4rec,graphsage"
QUICK_MODELS = "ncf,graphsage"
"""What a release in a hurry holds."""
DEMO_MODELS = "ncf,sasrec,graphsage"
"""What the release of the demo holds: one of each family; the others take minutes more."""


@dataclass(frozen=True)
class TrainingArguments:
    """What is asked of a training run."""

    models: str = ALL_MODELS  # names of the deep models, with commas between
    preset: Presets = Presets.AUTO
    seed: int = 0
    timezone: str = DEFAULT_TIMEZONE  # IANA name
    max_rejected: float = 0.01  # largest share of bad rows in one file, 0 to 1
    engine: str = "duckdb"  # what labels and counts for the training set, or `spark`


@dataclass(frozen=True)
class Trained:
    """A finished training run."""

    run: Run
    release: Path
    decision: dict[str, Any]


def train(
    data: Data,
    models: Annotated[str, typer.Option(help="Deep models to train, with commas between.")] = ALL_MODELS,
    preset: Annotated[Presets, typer.Option(help="Sizes: the plan's, or such as fit the data.")] = Presets.AUTO,
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
    asked = TrainingArguments(models, preset, seed, timezone, max_rejected, engine)
    stack = running_stack()
    if not redis and stack is not None and stack.root == str(places.root):
        redis = stack.addresses["redis"]
        console.print(f"A stack runs on these data, so the features go into its Redis ({redis}).", highlight=False)
    if redis:
        trained = train_release(data, places, redis, asked, console)
    else:
        with redis_server(places.redis) as address:
            trained = train_release(data, places, address, asked, console)
    if as_json:
        steps = {step.name: round(step.seconds, 1) for step in trained.run.steps}
        typer.echo(json.dumps({"release": str(trained.release), "decision": trained.decision, "seconds": steps}))
        return
    typer.echo(f"Release: {trained.release}")
    show_decision(trained, console)


def show_decision(trained: Trained, console: Console) -> None:
    """What the gate decided and why, and what the release's own policy would earn."""
    from hidden_gems.evaluation.page import own_policy_in_words
    from hidden_gems.export.release import MANIFEST

    console.print("Gate: it may be promoted." if trained.decision["promote"] else "Gate: it may not be promoted.")
    for reason in trained.decision["reasons"]:
        console.print(f"  {reason}", markup=False, highlight=False)
    estimate = json.loads((trained.release / MANIFEST).read_text())["policy_estimate"]
    console.print(own_policy_in_words(estimate), markup=False, highlight=False)


def train_release(data: Path, places: Places, redis: str, asked: TrainingArguments, console: Console) -> Trained:
    """Run the training pipeline and read what it decided.

    Args:
        data: Dataset folder.
        places: Where the state of this dataset lives.
        redis: `host:port` that features are materialized into.
        asked: What is asked of the run.
        console: Where progress is shown.
    """
    if not data.is_dir():
        raise BadInputError(f"--data {data} is not a folder; expected one with an interactions file")
    for name in asked.models.split(","):
        if name.strip() not in ALL_MODELS.split(","):
            raise BadInputError(f"there is no deep model {name.strip()!r}; --models takes some of {ALL_MODELS}")
    arguments = {
        "dataset_uri": str(data.resolve()),
        "timezone": asked.timezone,
        "max_rejected_share": asked.max_rejected,
        "models": asked.models,
        "preset": asked.preset.value,
        "seed": asked.seed,
        "engine": asked.engine,
        "redis": redis,
        "feast_folder": str(places.feast),
        "releases_uri": str(places.releases),
        "mlflow_uri": places.mlflow(),
    }
    run = run_pipeline("training", arguments, places.runs, console)
    decision = json.loads(run.artifact("gate-release", "decision").read_text())
    return Trained(run, Path(run.output("register-release")), decision)
