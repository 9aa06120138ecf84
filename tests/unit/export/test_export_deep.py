from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from hidden_gems.core.errors import BadInputError, ParityError
from hidden_gems.export.onnx import INPUTS, OUTPUTS, VECTOR_OF, Deep, export_deep, served_order
from hidden_gems.export.parity import (
    DEEP_TOLERANCE,
    SIZES,
    Size,
    check_deep,
    check_parity,
    draw_request,
    open_session,
)
from hidden_gems.features.context import CONTEXT_NAMES
from hidden_gems.recommend.deep import DEEP_FEATURES
from hidden_gems.training.saved import AnyDeep
from tests.deep_models import LOG, deep_models

Models = dict[str, AnyDeep]
NAMES = ("ncf", "wide_deep", "sasrec", "gru4rec", "graphsage")


@pytest.fixture(scope="module")
def models() -> Models:
    return deep_models()


@pytest.fixture(scope="module")
def paths(models: Models, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return export_deep(models, tmp_path_factory.mktemp("deep") / "new")


def run(path: Path, feed: Mapping[str, Any]) -> dict[str, Any]:
    return dict(zip(OUTPUTS, open_session(path).run(list(OUTPUTS), dict(feed)), strict=True))


def asked(models: Models, *size: int, seed: int = 3) -> dict[str, Any]:
    return dict(draw_request(models, Size(*size), np.random.default_rng(seed)))


def test_parity_at_every_size(models: Models, paths: dict[str, Path]) -> None:
    assert {size.candidates for size in SIZES} >= {0, 1, 1_000}
    assert {size.history for size in SIZES} >= {0, 1, 50, 200}
    assert {size.newer for size in SIZES} >= {0, 40}
    assert any(size.padded for size in SIZES)
    differences = check_deep(models, paths)
    assert tuple(differences) == ("deep", *NAMES)
    assert max(differences.values()) <= DEEP_TOLERANCE == 1e-4


def test_the_served_graph_scores_as_the_models_do_at_a_moment(models: Models, paths: dict[str, Path]) -> None:
    rows, user, when = np.array([5, 0, 7, 5]), np.full(4, 3), LOG.moments[np.full(4, -1)]
    mine = np.flatnonzero((LOG.user == 3) & (LOG.timestamp < when.timestamp[0]))
    feed = {
        "user": user[:1],
        "rows": rows,
        "context": models["ncf"].context(when[:1]),
        "history": LOG.item[mine][None],
        "ages": (when.timestamp[0] - LOG.timestamp[mine]).astype(np.float32)[None],
        "new": np.zeros((0, 3), dtype=np.float32),
    }
    scores = run(paths["deep"], feed)["scores"]
    assert (scores.shape, scores.dtype) == ((5, 4), np.float32)
    assert served_order(models).keys() == DEEP_FEATURES.keys() == dict.fromkeys(NAMES).keys()
    for row, (name, model) in enumerate(models.items()):
        np.testing.assert_allclose(scores[row], model.score(user, rows, when), atol=1e-4, err_msg=name)
        np.testing.assert_allclose(run(paths[name], feed)["scores"][0], scores[row], atol=1e-5, err_msg=name)


def test_inputs_and_outputs_are_those_of_every_release(paths: dict[str, Path]) -> None:
    for name, path in paths.items():
        graph = onnx.load(path)
        sizes = {
            value.name: [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
            for value in graph.graph.input
        }
        assert sizes == {
            "user": [1], "rows": ["n"], "context": [1, len(CONTEXT_NAMES)], "history": [1, "L"], "ages": [1, "L"],
            "new": ["m", 3],
        }  # fmt: skip
        assert tuple(sizes) == INPUTS
        assert tuple(value.name for value in graph.graph.output) == OUTPUTS, name
        assert graph.opset_import[0].version == 17


def test_attention_is_over_the_history_and_nothing_else(models: Models, paths: dict[str, Path]) -> None:
    feed = asked(models, 4, 12)
    attention = run(paths["deep"], feed)["attention"]
    assert attention.shape == (1, 12)
    assert (attention[feed["history"] == 0] == 0).all()
    assert (attention[feed["history"] > 0] > 0).all()
    assert attention.sum() == pytest.approx(1.0, abs=1e-5)
    nothing = run(paths["deep"], feed | {"history": np.zeros((1, 12), np.int64), "ages": np.zeros((1, 12), np.float32)})
    assert (nothing["attention"] == 0).all()
    assert (run(paths["ncf"], feed)["attention"] == 0).all()


def test_a_padded_history_and_none_are_alike(models: Models, paths: dict[str, Path]) -> None:
    feed = asked(models, 9, 8, 2)
    there = feed["history"][0] > 0
    short = feed | {name: feed[name][:, there] for name in ("history", "ages")}
    empty = feed | {name: feed[name][:, :0] for name in ("history", "ages")}
    padding = feed | {name: np.zeros_like(feed[name]) for name in ("history", "ages")}
    for one, other in ((feed, short), (empty, padding)):
        first, second = run(paths["deep"], one), run(paths["deep"], other)
        for name in ("scores", "vector"):
            np.testing.assert_allclose(first[name], second[name], atol=1e-5)
    assert np.abs(run(paths["deep"], feed)["scores"] - run(paths["deep"], empty)["scores"]).max() > 1e-3


def test_newer_gems_are_scored_by_their_attributes_alone(models: Models, paths: dict[str, Path]) -> None:
    feed = asked(models, 3, 5, 2)
    feed["rows"] = np.array([0, LOG.items, LOG.items + 1, 2])
    scores = dict(zip(NAMES, run(paths["deep"], feed)["scores"], strict=True))
    other = run(paths["deep"], feed | {"new": feed["new"][::-1].copy()})["scores"][NAMES.index("graphsage")]
    np.testing.assert_allclose(other, scores["graphsage"][[0, 2, 1, 3]], atol=1e-6)
    assert abs(other[1] - other[2]) > 1e-4
    for name in NAMES[:-1]:
        np.testing.assert_allclose(scores[name][1:3], scores[name][0], atol=1e-6, err_msg=name)


def test_the_vector_is_that_of_the_first_model_there_is(models: Models, tmp_path: Path, paths: dict[str, Path]) -> None:
    feed = asked(models, 1, 6)
    given = [torch.from_numpy(feed[name]) for name in INPUTS]
    expected = {name: run(paths[name], feed)["vector"] for name in VECTOR_OF}
    for number, name in enumerate(VECTOR_OF):
        held = {each: models[each] for each in reversed(VECTOR_OF[number:])}
        with torch.inference_mode():
            vector = Deep(held).eval()(*given)[OUTPUTS.index("vector")].numpy()
        np.testing.assert_allclose(vector, expected[name], atol=1e-5)
    np.testing.assert_array_equal(run(paths["deep"], feed)["vector"], expected["sasrec"])
    two = export_deep({name: models[name] for name in ("wide_deep", "ncf")}, tmp_path)
    np.testing.assert_allclose(run(two["deep"], feed)["vector"], expected["ncf"], atol=1e-5)


def test_export_is_byte_identical(models: Models, paths: dict[str, Path], tmp_path: Path) -> None:
    for name, path in export_deep(models, tmp_path).items():
        assert path.read_bytes() == paths[name].read_bytes(), name


@pytest.mark.parametrize("names", [(), ("item_knn",), ("ncf", "item_knn")])
def test_only_deep_models_are_served(models: Models, names: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="the served graph holds ncf, wide_deep, sasrec, gru4rec, graphsage; got"):
        export_deep(dict.fromkeys(names, models["ncf"]), tmp_path)


def test_another_models_graph_is_no_parity(models: Models, paths: dict[str, Path]) -> None:
    settings = replace(models["ncf"].settings, spectral_gain=1.0)
    other = type(models["ncf"])(models["ncf"].facts, settings=settings).fit(LOG)
    with pytest.raises(ParityError, match=r"deep: graph and model differ by .* more than 0.0001"):
        check_deep({**models, "ncf": other}, paths)


def test_what_is_not_finite_or_of_another_shape_is_no_parity(models: Models, paths: dict[str, Path]) -> None:
    feed = asked(models, 1, 1)
    with pytest.raises(ParityError, match="differ by nan"):
        check_parity("ncf", paths["ncf"], lambda _: {"scores": np.full((1, 1), np.nan, dtype=np.float32)}, [feed], 1.0)
    with pytest.raises(ParityError, match=r"scores of size \(1, 1\), the model \(1, 2\)"):
        check_parity("ncf", paths["ncf"], lambda _: {"scores": np.zeros((1, 2), dtype=np.float32)}, [feed], 100.0)


def test_the_worst_difference_is_told(models: Models, paths: dict[str, Path]) -> None:
    feeds = [asked(models, 1, 1) | {"rows": np.array([item])} for item in (1, 2)]
    model = models["ncf"]

    def off(feed: Mapping[str, Any]) -> dict[str, Any]:
        with torch.inference_mode():
            known = torch.from_numpy(model.facts.attributes)[feed["rows"]]
            given = {name: torch.from_numpy(feed[name]) for name in feed}
            logits = model.module(given["user"], given["rows"], given["context"], known)
            logits = model.module.returns(logits[None], given["rows"][None], given["history"], given["ages"])[0].numpy()
        return {"scores": (logits + (0.5 if feed["rows"][0] == 1 else 0.25))[None]}

    worst = check_parity("ncf", paths["ncf"], off, feeds, 1.0)
    assert worst == pytest.approx(0.5, abs=1e-4)
    assert check_parity("ncf", paths["ncf"], off, feeds, worst) == worst  # the tolerance itself passes
    with pytest.raises(ParityError, match=r"differ by 0\.5, more than"):
        check_parity("ncf", paths["ncf"], off, feeds, np.nextafter(worst, 0.0))
