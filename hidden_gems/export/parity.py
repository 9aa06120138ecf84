"""Proof that an exported graph answers as the model it was made from."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.errors import ParityError
from hidden_gems.export.onnx import DEEP, VECTOR_OF, served_order
from hidden_gems.export.references import REFERENCES, Feed
from hidden_gems.export.sessions import FEATURES, SCORES, open_session
from hidden_gems.features.context import CONTEXT_NAMES
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.training.saved import AnyDeep

DEEP_TOLERANCE, TREES_TOLERANCE = 1e-4, 1e-5
TOP = 10
_WEEK = 7.0 * DAY_SECONDS

Outputs = Mapping[str, NDArray[np.float32]]


class Size(NamedTuple):
    """Size of a request."""

    candidates: int
    history: int
    newer: int = 0  # gems that are newer than the release
    padded: bool = False  # whether nothing of the history is there


SIZES = (
    Size(0, 1), Size(1, 1), Size(7, 50, 3), Size(100, 0), Size(100, 50, 40), Size(100, 17, 1, padded=True),
    Size(333, 200), Size(1_000, 50, 2),
)  # fmt: skip
"""Requests that are tried; none of them has the size that the graph was exported with."""


def check_parity(
    name: str, path: Path, expected: Callable[[Feed], Outputs], feeds: Sequence[Feed], tolerance: float
) -> float:
    """Compare a graph's outputs with a model's on some inputs.

    Args:
        name: What is compared, for the message.
        path: The ONNX file.
        expected: What the model says, by the name of the output.
        feeds: Inputs by name.
        tolerance: Largest absolute difference that passes.

    Returns:
        The largest absolute difference.

    Raises:
        ParityError: If shapes differ, a number is not finite, or a difference is above the tolerance.
    """
    session, worst = open_session(path), 0.0
    for feed in feeds:
        wanted = expected(feed)
        for output, found in zip(wanted, session.run(list(wanted), dict(feed)), strict=True):
            model = wanted[output]
            if found.shape != model.shape:
                raise ParityError(f"{name}: the graph gives {output} of size {found.shape}, the model {model.shape}")
            difference = float(np.abs(found - model).max(initial=0.0))
            if not difference <= tolerance:
                raise ParityError(f"{name}: graph and model differ by {difference:.2g}, more than {tolerance:g}")
            worst = max(worst, difference)
    return worst


def check_deep(models: Mapping[str, AnyDeep], paths: Mapping[str, Path], *, seed: int = 0) -> dict[str, float]:
    """Compare what `export_deep` wrote with its models; returns the largest difference of each graph.

    Raises:
        ParityError: If they differ.
    """
    models = served_order(models)
    graphs = {DEEP: models} | {name: {name: model} for name, model in models.items()}
    found = {}
    for name, held in graphs.items():
        random = np.random.default_rng(seed)
        feeds = [draw_request(held, size, random) for size in SIZES]
        found[name] = check_parity(name, paths[name], partial(_said, held), feeds, DEEP_TOLERANCE)
    return found


def draw_request(models: Mapping[str, AnyDeep], size: Size, random: np.random.Generator) -> Feed:
    """A made up request of some size, the first quarter of its history padded."""
    facts = next(iter(models.values())).facts
    there = np.arange(size.history) >= (size.history if size.padded else size.history // 4)
    history = random.integers(1, len(facts), size=(1, size.history)) * there
    return {
        "user": random.integers(_people(models), size=1),
        "rows": random.integers(len(facts) + size.newer, size=size.candidates),
        "context": random.normal(size=(1, len(CONTEXT_NAMES))).astype(np.float32),
        "history": history,
        "ages": (np.sort(random.exponential(_WEEK, history.shape))[:, ::-1] * there).astype(np.float32),
        "new": random.random((size.newer, facts.attributes.shape[1])).astype(np.float32),
    }


def _people(models: Mapping[str, AnyDeep]) -> int:
    """Rows of people that every model has."""
    tables = [model.module.user for model in models.values() if hasattr(model.module, "user")]
    return min((table.num_embeddings for table in tables), default=1)


def _said(models: Mapping[str, AnyDeep], feed: Feed) -> Outputs:
    """What the models themselves say to a request."""
    told = {name: REFERENCES[name](model, feed) for name, model in models.items()}
    attention = next((said.attention for said in told.values() if said.attention is not None), None)
    return {
        "scores": np.stack([said.scores for said in told.values()]),
        "attention": np.zeros(feed["history"].shape, dtype=np.float32) if attention is None else attention,
        "vector": told[next(name for name in VECTOR_OF if name in models)].vector,
    }


def check_trees(model: LambdaMART, path: Path, x: NDArray[np.float32], query_sizes: NDArray[np.int64]) -> float:
    """Compare what `export_lambdamart` wrote with its model, on rows as they are and with a fifth of them missing.

    Besides the scores, the top 10 of each query must be the same; two rows may change places where the model scores
    them within the tolerance of each other.

    Args:
        model: The fitted trees.
        path: The ONNX file.
        x: Features, float32, size n X F.
        query_sizes: Rows of each query; they add up to n.

    Raises:
        ParityError: If they differ.
    """
    gaps = np.where(np.random.default_rng(0).random(x.shape) < 0.2, np.float32(np.nan), x)
    feeds = [{FEATURES: rows} for rows in (x, gaps, x[:1], x[:0])]

    def expected(feed: Feed) -> Outputs:
        return {SCORES: model.score(feed[FEATURES])}

    worst = check_parity("lambdamart", path, expected, feeds, TREES_TOLERANCE)
    (scores,) = open_session(path).run([SCORES], {FEATURES: x})
    ends = np.cumsum(query_sizes)[:-1]
    for ours, theirs in zip(np.split(model.score(x), ends), np.split(scores, ends), strict=True):
        top, exported = (np.argsort(-values, kind="stable")[:TOP] for values in (ours, theirs))
        if np.abs(ours[top] - ours[exported]).max(initial=0.0) > TREES_TOLERANCE:
            raise ParityError("lambdamart: graph and model put different rows into the top 10 of a query")
    return worst
