"""Proof that an exported graph answers as the model it was made from."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hidden_gems.core.errors import ParityError
from hidden_gems.export.onnx import DEEP, NCF_NAME
from hidden_gems.export.sessions import FEATURES, open_session
from hidden_gems.features.context import CONTEXT_NAMES
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.training.ncf import NCFRecommender
from hidden_gems.training.wide_deep import WideDeepRecommender

DEEP_TOLERANCE, TREES_TOLERANCE = 1e-4, 1e-5
SIZES = (0, 1, 7, 100)
"""Batch sizes that are tried; none of them is the one the graph was exported with."""
TOP = 10

Feed = Mapping[str, NDArray[Any]]


def check_parity(
    name: str, path: Path, expected: Callable[[Feed], NDArray[np.float32]], feeds: Sequence[Feed], tolerance: float
) -> float:
    """Compare a graph's `scores` with a model's on some inputs.

    Args:
        name: What is compared, for the message.
        path: The ONNX file.
        expected: The model's scores of an input.
        feeds: Inputs by name.
        tolerance: Largest absolute difference that passes.

    Returns:
        The largest absolute difference.

    Raises:
        ParityError: If shapes differ, a score is not finite, or a difference is above the tolerance.
    """
    session, worst = open_session(path), 0.0
    for feed in feeds:
        (scores,) = session.run(["scores"], dict(feed))
        model = expected(feed)
        if scores.shape != model.shape:
            raise ParityError(f"{name}: the graph gives scores of size {scores.shape}, the model {model.shape}")
        difference = float(np.abs(scores - model).max(initial=0.0))
        if not difference <= tolerance:
            raise ParityError(f"{name}: graph and model differ by {difference:.2g}, more than {tolerance:g}")
        worst = max(worst, difference)
    return worst


def check_deep(model: NCFRecommender, paths: Mapping[str, Path], *, seed: int = 0) -> dict[str, float]:
    """Compare what `export_deep` wrote with its model; returns the largest difference of each graph.

    Raises:
        ParityError: If they differ.
    """
    random = np.random.default_rng(seed)
    users = model.module.user.num_embeddings

    def draw(names: tuple[str, str], people: int, items: int) -> dict[str, NDArray[Any]]:
        return {
            names[0]: random.integers(users, size=people),
            names[1]: random.integers(len(model.facts), size=items),
            "context": random.normal(size=(people, len(CONTEXT_NAMES))).astype(np.float32),
        }

    def ncf(feed: Feed, item: str) -> NDArray[np.float32]:
        given = {name: torch.from_numpy(np.array(value)) for name, value in feed.items()}
        rows = given[item]
        known = torch.from_numpy(model.facts.attributes)[rows]
        with torch.inference_mode():
            logits = model.module(given["user"], rows, given["context"], known)
            if "history" in given:
                logits = logits + model.module.returns(rows[:, None], given["history"], given["ages"])[:, 0]
        scores: NDArray[np.float32] = logits.numpy()
        return scores

    requests = [draw(("user", "rows"), 1, size) for size in SIZES]
    pairs = []
    for size in SIZES:
        pair = draw(("user", "item"), size, size)
        history, ages = draw_past(random, size, size + 1, len(model.facts))
        history[:, -1] = pair["item"]  # some of what they know
        pairs.append(pair | {"history": history, "ages": ages})
    return {
        DEEP: check_parity(DEEP, paths[DEEP], lambda feed: ncf(feed, "rows")[None], requests, DEEP_TOLERANCE),
        NCF_NAME: check_parity(NCF_NAME, paths[NCF_NAME], lambda feed: ncf(feed, "item"), pairs, DEEP_TOLERANCE),
    }


def draw_past(
    random: np.random.Generator, people: int, length: int, items: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Histories as the graphs read them: item rows, padded on the left, and ages in seconds, people X length each."""
    history = random.integers(1, items, size=(people, length))
    ages = np.sort(random.uniform(0.0, 3e6, size=(people, length)), axis=1)[:, ::-1]
    there = np.arange(length) >= random.integers(length, size=(people, 1))
    return np.where(there, history, 0), np.where(there, ages, 0.0).astype(np.float32)


def check_wide_deep(model: WideDeepRecommender, path: Path, *, seed: int = 0) -> float:
    """Compare what `export_wide_deep` wrote with its model; returns the largest difference.

    Raises:
        ParityError: If they differ.
    """
    random = np.random.default_rng(seed)
    config = model.module.config

    def draw(size: int, length: int) -> Feed:
        history, ages = draw_past(random, 1, length, config.items)
        rows = random.integers(config.items, size=size)
        rows[: length // 2] = history[0, ::-1][: len(rows[: length // 2])]  # some of what they know
        context = random.normal(size=(1, config.context)).astype(np.float32)
        return {
            "user": random.integers(config.users, size=1), "rows": rows, "context": context,
            "history": history, "ages": ages,
        }  # fmt: skip

    def scores(feed: Feed) -> NDArray[np.float32]:
        user, rows, *others = (torch.from_numpy(np.array(value)) for value in feed.values())
        with torch.inference_mode():
            logits: NDArray[np.float32] = model.module(user, rows[None], *others)[0].numpy()
        return logits

    feeds = [draw(size, length) for size, length in zip((*SIZES, 1_000), (1, 2, 50, 7, 1), strict=True)]
    return check_parity("wide_deep", path, scores, feeds, DEEP_TOLERANCE)


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
    worst = check_parity("lambdamart", path, lambda feed: model.score(feed[FEATURES]), feeds, TREES_TOLERANCE)
    (scores,) = open_session(path).run(["scores"], {FEATURES: x})
    ends = np.cumsum(query_sizes)[:-1]
    for ours, theirs in zip(np.split(model.score(x), ends), np.split(scores, ends), strict=True):
        top, exported = (np.argsort(-values, kind="stable")[:TOP] for values in (ours, theirs))
        if np.abs(ours[top] - ours[exported]).max(initial=0.0) > TREES_TOLERANCE:
            raise ParityError("lambdamart: graph and model put different rows into the top 10 of a query")
    return worst
