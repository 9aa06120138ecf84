"""The step that tells MLflow about a release."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hidden_gems.export import depot, starter
from hidden_gems.export import release as releases
from hidden_gems.training.tracking import artifact_folder

MODEL = "hidden-gems"
CANDIDATE = "candidate"


@dataclass(frozen=True)
class Registered:
    """Where a release is in the registry."""

    run_id: str
    version: str
    alias: str  # empty for a release that did not pass its gate

    def markdown(self) -> str:
        """For people."""
        alias = f" as `{self.alias}`" if self.alias else ", without an alias: its gate holds it back"
        return f"Model `{MODEL}` version {self.version}{alias}, run `{self.run_id}`.\n"


def register(release: Path, address: str, tracking_uri: str) -> Registered:
    """Register a release; one that passed its gate is the candidate, and stable where there is no stable one yet.

    Args:
        release: Folder of the release on this machine.
        address: Of the releases of this dataset with their pointers, any fsspec address.
        tracking_uri: Address of MLflow.

    Raises:
        ReleaseError: If the release is not whole.
    """
    from mlflow import MlflowClient

    logging.getLogger("alembic").setLevel(logging.WARNING)
    about = releases.load(release)
    artifacts = artifact_folder(tracking_uri)
    client = MlflowClient(tracking_uri)
    name = model_name(about.dataset.name)
    experiment = client.get_experiment_by_name(name)
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(name, artifacts)
    run = client.create_run(experiment_id, run_name=about.version)
    for key, value in {
        "dataset": about.dataset.name,
        "fingerprint": about.dataset.fingerprint,
        "simulated": about.dataset.simulated,
        "seed": about.seed,
        "git_sha": about.git_sha,
    }.items():
        client.log_param(run.info.run_id, key, value)
    for figure in about.metrics["figures"]:
        if figure["value"] is not None:
            key = (
                "/".join((figure["protocol"], figure["model"], figure["metric"])).replace(",", "").replace("@", " at ")
            )
            client.log_metric(run.info.run_id, key, figure["value"])
    client.log_dict(run.info.run_id, json.loads((release / releases.MANIFEST).read_text()), releases.MANIFEST)
    _ensure_model(client, name)
    version = client.create_model_version(name, source=f"{address.rstrip('/')}/{about.version}", run_id=run.info.run_id)
    promoted = bool(about.decision["promote"])
    if promoted:
        client.set_registered_model_alias(name, CANDIDATE, version.version)
        if depot.named(address) in (None, starter.VERSION):
            depot.name(address, "stable", about.version)
    client.set_terminated(run.info.run_id)
    return Registered(run.info.run_id, str(version.version), CANDIDATE if promoted else "")


def model_name(dataset: str) -> str:
    """Name of a dataset's model in the registry, which knows no `/` and `:` in names."""
    return f"{MODEL}-{dataset}".replace("/", "-").replace(":", "-")


def _ensure_model(client: Any, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:  # a search for the name would trip over a quotation mark in it
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
