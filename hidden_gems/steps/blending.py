"""The step that gathers the models of a run and weighs them."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hidden_gems.benchmark.members import catalogue_of
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.models.blend import Blend
from hidden_gems.models.held_out import PEOPLE, HeldOut
from hidden_gems.steps.learning import keep_models, open_shelf

BLEND_FILE = "blend.json"
SERVED = ("item_knn", "popular")
"""Members of the blend beside the deep models: what serving can score without a call."""


def fit_blend(checked: Path, trained: Mapping[str, Path], out: Path, seed: int) -> dict[str, float]:
    """Gather the deep models of a run in one folder and fit the weights of their blend.

    The weights are those that order the ranker's slice best, by models that did not see it.

    Args:
        checked: Folder of the checked dataset.
        trained: Folder that `train_model` wrote by name; an empty one is a model that was left out.
        out: Folder of the models by name, with the weights beside them.
        seed: Of the shelf.

    Returns:
        Cross-validated NDCG@10 of the blend, and what each member adds to it.
    """
    out.mkdir(parents=True)
    for name, folder in trained.items():
        if folder.is_dir() and any(folder.iterdir()):
            shutil.copytree(folder, out / name)
    shelf = open_shelf(checked, seed)
    names = (*keep_models(shelf, out), *SERVED)
    before, until = shelf.split.rank_from, shelf.split.test_from
    early, log = shelf.log(before), shelf.log(until)
    held_out = _slice(early, log, before)
    tables = {}
    for name in names:
        if held_out is not None:
            tables[name] = catalogue_of(shelf.model(name, before), held_out.user, held_out.moments)
        else:
            tables[name] = np.zeros((0, log.items), dtype=np.float32)
    blend = Blend.between(tables, held_out, early)
    (out / BLEND_FILE).write_text(json.dumps(blend.to_dict(), indent=1) + "\n")
    if held_out is None:
        return {}
    return {"ndcg": blend.new.ndcg} | {f"adds_{name}": value for name, value in blend.new.adds.items()}


def _slice(early: Interactions, log: Interactions, before: int) -> HeldOut | None:
    """The ranker's slice as what is held out; None where it is too small."""
    held_out = HeldOut.of(early, log.part(log.timestamp >= before))
    return None if held_out is None else held_out.some(PEOPLE)
