"""Steps that judge models and decide."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from hidden_gems.benchmark.evaluate import evaluate
from hidden_gems.benchmark.shelf import NOTHING_LEARNED
from hidden_gems.evaluation.gates import GateConfig, Judged, gate
from hidden_gems.evaluation.report import page as render_page
from hidden_gems.export import release as releases
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.steps.learning import open_shelf
from hidden_gems.training.ncf import NCFRecommender

FIGURES, VALUES = "evaluation.json", "values.npz"
RELEASED, FLOOR = "lambdamart", "popular"
JUDGED_BY = ("full catalogue, new places", "full catalogue, with repeats")
"""Protocol of the gate: the first that could be computed."""


def evaluate_models(
    checked: Path, ncf: Path, ncf_before: Path, ranker: Path, out: Path, page: Path, seed: int
) -> dict[str, float]:
    """Judge the models of a run on its test.

    Args:
        checked: Folder of the checked dataset.
        ncf: NCF fitted before the test.
        ncf_before: NCF fitted before the ranker's slice.
        ranker: LambdaMART.
        out: Folder for all figures and for each person's values.
        page: The report, HTML.
        seed: Of the bootstrap and the drawn negatives.

    Returns:
        NDCG@10 by model and protocol, without those that could not be computed.
    """
    shelf = open_shelf(checked, seed)
    shelf.keep("ncf", shelf.split.test_from, NCFRecommender.load(ncf))
    shelf.keep("ncf", shelf.split.rank_from, NCFRecommender.load(ncf_before))
    shelf.ranker = LambdaMART.load(ranker)
    found = evaluate(
        shelf.dataset,
        ["popular", "item_knn", "ncf", RELEASED],
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


def gate_release(evaluation: Path, releases_folder: Path, out: Path, seed: int) -> str:
    """Decide about a release and write why.

    Args:
        evaluation: Folder that `evaluate_models` wrote.
        releases_folder: Releases of this dataset.
        out: The decision, JSON.
        seed: Of the bootstrap.

    Returns:
        `promote` or `hold`.
    """
    figures = json.loads((evaluation / FIGURES).read_text())
    fingerprint = figures["fingerprint"]
    protocol = next((name for name in JUDGED_BY if _judged(evaluation, RELEASED, name, fingerprint)), None)
    if NOTHING_LEARNED in figures["notes"]:
        decision = {"promote": False, "reasons": [NOTHING_LEARNED.removesuffix(".")]}
    elif protocol is None:
        decision = {"promote": False, "reasons": ["nobody in the test could be judged, so nothing is promoted"]}
    else:
        candidate, floor = (_judged(evaluation, name, protocol, fingerprint) for name in (RELEASED, FLOOR))
        assert candidate is not None
        assert floor is not None
        champion = _champion(releases_folder, protocol)
        decision = gate(candidate, floor, champion, GateConfig(seed=seed)).as_dict() | {"protocol": protocol}
    out.write_text(json.dumps(decision, indent=2) + "\n")
    return "promote" if decision["promote"] else "hold"


def _champion(folder: Path, protocol: str) -> Judged | None:
    """The stable release of this dataset as its own evaluation saw it; None where there is none yet."""
    stable = releases.pointed(folder)
    if stable is None:
        return None
    found = _judged(stable / "reports", RELEASED, protocol, releases.load(stable).dataset.fingerprint)
    return Judged(stable.name, found.fingerprint, found.people, found.values) if found else None


def _judged(folder: Path, model: str, protocol: str, fingerprint: str) -> Judged | None:
    """Each person's values of a model; None where there are none."""
    prefix = f"{model}/{protocol}/"
    with np.load(folder / VALUES) as file:
        values = {name.removeprefix(prefix): file[name] for name in file.files if name.startswith(prefix)}
    people = values.pop("people", np.empty(0, dtype=np.int64))
    return Judged(model, fingerprint, people, values) if len(people) else None
