"""Graphs of a release, made by hand so that every number of an answer is known."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from hidden_gems.core.errors import BadFieldError, BadInputError, PartUnavailableError, ReleaseError
from hidden_gems.export.release import load, point
from hidden_gems.export.sessions import GraphSession
from inference.deep.service import GraphModel, load_graphs
from inference.shell.release import ReleaseWatcher
from inference.shell.tensors import TensorSpec, read_tensors
from tests.releases import released

TABLE = [0.5, 1.5, 2.5]


def graph(table: Sequence[float] = TABLE, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """Look rows up in a table: `rows` int64 [n] to `scores` [n]."""
    made = helper.make_graph(
        [helper.make_node("Gather", ["table", "rows"], ["scores"])],
        "lookup",
        [helper.make_tensor_value_info("rows", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("scores", kind, ["n"])],
        [helper.make_tensor("table", kind, [len(table)], list(table))],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def write(model: onnx.ModelProto, folder: Path, version: int = 1) -> None:
    (folder / str(version)).mkdir(parents=True)
    (folder / str(version) / "model.onnx").write_bytes(model.SerializeToString())


def release(folder: Path, **models: onnx.ModelProto) -> Path:
    def fill(draft: Path) -> None:
        (draft / "model_repository").mkdir()
        for name, model in models.items():
            write(model, draft / "model_repository" / name)

    return released(folder, fill)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    release(tmp_path, deep=graph(), ncf=graph([7.0] * 3))
    release(tmp_path, deep=graph([9.0, 8.0, 7.0, 6.0]))
    point(tmp_path, "stable", "2026-05-04.1")
    return tmp_path


def rows(*values: int) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    return {"rows": np.array(values, dtype=np.int64)}


def test_a_graph_answers_by_name_in_its_highest_version(tmp_path: Path) -> None:
    for version, table in ((2, [1.0]), (10, [5.0, 6.0]), (9, [2.0])):
        write(graph(table), tmp_path / "deep", version)
    (tmp_path / "deep" / "config.pbtxt").write_text("")
    session = GraphSession(tmp_path / "deep")
    assert session.version == 10
    assert session.inputs == (("rows", "tensor(int64)", ("n",)),)
    assert session.outputs == (("scores", "tensor(float)", ("n",)),)
    assert session(rows(1, 0))["scores"].tolist() == [6.0, 5.0]
    assert session(rows())["scores"].shape == (0,)


def test_a_graph_says_nothing_of_its_inside(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(graph(), tmp_path / "deep")
    with pytest.raises(BadInputError) as caught:
        GraphSession(tmp_path / "deep")(rows(3))
    assert str(caught.value) == "an input does not fit the model: a row may be above the last one"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("made", [False, True])
def test_a_folder_without_a_version_is_no_model(tmp_path: Path, made: bool) -> None:
    if made:
        (tmp_path / "deep" / "v1").mkdir(parents=True)
    with pytest.raises(ReleaseError, match="holds no version of a model"):
        GraphSession(tmp_path / "deep")


def watching(folder: Path) -> "ReleaseWatcher[dict[str, GraphSession]]":
    return ReleaseWatcher(folder, "stable", load_graphs, poll_seconds=3600.0).start()


def test_models_answer_out_of_the_release_that_is_asked_for(folder: Path) -> None:
    watcher = watching(folder)
    deep, ncf = (GraphModel(name, watcher) for name in ("deep", "ncf"))
    first, second = "2026-05-04.1", "2026-05-04.2"
    assert sorted(watcher.current.value) == ["deep", "ncf"]
    outputs, said = deep.infer(rows(2, 0), {})
    assert (outputs["scores"].tolist(), said) == ([2.5, 0.5], {"release": first})
    assert ncf.infer(rows(0), {"release": first})[0]["scores"].tolist() == [7.0]
    with pytest.raises(PartUnavailableError, match="does not hold"):
        deep.infer(rows(0), {"release": second})
    point(folder, "stable", second)
    watcher.check()
    assert deep.infer(rows(3), {})[0]["scores"].tolist() == [6.0]
    assert deep.infer(rows(0), {"release": second})[1] == {"release": second}
    assert deep.infer(rows(0), {"release": first})[0]["scores"].tolist() == [0.5]
    assert ncf.infer(rows(0), {"release": first})[0]["scores"].tolist() == [7.0]
    with pytest.raises(ReleaseError, match=f"release {second} has no model 'ncf'"):
        ncf.infer(rows(0), {})
    assert (deep.ready, deep.name) == (True, "deep")
    watcher.stop()


def test_a_model_describes_itself_by_its_graph(folder: Path) -> None:
    watcher = watching(folder)
    model = GraphModel("deep", watcher)
    assert model.specs({}) == (TensorSpec("rows", "INT64", ("n",)),)
    assert model.outputs() == (TensorSpec("scores", "FP32", ("n",)),)
    with pytest.raises(BadFieldError, match="rows: the input is missing"):
        read_tensors([], model.specs({}))
    watcher.stop()


@pytest.mark.parametrize(("models", "reason"), [
    ({}, "has no model to serve"),
    ({"deep": graph([np.nan, 1.0])}, "model 'deep' answers 'scores' with a number that is not finite"),
    ({"deep": graph([1.0], TensorProto.FLOAT16)}, r"model 'deep' has a tensor\(float16\), which is not served"),
])  # fmt: skip
def test_a_release_that_cannot_answer_is_not_loaded(
    tmp_path: Path, models: dict[str, onnx.ModelProto], reason: str
) -> None:
    path = release(tmp_path, **models)
    with pytest.raises(ReleaseError, match=reason):
        load_graphs(path, load(path))
