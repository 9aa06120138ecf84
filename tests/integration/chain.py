"""The whole chain on a small simulated city, step by step, with a real Redis: what the tests of the chain look at."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.cli.processes import redis_server
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.validation import check_folder
from hidden_gems.models.histories import Remembers
from hidden_gems.simulation.write import simulate
from hidden_gems.steps import blending, gating, judging, learning, packing
from hidden_gems.steps.registry import Registered, register
from hidden_gems.training.saved import AnyDeep, load_deep

CITY = "Ayşe's city: small"
PEOPLE, DAYS, SEED = 120, 30, 0
DEEP_NAMES = ("ncf", "sasrec", "graphsage")


@dataclass(frozen=True)
class Chain:
    """Two releases: the first passed its gate, the second is judged worse than the first."""

    root: Path
    redis: str
    parts: packing.Parts
    releases: tuple[Path, Path]
    registered: tuple[Registered, Registered]

    @property
    def dataset(self) -> Dataset:
        return Dataset.read(self.parts.checked)

    @property
    def shelf(self) -> Shelf:
        return learning.open_shelf(self.parts.checked, SEED)

    def deep(self) -> dict[str, AnyDeep]:
        """The models fitted before the test; their histories go up to now."""
        models = {name: load_deep(self.parts.models / name / "test") for name in DEEP_NAMES}
        for model in models.values():
            if isinstance(model, Remembers):
                model.remember(self.shelf.everything)
        return models

    @property
    def folder(self) -> Path:
        return self.root / "releases"

    @property
    def mlflow(self) -> str:
        return f"sqlite:///{self.root / 'mlflow' / 'mlflow.db'}"

    def decide(self, evaluation: Path, name: str) -> Path:
        decision = self.root / name
        gating.gate_release(evaluation, str(self.folder), decision, SEED)
        return decision


def learn(folder: Path, root: Path, redis: str) -> packing.Parts:
    """Every step of the training pipeline up to the evaluation."""
    parts = packing.Parts(
        *(root / name for name in ("checked", "models", "ranker", "evaluation", "page.html", "decision.json"))
    )
    check_folder(folder, pseudonyms=Pseudonyms(b"test")).write(parts.checked)
    learning.build_training_set(parts.checked, root / "set", SEED)
    learning.materialize_features(parts.checked, redis, root / "feast")
    trained = {name: root / "trained" / name for name in DEEP_NAMES}
    for name, out in trained.items():
        learning.train_model(parts.checked, out, name, "auto", SEED)
    blending.fit_blend(parts.checked, trained, parts.models, SEED)
    learning.fit_lambdamart(parts.checked, root / "set", parts.models, parts.ranker, SEED)
    judging.evaluate_models(parts.checked, parts.models, parts.ranker, parts.evaluation, parts.page, SEED)
    return parts


@contextmanager
def built(root: Path) -> Iterator[Chain]:
    """Everything, built once."""
    simulate(root / CITY, PEOPLE, DAYS, SEED)
    with redis_server(root / "redis") as redis:
        parts = learn(root / CITY, root, redis)
        chain = Chain(root, redis, parts, (), ())  # type: ignore[arg-type]
        good = scaled(parts.evaluation, root / "good", "popular", 0.1)
        bad = scaled(good, root / "bad", "lambdamart", 0.5)
        releases, registered = [], []
        for evaluation in (good, bad):
            decision = chain.decide(evaluation, f"{evaluation.name}.json")
            release = packing.build_release(
                replace(parts, evaluation=evaluation, decision=decision), str(chain.folder), redis, SEED
            )
            releases.append(release)
            registered.append(register(release, str(chain.folder), chain.mlflow))
        yield replace(chain, releases=tuple(releases), registered=tuple(registered))


def scaled(evaluation: Path, out: Path, model: str, factor: float) -> Path:
    """The same evaluation in which one model's values of each person are `factor` times what they were."""
    shutil.copytree(evaluation, out)
    with np.load(evaluation / gating.VALUES) as file:
        values = {
            name: file[name] * factor if name.startswith(f"{model}/") and not name.endswith("/people") else file[name]
            for name in file.files
        }
    np.savez(out / gating.VALUES, **values)
    return out
