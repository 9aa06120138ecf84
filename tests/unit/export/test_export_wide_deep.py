from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from hidden_gems.core.errors import ParityError
from hidden_gems.export.onnx import export_wide_deep
from hidden_gems.export.parity import DEEP_TOLERANCE, check_wide_deep, open_session
from hidden_gems.features.context import CONTEXT_NAMES
from hidden_gems.training.loop import LoopConfig
from hidden_gems.training.wide_deep import WideDeepRecommender, WideDeepSettings
from tests.logs import facts_of, town

LOG = town()
SETTINGS = WideDeepSettings(factors=8, width=4, hidden=(16, 8), loop=LoopConfig(epochs=2, batch=128))


@pytest.fixture(scope="module")
def model() -> WideDeepRecommender:
    random = np.random.default_rng(0)
    facts = facts_of(random.random((LOG.items, 3)).astype(np.float32))
    known = replace(facts, kind=np.arange(LOG.items) % 5, place=41.0 + 0.1 * random.random((LOG.items, 2)))
    return WideDeepRecommender(known, SETTINGS).fit(LOG)


@pytest.fixture(scope="module")
def path(model: WideDeepRecommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wide") / "wide_deep.onnx"
    export_wide_deep(model, path)
    return path


def test_parity_at_every_size_and_length(model: WideDeepRecommender, path: Path) -> None:
    assert check_wide_deep(model, path) <= DEEP_TOLERANCE


def test_the_graph_answers_as_the_model(model: WideDeepRecommender, path: Path) -> None:
    rows, when = np.array([5, 0, 7, 5]), LOG.moments[np.full(4, -1)]
    user, context, history, ages = (each[:1].numpy() for each in model.request(np.full(4, 3), when))
    feed = {"user": user, "rows": rows, "context": context, "history": history, "ages": ages}
    (scores,) = open_session(path).run(["scores"], feed)
    np.testing.assert_allclose(scores, model.score(np.full(4, 3), rows, when), atol=1e-5)


def test_inputs_are_those_of_the_served_graph(path: Path) -> None:
    graph = onnx.load(path).graph
    assert [value.name for value in graph.input] == ["user", "rows", "context", "history", "ages"]
    assert graph.input[2].type.tensor_type.shape.dim[1].dim_value == len(CONTEXT_NAMES)
    assert [value.name for value in graph.output] == ["scores"]


def test_another_models_graph_is_no_parity(model: WideDeepRecommender, path: Path) -> None:
    other = WideDeepRecommender(model.facts, replace(SETTINGS, spectral_gain=1.0)).fit(LOG)
    with pytest.raises(ParityError, match="wide_deep: graph and model differ by"):
        check_wide_deep(other, path)
