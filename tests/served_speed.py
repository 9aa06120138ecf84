"""The served graph against torch eager, measured by `make latency`: each deep model of the plan's sizes, one thread.

The models have not learned: speed follows from sizes alone. Eager includes turning arrays into tensors, some 0.02 ms a
request. CPU seconds of the thread, the median of five rounds that take turns, so that other work on the machine counts
little. Parity comes first: a fast graph that says something else is worth nothing.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from hidden_gems.benchmark.registry import DEEP
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.export.onnx import export_deep
from hidden_gems.export.parity import Size, check_deep, draw_request
from hidden_gems.export.references import REFERENCES
from hidden_gems.export.sessions import open_session
from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.size import DataSize

PEOPLE, ITEMS, EVENTS, ATTRIBUTES = 3_001, 5_001, 40_000, 130
HISTORY, CANDIDATES = 50, (100, 500)
ROUNDS, CALLS = 5, 60


def models() -> dict[str, Any]:
    """Every deep model of the plan's sizes, with no epoch behind it."""
    random = np.random.default_rng(0)
    when = np.sort(random.integers(1_700_000_000, 1_710_000_000, EVENTS))
    user, item = random.integers(1, PEOPLE, EVENTS), random.integers(1, ITEMS, EVENTS)
    log = Interactions(user, item, when, np.ones(EVENTS, np.float32), PEOPLE, ITEMS)
    place = np.column_stack([41.0 + 0.2 * random.random(ITEMS), 29.0 + 0.2 * random.random(ITEMS)])
    attributes = (random.random((ITEMS, ATTRIBUTES)) < 0.1).astype(np.float32)
    facts = ItemFacts(attributes, place, random.integers(1, 18, ITEMS), random.integers(1, 40, ITEMS))
    found = {}
    for name, make in DEEP.items():
        model: Any = make(facts, DataSize.of(log), "plan", 0)
        model.settings = replace(model.settings, loop=replace(model.settings.loop, epochs=0))
        found[name] = model.refit(log)
    return found


def milliseconds(call: Callable[[], object]) -> float:
    """Median of the thread's time a call."""
    taken = []
    for _ in range(CALLS):
        began = time.thread_time()
        call()
        taken.append(time.thread_time() - began)
    return 1_000.0 * median(taken)


def main() -> None:
    """Print parity, then milliseconds of both and their ratio."""
    torch.set_num_threads(1)
    made = models()
    with TemporaryDirectory() as folder:
        paths = export_deep(made, Path(folder) / "graphs")
        print("largest difference:", {name: f"{value:.1e}" for name, value in check_deep(made, paths).items()})
        for count in CANDIDATES:
            for name, path in paths.items():
                row(name, path, made if name == "deep" else {name: made[name]}, count)


def row(name: str, path: Path, held: dict[str, Any], count: int) -> None:
    """One line of the table."""
    random = np.random.default_rng(1)
    feed = dict(draw_request(held, Size(count, HISTORY), random))
    feed["history"][0] = random.integers(1, ITEMS, HISTORY)
    feed["ages"] = np.sort(random.exponential(7 * DAY_SECONDS, (1, HISTORY)))[:, ::-1].astype(np.float32)
    session = open_session(path)

    def graph() -> None:
        session.run(None, feed)

    def eager() -> None:
        with torch.inference_mode():
            for each, model in held.items():
                REFERENCES[each](model, feed)

    for call in (graph, eager):
        call()
    rounds = [(milliseconds(graph), milliseconds(eager)) for _ in range(ROUNDS)]
    ours, theirs = (median(column) for column in zip(*rounds, strict=True))
    print(
        f"{count} candidates  {name:10s} graph {ours:.3f} ms  eager {theirs:.3f} ms  {theirs / ours:.1f} x", flush=True
    )


if __name__ == "__main__":
    main()
