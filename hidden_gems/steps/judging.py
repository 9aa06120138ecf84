"""The step that judges models."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hidden_gems.benchmark.evaluate import evaluate
from hidden_gems.evaluation.report import page as render_page
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.steps.gating import FIGURES, RELEASED, VALUES
from hidden_gems.steps.learning import open_shelf
from hidden_gems.training.saved import load_deep


def evaluate_models(
    checked: Path,
    deep: Mapping[str, Path],
    deep_before: Mapping[str, Path],
    ranker: Path,
    out: Path,
    page: Path,
    seed: int,
) -> dict[str, float]:
    """Judge the models of a run on its test.

    Args:
        checked: Folder of the checked dataset.
        deep: Deep models fitted before the test, by name.
        deep_before: The same, fitted before the ranker's slice.
        ranker: LambdaMART.
        out: Folder for all figures and for each person's values.
        page: The report, HTML.
        seed: Of the bootstrap and the drawn negatives.

    Returns:
        NDCG@10 by model and protocol, without those that could not be computed.
    """
    shelf = open_shelf(checked, seed, tuple(deep))
    for before, folders in ((shelf.split.test_from, deep), (shelf.split.rank_from, deep_before)):
        for name, folder in folders.items():
            shelf.keep(name, before, load_deep(folder))
    shelf.ranker = LambdaMART.load(ranker)
    found = evaluate(
        shelf.dataset,
        ["popular", "item_knn", *deep, RELEASED],
        shelf=shelf,
        seed=seed,
        progress=lambda what, share: print(f"progress: {share:.3f} {what}", flush=True),
    )
    out.mkdir(parents=True)
    (out / FIGURES).write_text(json.dumps(found.as_dict(), indent=2, allow_nan=False) + "\n")
    values: dict[str, Any] = {}
    for (model, protocol), judged in found.judged.items():
        values[f"{model}/{protocol}/people"] = judged.people
        values |= {f"{model}/{protocol}/{metric}": array for metric, array in judged.values.items()}
    np.savez(out / VALUES, **values)
    page.write_text(render_page(found), encoding="utf-8")
    return {
        f"{figure.model} {figure.protocol}".replace(",", "").replace(" ", "_"): figure.value
        for figure in found.figures
        if figure.metric == "ndcg@10" and math.isfinite(figure.value)
    }
