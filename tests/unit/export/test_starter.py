"""The release of the first day: whole, made without ONNX, and good enough to answer with."""

from importlib import resources
from pathlib import Path

import numpy as np

from hidden_gems.catalogue.places import load_places
from hidden_gems.export.release import load
from hidden_gems.export.sessions import RankerSession
from hidden_gems.export.starter import GRAPH, VERSION, write_starter
from hidden_gems.export.trees import export_lambdamart
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.online.state import prior_state
from hidden_gems.recommend.answering import find
from hidden_gems.recommend.business import parse
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.recommend.world import World
from tests.worlds import context, person, request


def test_it_is_a_whole_release_of_the_catalogue(tmp_path: Path) -> None:
    folder = write_starter(tmp_path)
    about = load(folder)
    assert (folder.name, about.version, about.models) == (VERSION, VERSION, ())
    assert not about.dataset.simulated  # real places, nobody's visits
    assert not about.decision["promote"]
    written = (folder / "release.json").stat().st_mtime_ns
    assert write_starter(tmp_path) == folder
    assert (folder / "release.json").stat().st_mtime_ns == written


def test_its_ranker_scores_all_alike_and_is_the_graph_that_onnx_makes(tmp_path: Path) -> None:
    folder = write_starter(tmp_path)
    scores = RankerSession(folder)(np.random.default_rng(0).random((5, len(FEATURE_NAMES))).astype(np.float32))
    assert len(set(scores.tolist())) == 1
    export_lambdamart(LambdaMART.constant(FEATURE_NAMES), tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == resources.files("hidden_gems.export").joinpath(GRAPH).read_bytes()


def test_it_finds_candidates_for_somebody_nobody_knows(tmp_path: Path) -> None:
    folder = write_starter(tmp_path)
    release = load(folder)
    tables, state = ReleaseTables.load(folder / "tables"), prior_state(folder)
    world = World.of(release.version, release.dataset, release.models, tables)
    found = find(world, person(), request(context=context(lat=41.0256, lon=28.9741)))
    assert len(found.rows) >= 50
    assert {"nearby", "popular"} <= {tag for tags in found.sources for tag in tags}
    mean, spread = state.belief(found.item_ids, np.zeros((len(found.rows), state.linear.width)))
    assert (mean > 0).all()
    assert (spread > 0).all()
    first = load_places()["item_id"][7]
    editors = World.of(release.version, release.dataset, release.models, tables)
    object.__setattr__(editors, "business", parse(f'editorial = ["{first}"]'))
    assert first in find(editors, person(), request()).item_ids
