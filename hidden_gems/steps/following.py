"""Which gems follow which: item-to-item lists of deep models, so that serving finds candidates without a call."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import HOUR_SECONDS
from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.histories import Histories

WIDTH = 50
"""Gems in a list."""
_AT_ONCE = 500


def following(deep: Mapping[str, Any], at: int) -> dict[str, Rows]:
    """Lists by model, best first, each of size I X N with 0 where short; models that say nothing of a pair have none.

    `sasrec`: what comes next for somebody who has been to one place and nowhere else, an hour ago. `graphsage`: the
    gems whose vectors point the same way.

    Args:
        deep: Fitted models, by name.
        at: Second of the request, epoch seconds.
    """
    found = {}
    if "sasrec" in deep:
        found["sasrec"] = _after_one_place(deep["sasrec"], at)
    if "graphsage" in deep:
        table = deep["graphsage"].item_table
        length = np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
        found["graphsage"] = _lists(len(table), lambda rows: (table / length)[rows] @ (table / length).T)
    return found


def _after_one_place(model: Any, at: int) -> Rows:
    """Person i has been to item i alone."""
    count = len(model.facts)
    items = np.arange(1, count)
    hour_ago = np.full(len(items), at - HOUR_SECONDS)
    histories = Histories.of(Interactions(items, items, hour_ago, np.ones(len(items), np.float32), count, count))
    return _lists(
        count, lambda rows: model.catalogue(model.module, rows, Moments.at(np.full(len(rows), at)), histories)
    )


def _lists(items: int, scores: Callable[[Rows], NDArray[np.floating]]) -> Rows:
    """The best of every row of scores but itself, I X N."""
    width = min(WIDTH, max(items - 2, 0))
    found: NDArray[np.int64] = np.zeros((items, width), dtype=np.int64)
    for start in range(1, items, _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, items))
        table = np.array(scores(rows), dtype=np.float32)
        table[:, 0], table[np.arange(len(rows)), rows] = -np.inf, -np.inf
        found[rows] = np.argsort(-table, axis=1, kind="stable")[:, :width]
    return found
