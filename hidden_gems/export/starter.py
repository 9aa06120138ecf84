"""A release for the first day: the real places of the catalogue, and a ranker that has learned nothing.

With it a server is ready before anything was trained. Its arms learn from the first click, so what people like comes
up; nearness, the hour and the editors find candidates. It needs nothing that only training environments have.
"""

import json
from importlib import resources
from pathlib import Path

import numpy as np

from hidden_gems.catalogue.places import load_places
from hidden_gems.datasets.dataset import About
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.export.release import MANIFEST, Release, hash_files, write_manifest
from hidden_gems.features.schema import FEATURE_NAMES, FEATURE_SERVICE
from hidden_gems.models.blend import Blend, Weights
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.recommend.candidates import CandidateGenerator
from hidden_gems.recommend.tables import ReleaseTables

VERSION = "starter"
GRAPH = "nothing_learned.onnx"
"""`export_lambdamart(LambdaMART.constant(FEATURE_NAMES))`, made where there is ONNX; a test makes it again."""
_REWARD, _IMPRESSIONS = 0.05, 10.0  # what an arm is thought to have earned, and how far that is believed


def write_starter(folder: Path) -> Path:
    """Write the release under a folder of releases, where it is not there yet.

    Returns:
        Folder of the release.
    """
    target = folder / VERSION
    if (target / MANIFEST).exists():
        return target
    tables = _tables()
    tables.save(target / "tables")
    (target / "policy").mkdir(parents=True, exist_ok=True)
    count = len(tables.index)
    np.savez(
        target / "policy" / "arms.npz",
        successes=np.full(count, _IMPRESSIONS * _REWARD),
        failures=np.full(count, _IMPRESSIONS * (1.0 - _REWARD)),
        item_ids=np.array(tables.index.ids, dtype=np.str_),
    )
    blend = Blend(Weights.alike(("item_knn",)), Weights.alike(("item_knn",)))
    (target / "policy" / "blend.json").write_text(json.dumps(blend.to_dict()))
    ranker = target / "ranker"
    LambdaMART.constant(FEATURE_NAMES).save(ranker)
    (ranker / "features.json").write_text(json.dumps(list(FEATURE_NAMES), indent=0) + "\n")
    (ranker / "lambdamart.onnx").write_bytes(resources.files(__package__).joinpath(GRAPH).read_bytes())
    about = About("istanbul", "Europe/Istanbul", "the catalogue alone")
    decision = {"promote": False, "reasons": ["a starter: nothing was trained"]}
    release = Release(VERSION, "", "", about, 0, FEATURE_SERVICE, (), {"figures": []}, decision, hash_files(target))
    write_manifest(release, target)
    return target


def _tables() -> ReleaseTables:
    """The catalogue; nobody has liked anything."""
    places = load_places()
    count = len(places) + 1
    nothing = np.empty(0, dtype=np.int64)
    log = Interactions(nothing, nothing, nothing, np.empty(0, np.float32), 1, count)
    place, born = np.full((count, 2), np.nan), np.full(count, np.nan)
    place[1:], born[1:] = places[["lat", "lon"]], places["created_at"]
    return ReleaseTables(
        columns={str(name): places[name].tolist() for name in places.columns},
        neighbours=np.zeros((count, 1), dtype=np.int64),
        weights=np.zeros((count, 1), dtype=np.float32),
        prior=np.zeros(count),
        generator=CandidateGenerator().fit(log, place, born).without_people(),
    )
