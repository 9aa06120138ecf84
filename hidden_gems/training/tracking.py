"""Runs of training in MLflow; nothing else in training knows it."""

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hidden_gems.training.loop import Epoch, Report

EXPERIMENT = "hidden-gems-training"


class TrackedRun:
    """A run in MLflow: parameters when it opens, curves while it learns, a plot and the costs at its end.

    A context manager; a run that an exception leaves is marked as failed.

    Args:
        uri: Tracking address, as `http://mlflow:5000` or `sqlite:////runs/mlflow.db`.
        name: Of the run, as `ncf`.
        parameters: Settings, nested dictionaries of plain values, and what else decides about the result.
        experiment: Made if it is not there.
    """

    def __init__(self, uri: str, name: str, parameters: Mapping[str, Any], experiment: str = EXPERIMENT) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import Param

        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.client = MlflowClient(uri)
        found = self.client.get_experiment_by_name(experiment)
        number = found.experiment_id if found else self.client.create_experiment(experiment, artifact_folder(uri))
        self.run_id: str = self.client.create_run(number, run_name=name).info.run_id
        flat = [Param(key, str(value)) for key, value in flattened(parameters).items()]
        self.client.log_batch(self.run_id, params=flat)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.set_terminated(self.run_id, "FINISHED" if kind is None else "FAILED")

    def watch(self, phase: str, epoch: Epoch) -> None:
        """Log an epoch: `phase/loss`, `phase/learning_rate` and, where there is one, `phase/validation`."""
        values = {"loss": epoch.loss, "learning_rate": epoch.rate}
        if epoch.validation is not None:
            values["validation"] = epoch.validation
        self._log({f"{phase}/{key}": value for key, value in values.items()}, epoch.number)

    def finish(self, reports: Sequence[Report]) -> None:
        """Log the plot of the curves and what training cost.

        Args:
            reports: Of the searches, if there were any, and of the last fit.
        """
        self.client.log_figure(self.run_id, learning_curves(reports), "learning_curve.png")
        seconds = sum(report.seconds for report in reports)
        self._log({"seconds": seconds, "peak_bytes": max(report.peak_bytes for report in reports)}, 0)

    def _log(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = round(time.time() * 1000)
        metrics = [Metric(key, float(value), now, step) for key, value in values.items()]
        self.client.log_batch(self.run_id, metrics=metrics)


def learning_curves(reports: Sequence[Report]) -> Any:
    """Loss and validation value, epoch by epoch, as a matplotlib figure; the best epoch has a line.

    Args:
        reports: Of the searches, if there were any, and of the last fit.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, report in enumerate(reports, start=1):
        phase = "fit" if number == len(reports) else "search"
        left.plot(range(1, len(report.losses) + 1), report.losses, marker=".", label=phase)
        if report.validations:
            right.plot(range(1, len(report.validations) + 1), report.validations, marker=".", label=phase)
            right.axvline(report.best_epoch, color="grey", linestyle=":", linewidth=1)
    for axes, title in ((left, "loss"), (right, "validation")):
        axes.set_title(title)
        axes.set_xlabel("epoch")
        if axes.lines:
            axes.legend()
    return figure


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one level.

    Examples:
        >>> flattened({"width": 8, "loop": {"batch": 64}})
        {'width': 8, 'loop.batch': 64}
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flattened(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def artifact_folder(uri: str) -> str | None:
    """Folder for artifacts beside a database file, which is made with its parents; a server knows its own."""
    if not uri.startswith("sqlite:///"):
        return None
    folder = Path(uri.removeprefix("sqlite:///")).parent
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / "mlartifacts").as_uri()
