"""Steps that prepare data and fit models."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

import numpy as np

from hidden_gems.benchmark.registry import DEEP
from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.core.addresses import is_local, store
from hidden_gems.core.erasures import everyone
from hidden_gems.core.errors import BadInputError
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.core.redis_access import RedisAccess
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.erased import without_erased
from hidden_gems.datasets.split import split_by_time
from hidden_gems.features.engines import EngineConfig, engine_name
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.features.stream import remember_answers
from hidden_gems.models.size import Preset
from hidden_gems.training import training_set as training_sets
from hidden_gems.training.deep import DeepRecommender
from hidden_gems.training.saved import load_deep
from hidden_gems.training.training_set import TrainingSet, TrainingSetConfig

STRONGEST = 5
SAMPLE, SAMPLE_QUERIES = "sample.npz", 100
"""Vectors beside the ranker that its exported form is compared on."""


def open_shelf(checked: Path, seed: int, preset: Preset = "auto") -> Shelf:
    """Models of a checked dataset with the cut-offs that every step uses."""
    dataset = Dataset.read(checked)
    return Shelf(dataset, split_by_time(dataset), seed, preset)


def build_training_set(checked: Path, out: Path, seed: int, engine: str = "duckdb") -> dict[str, float]:
    """Write the ranker's training set.

    Args:
        checked: Folder of the checked dataset.
        out: Folder of the training set.
        seed: Of the draw of queries and negatives.
        engine: What labels and counts, `duckdb` or `spark`; the rows are the same.

    Returns:
        queries, rows, and share of rows with a label above 0.
    """
    shelf = open_shelf(checked, seed)
    config = TrainingSetConfig(seed=seed, engine=EngineConfig(engine_name(engine)))
    examples = training_sets.build_training_set(shelf.dataset, shelf.split, shelf.candidates, config)
    examples.write(out)
    rows = len(examples.marks)
    positive = float((examples.marks["label"] > 0).mean()) if rows else 0.0
    return {"queries": len(examples.queries), "rows": rows, "positive_share": positive}


def materialize_features(checked: Path, redis: str, address: str | Path) -> dict[str, int]:
    """Materialize everyone's rows as of the dataset's now, and let the stream know what was answered before it.

    Who was erased stays out, whatever the dataset still knows of them.

    Args:
        checked: Folder of the checked dataset.
        redis: `host:port`; see `RedisAccess.told`.
        address: Folder of the offline rows, any fsspec address; also of the registry, unless GEMS_FEAST_REGISTRY is set
            to its SQL address.

    Returns:
        users, items, and rows replaced.
    """
    return materialize_dataset(Dataset.read(checked), redis, address)


def materialize_dataset(dataset: Dataset, redis: str, address: str | Path, at: int | None = None) -> dict[str, int]:
    """See `materialize_features`; `at` is another moment than the dataset's now, in its times."""
    from hidden_gems.features.feast_store import materialize
    from hidden_gems.features.snapshot import answers

    access = RedisAccess.told(redis)
    keys = RedisKeyValue(access)
    dataset = without_erased(dataset, {each.person: each.at for each in everyone(keys)})
    at = dataset.now if at is None else at
    remember_answers(answers(dataset, at), keys)
    registry = os.environ.get("GEMS_FEAST_REGISTRY", "")
    if is_local(address):
        return materialize(dataset, at, redis=access, folder=Path(address), registry=registry)
    with tempfile.TemporaryDirectory() as scratch:
        counts = materialize(dataset, at, redis=access, folder=Path(scratch), registry=registry)
        store(Path(scratch), address)
    return counts


def cut_off(shelf: Shelf, until: str) -> int:
    """The moment where what a model learns from ends.

    Args:
        shelf: Of the dataset.
        until: `rank`: the slice of time that the ranker learns from; `test`: the test; `now`: the end.

    Raises:
        BadInputError: If `until` is none of these, or nothing before the moment can be learned from.
    """
    cuts = {"rank": shelf.split.rank_from, "test": shelf.split.test_from, "now": shelf.dataset.now}
    if until not in cuts:
        raise BadInputError(f"until must be one of {', '.join(cuts)}, got {until!r}")
    if not len(shelf.log(cuts[until]).user):
        raise BadInputError(
            f"{shelf.dataset.about.name} has no visit, like or other positive interaction before {cuts[until]} "
            "(epoch seconds, or an order), where the models learn; bring a longer history"
        )
    return cuts[until]


CUTS = ("rank", "test")
"""Folders of a trained model: fitted before the slice that the ranker learns from, and before the test."""


def train_model(
    checked: Path, out: Path, name: str, preset: str, seed: int, accelerator: str = "cpu"
) -> dict[str, float]:
    """Fit a deep model before each cut-off and write both; the first fit chooses for both.

    Args:
        checked: Folder of the checked dataset.
        out: Folder of the models, `rank` and `test` in it.
        name: Of the model.
        preset: Its sizes.
        seed: Of everything random.
        accelerator: Of Lightning Fabric, `cpu` or `gpu`.

    Returns:
        epochs, loss of the last, and the best validation value; 0 where there was none.

    Raises:
        BadInputError: If there is no such preset, or nothing before a cut-off can be learned from.
    """
    if preset not in get_args(Preset):
        raise BadInputError(f"preset must be one of {', '.join(get_args(Preset))}, got {preset!r}")
    shelf = open_shelf(checked, seed, cast(Preset, preset))
    first, last = (shelf.log(cut_off(shelf, cut)) for cut in CUTS)
    model = shelf.make(name, last)
    assert isinstance(model, DeepRecommender)
    loop = replace(model.settings.loop, accelerator=accelerator)
    model.settings = replace(model.settings, loop=loop)
    print("progress: 0.000 before the ranker's slice", flush=True)
    model.fit(first).save(out / CUTS[0])
    print("progress: 0.600 before the test", flush=True)
    model.refit(last).save(out / CUTS[1])
    losses = model.reports[-1].losses if model.reports else []  # a model may choose not to learn at all
    return {
        "epochs": len(losses),
        "loss": losses[-1] if losses else 0.0,
        "validation": max((value for report in model.reports for value in report.validations), default=0.0),
    }


def trained(models: Path) -> tuple[str, ...]:
    """Names of the deep models that a run trained, in the order of the served graph."""
    return tuple(name for name in DEEP if (models / name / CUTS[0]).is_dir())


def keep_models(shelf: Shelf, models: Path) -> tuple[str, ...]:
    """Put the deep models of a run on the shelf.

    Args:
        shelf: Of the same checked dataset.
        models: What `fit_blend` gathered.

    Returns:
        Their names, in the order of the served graph.
    """
    shelf.deep = trained(models)
    for name in shelf.deep:
        for cut, before in zip(CUTS, (shelf.split.rank_from, shelf.split.test_from), strict=True):
            shelf.keep(name, before, load_deep(models / name / cut))
    return shelf.deep


def fit_lambdamart(checked: Path, training_set: Path, models: Path, out: Path, seed: int) -> dict[str, float]:
    """Fit the ranker and write it.

    Args:
        checked: Folder of the checked dataset.
        training_set: What `build_training_set` wrote.
        models: What `fit_blend` gathered; scores of the models fitted before the ranker's slice are features.
        out: Folder of the ranker.
        seed: Of everything random.

    Returns:
        trees, queries, and the share of the gain of the strongest features by name.
    """
    shelf = open_shelf(checked, seed)
    keep_models(shelf, models)
    shelf.training_set = TrainingSet.read(training_set)
    rows, ranker = shelf.ranking_rows(), shelf.ranker
    ranker.save(out)
    whole = int(rows.query_sizes[:SAMPLE_QUERIES].sum())
    np.savez(out / SAMPLE, vectors=rows.x[:whole], query_sizes=rows.query_sizes[:SAMPLE_QUERIES])
    gain = dict(zip(FEATURE_NAMES, ranker.gain_shares(), strict=True))
    strongest = sorted(gain, key=lambda name: -gain[name])[:STRONGEST]
    return {"trees": ranker.trees, "queries": len(shelf.training_set.queries)} | {
        f"gain_{name}": gain[name] for name in strongest
    }
