"""The step that fits one deep model by its name, in as many processes as it is started in."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from hidden_gems.benchmark.registry import DEEP
from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.core.addresses import fetch, store
from hidden_gems.core.checkout import git_sha
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.models.size import DataSize, Preset
from hidden_gems.steps.learning import cut_off, open_shelf
from hidden_gems.training.deep import DeepRecommender
from hidden_gems.training.distributed import is_first, processes
from hidden_gems.training.loop import Epoch, Progress
from hidden_gems.training.settings import settings_from
from hidden_gems.training.tracking import TrackedRun
from hidden_gems.training.tune import tune

REPORT = "training.json"


@dataclass(frozen=True)
class FitConfig:
    """Which model, on what, and how; folders are any fsspec address."""

    model: str  # name of a deep model on the shelf
    until: str = "test"  # `rank`: before the ranker's slice; `test`: before the test; `now`: everything
    seed: int = 0
    preset: Preset = "auto"
    settings: str = ""  # JSON file with settings that take the place of the preset's, as a search wrote it
    loop: dict[str, Any] = field(default_factory=dict)  # fields of the loop's config that take the place of the model's
    checkpoint: str = ""  # folder; empty: none
    mlflow: str = ""  # tracking address; empty: none
    tune_seconds: float = 0.0  # search for settings that long before the fit
    tuning: str = ""  # folder of the search, on this machine


def fit_deep(
    checked: str,
    out: str,
    config: FitConfig,
    *,
    progress: Callable[[Progress], None] | None = None,
    watch: Callable[[str, Epoch], None] | None = None,
) -> dict[str, Any]:
    """Fit a deep model and write its folder; under `torchrun` all processes learn, and the first one writes.

    Args:
        checked: Folder of the checked dataset, any fsspec address.
        out: Folder of the model, any fsspec address.
        config: Which model and how.
        progress: Told after every step.
        watch: Told after every epoch, with its phase, `search` or `fit`.

    Returns:
        model, processes, epochs, loss, validation (0 where there was none), seconds, peak_bytes and the SHA-256 of
        the parameters.

    Raises:
        BadInputError: If there is no such model, its settings or the cut-off are wrong, or there is nothing to learn.
    """
    with tempfile.TemporaryDirectory() as folder:
        shelf = open_shelf(fetch(checked, Path(folder)) if "://" in checked else Path(checked), config.seed)
    log = shelf.log(cut_off(shelf, config.until))
    model = deep_model(config, shelf, log)
    model.progress = progress
    if config.tune_seconds:
        _tune(model, log, config)
    if is_first() and config.mlflow:
        about = {"dataset": shelf.dataset.about.name, "fingerprint": shelf.dataset.about.fingerprint}
        parameters = {
            **asdict(config),
            **about,
            "settings": model.plain,
            "git_sha": git_sha(),
            "processes": processes(),
        }
        with TrackedRun(config.mlflow, config.model, parameters) as run:
            model.watch = _both(watch, run.watch)
            model.fit(log)
            run.finish(model.reports)
    else:
        model.watch = watch
        model.fit(log)
    report = _report(model)
    if is_first():
        _write(model, report, out)
    return report


def deep_model(config: FitConfig, shelf: Shelf, log: Interactions) -> DeepRecommender[Any, Any]:
    """The model of the shelf, not fitted, with the settings that the config asks for.

    Raises:
        BadInputError: If there is no deep model of that name, or no such setting.
    """
    if config.model not in DEEP:
        raise BadInputError(f"there is no deep model {config.model!r}; the shelf has {', '.join(DEEP)}")
    model = DEEP[config.model](shelf.facts, DataSize.of(log), config.preset, config.seed)
    assert isinstance(model, DeepRecommender)
    if config.settings:
        values = json.loads(Path(config.settings).read_text())
        model.settings = settings_from(type(model.settings), values)
    loop = asdict(model.settings.loop) | config.loop
    model.settings = replace(model.settings, loop=settings_from(type(model.settings.loop), loop))
    model.checkpoint = config.checkpoint or None
    return model


def _tune(model: DeepRecommender[Any, Any], log: Interactions, config: FitConfig) -> None:
    if processes() > 1:
        raise BadInputError("a search for settings runs in one process; start it without torchrun")
    if not config.tuning:
        raise BadInputError("a search for settings needs a folder to keep it in")
    found = tune(model, log, config.tune_seconds, folder=Path(config.tuning))
    found.write(Path(config.tuning))
    model.settings = settings_from(type(model.settings), found.settings)


def _both(
    watch: Callable[[str, Epoch], None] | None, track: Callable[[str, Epoch], None]
) -> Callable[[str, Epoch], None]:
    def call(phase: str, epoch: Epoch) -> None:
        track(phase, epoch)
        if watch is not None:
            watch(phase, epoch)

    return call


def _report(model: DeepRecommender[Any, Any]) -> dict[str, Any]:
    last = model.reports[-1]
    return {
        "model": model.name,
        "processes": processes(),
        "epochs": len(last.losses),
        "loss": last.losses[-1],
        "validation": max((value for report in model.reports for value in report.validations), default=0.0),
        "seconds": round(sum(report.seconds for report in model.reports), 3),
        "peak_bytes": max(report.peak_bytes for report in model.reports),
        "parameters_sha256": parameters_sha256(model.module),
    }


def parameters_sha256(module: nn.Module) -> str:
    """Hash of names and values of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _write(model: DeepRecommender[Any, Any], report: dict[str, Any], out: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        told = report | {"curves": [asdict(each) for each in model.reports]}
        (Path(folder) / REPORT).write_text(json.dumps(told, indent=2) + "\n")
        store(Path(folder), out)
