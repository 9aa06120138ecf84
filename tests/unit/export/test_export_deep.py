from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from hidden_gems.core.errors import ParityError
from hidden_gems.export.onnx import DEEP_MODELS, export_deep
from hidden_gems.export.parity import DEEP_TOLERANCE, SIZES, check_deep, check_parity, open_session
from hidden_gems.features.context import CONTEXT_NAMES
from hidden_gems.training.loop import LoopConfig
from hidden_gems.training.ncf import NCFRecommender, NCFSettings
from tests.logs import facts_of, town

LOG = town()
SETTINGS = NCFSettings(width=16, hidden=(16, 8), loop=LoopConfig(epochs=2, batch=128))

NO_PAST = {"history": np.zeros((1, 1), dtype=np.int64), "ages": np.zeros((1, 1), dtype=np.float32)}


@pytest.fixture(scope="module")
def model() -> NCFRecommender:
    return NCFRecommender(
        facts_of(np.random.default_rng(0).random((LOG.items, 3)).astype(np.float32)), settings=SETTINGS
    ).fit(LOG)


@pytest.fixture(scope="module")
def paths(model: NCFRecommender, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return export_deep(model, tmp_path_factory.mktemp("deep") / "new")


def test_parity_at_every_size(model: NCFRecommender, paths: dict[str, Path]) -> None:
    assert SIZES == (0, 1, 7, 100)
    differences = check_deep(model, paths)
    assert differences.keys() == {"deep", "ncf"}
    assert max(differences.values()) <= DEEP_TOLERANCE == 1e-4


def test_the_served_graph_answers_one_request(model: NCFRecommender, paths: dict[str, Path]) -> None:
    when = LOG.moments[-1:]
    rows = np.array([5, 0, 7, 5])
    feed = {"user": np.array([3]), "rows": rows, "context": model.context(when)}
    (scores,) = open_session(paths["deep"]).run(["scores"], feed)
    assert scores.shape == (len(DEEP_MODELS), 4)
    assert scores.dtype == np.float32
    with torch.inference_mode():
        own = model.module.returns(torch.from_numpy(rows[None]), *model.past(np.array([3]), when)).numpy()
    expected = model.score(np.full(4, 3), rows, LOG.moments[np.full(4, -1)]) - own[0]
    np.testing.assert_allclose(scores[0], expected, atol=1e-5)


def test_inputs_and_outputs_are_those_of_the_release(paths: dict[str, Path]) -> None:
    deep, ncf = (onnx.load(paths[name]) for name in ("deep", "ncf"))
    assert [value.name for value in deep.graph.input] == ["user", "rows", "context"]
    assert [value.name for value in ncf.graph.input] == ["user", "item", "context", "history", "ages"]
    assert deep.opset_import[0].version == 17
    assert deep.graph.input[2].type.tensor_type.shape.dim[1].dim_value == len(CONTEXT_NAMES)


def test_export_is_byte_identical(model: NCFRecommender, paths: dict[str, Path], tmp_path: Path) -> None:
    for name, path in export_deep(model, tmp_path).items():
        assert path.read_bytes() == paths[name].read_bytes()


def test_another_models_graph_is_no_parity(model: NCFRecommender, paths: dict[str, Path]) -> None:
    other = NCFRecommender(model.facts, settings=replace(SETTINGS, spectral_gain=1.0)).fit(LOG)
    with pytest.raises(ParityError, match=r"deep: graph and model differ by .* more than 0.0001"):
        check_deep(other, paths)


def test_scores_that_are_not_finite_or_of_another_shape_are_no_parity(paths: dict[str, Path]) -> None:
    feed = {
        "user": np.array([1]),
        "item": np.array([1]),
        "context": np.zeros((1, len(CONTEXT_NAMES)), dtype=np.float32),
        **NO_PAST,
    }
    with pytest.raises(ParityError, match="differ by nan"):
        check_parity("ncf", paths["ncf"], lambda _: np.full(1, np.nan, dtype=np.float32), [feed], 1.0)
    with pytest.raises(ParityError, match=r"scores of size \(1,\), the model \(2,\)"):
        check_parity("ncf", paths["ncf"], lambda _: np.zeros(2, dtype=np.float32), [feed], 100.0)


def test_the_worst_difference_is_told(model: NCFRecommender, paths: dict[str, Path]) -> None:
    zeros = np.zeros((1, len(CONTEXT_NAMES)), dtype=np.float32)
    feeds = [{"user": np.array([1]), "item": np.array([item]), "context": zeros, **NO_PAST} for item in (1, 2)]

    def off(feed: dict[str, np.ndarray]) -> np.ndarray:
        with torch.inference_mode():
            known = torch.from_numpy(model.facts.attributes)[feed["item"]]
            inputs = (torch.from_numpy(feed[name]) for name in ("user", "item", "context"))
            logits: np.ndarray = model.module(*inputs, known).numpy()
        return logits + (0.5 if feed["item"][0] == 1 else 0.25)

    worst = check_parity("ncf", paths["ncf"], off, feeds, 1.0)
    assert worst == pytest.approx(0.5, abs=1e-4)
    assert check_parity("ncf", paths["ncf"], off, feeds, worst) == worst  # the tolerance itself passes
    with pytest.raises(ParityError, match=r"differ by 0\.5, more than"):
        check_parity("ncf", paths["ncf"], off, feeds, np.nextafter(worst, 0.0))


def test_own_visits_are_in_the_pair_graph(model: NCFRecommender, paths: dict[str, Path]) -> None:
    item, when = np.array([LOG.item[-1], 5]), LOG.moments[[-1, -1]]
    later = replace(when, timestamp=when.timestamp + 3600)
    user = np.full(2, LOG.user[-1])
    history, ages = (each.numpy() for each in model.past(user, later))
    feed = {"user": user, "item": item, "context": model.context(later), "history": history, "ages": ages}
    (scores,) = open_session(paths["ncf"]).run(["scores"], feed)
    np.testing.assert_allclose(scores, model.score(user, item, later), atol=1e-5)
    (without,) = open_session(paths["ncf"]).run(["scores"], feed | {"history": np.zeros_like(history)})
    assert abs(scores[0] - without[0]) > 0.01
    assert model.module.returns.weight.abs().max() > 0.01
