"""Steps that prepare data and fit models."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hidden_gems.benchmark.registry import DEEP
from hidden_gems.benchmark.shelf import Shelf
from hidden_gems.core.errors import BadInputError
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.split import split_by_time
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.features.stream import remember_answers
from hidden_gems.training.deep import DeepRecommender
from hidden_gems.training.saved import load_deep
from hidden_gems.training.training_set import TrainingSet

STRONGEST = 5
SAMPLE, SAMPLE_QUERIES = "sample.npz", 100
"""Vectors beside the ranker that its exported form is compared on."""


def open_shelf(checked: Path, seed: int, deep: Sequence[str] = ("ncf",)) -> Shelf:
    """Models of a checked dataset with the cut-offs that every step uses; `deep` are those the ranker sees."""
    dataset = Dataset.read(checked)
    return Shelf(dataset, split_by_time(dataset), seed, deep=deep)


def build_training_set(checked: Path, out: Path, seed: int) -> dict[str, float]:
    """Write the ranker's training set.

    Returns:
        queries, rows, and share of rows with a label above 0.
    """
    examples = open_shelf(checked, seed).training_set
    examples.write(out)
    rows = len(examples.marks)
    positive = float((examples.marks["label"] > 0).mean()) if rows else 0.0
    return {"queries": len(examples.queries), "rows": rows, "positive_share": positive}


def materialize_features(checked: Path, redis: str, folder: Path) -> dict[str, int]:
    """Materialize everyone's rows as of the dataset's now, and let the stream know what was answered before it.

    Returns:
        users, items, and rows replaced.
    """
    from hidden_gems.features.feast_store import materialize
    from hidden_gems.features.snapshot import answers

    dataset = Dataset.read(checked)
    remember_answers(answers(dataset, dataset.now), RedisKeyValue(redis))
    return materialize(dataset, dataset.now, redis=redis, folder=folder)


def train_deep(name: str, checked: Path, out: Path, until: str, seed: int) -> dict[str, float]:
    """Fit a deep model before a cut-off and write it.

    Args:
        name: Of the model.
        checked: Folder of the checked dataset.
        out: Folder of the model.
        until: `rank` or `test`.
        seed: Of everything random.

    Returns:
        epochs, loss of the last, and the best validation value (0 where there was none).

    Raises:
        BadInputError: If there is no such model, `until` is neither, or nothing before the cut-off can be learned from.
    """
    if name not in DEEP:
        raise BadInputError(f"there is no deep model {name!r}; there are {', '.join(DEEP)}")
    shelf = open_shelf(checked, seed)
    cuts = {"rank": shelf.split.rank_from, "test": shelf.split.test_from}
    if until not in cuts:
        raise BadInputError(f"until must be one of {', '.join(cuts)}, got {until!r}")
    if not len(shelf.log(cuts[until]).user):
        raise BadInputError(
            f"{shelf.dataset.about.name} has no visit, like or other positive interaction before {cuts[until]} "
            "(epoch seconds, or an order), where the models learn; bring a longer history"
        )
    model = shelf.model(name, cuts[until])
    assert isinstance(model, DeepRecommender)
    model.save(out)
    search, fit = model.reports[0], model.reports[-1]
    return {
        "epochs": len(fit.losses),
        "loss": fit.losses[-1],
        "validation": max(search.validations, default=0.0),
    }


def fit_lambdamart(
    checked: Path, training_set: Path, deep: Mapping[str, Path], out: Path, seed: int
) -> dict[str, float]:
    """Fit the ranker and write it.

    Args:
        checked: Folder of the checked dataset.
        training_set: What `build_training_set` wrote.
        deep: Deep models fitted before the ranker's slice, by name; their scores are features.
        out: Folder of the ranker.
        seed: Of everything random.

    Returns:
        trees, queries, and the share of the gain of the strongest features by name.
    """
    shelf = open_shelf(checked, seed, tuple(deep))
    for name, folder in deep.items():
        shelf.keep(name, shelf.split.rank_from, load_deep(folder))
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
