from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from hidden_gems.core.errors import ReleaseError
from hidden_gems.export.triton import model_config, write_model_repository


def _graph(kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
    shift = helper.make_tensor("shift", TensorProto.FLOAT, [1], [1.0])
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "shift"], ["y"])],
        "add",
        [
            helper.make_tensor_value_info("x", kind, ["n", 3]),
            helper.make_tensor_value_info("shift", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [shift],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_layout_and_configuration(tmp_path: Path) -> None:
    source = tmp_path / "add.onnx"
    source.write_bytes(_graph().SerializeToString())
    write_model_repository({"add": source, "more": source}, tmp_path / "repository", version=3)
    files = sorted(str(path.relative_to(tmp_path / "repository")) for path in (tmp_path / "repository").rglob("*.*"))
    assert files == ["add/3/model.onnx", "add/config.pbtxt", "more/3/model.onnx", "more/config.pbtxt"]
    assert (tmp_path / "repository/add/3/model.onnx").read_bytes() == source.read_bytes()
    assert (tmp_path / "repository/add/config.pbtxt").read_text() == (
        'name: "add"\n'
        'backend: "onnxruntime"\n'
        "max_batch_size: 0\n"
        "input [\n"
        '  { name: "x", data_type: TYPE_FP32, dims: [ -1, 3 ] }\n'
        "]\n"
        "output [\n"
        '  { name: "y", data_type: TYPE_FP32, dims: [ -1, 3 ] }\n'
        "]\n"
        "instance_group [ { count: 1, kind: KIND_CPU } ]\n"
    )


def test_first_version_by_default_and_rows_as_int64(tmp_path: Path) -> None:
    source = tmp_path / "rows.onnx"
    source.write_bytes(_graph(TensorProto.INT64).SerializeToString())
    for _ in range(2):
        write_model_repository({"rows": source}, tmp_path)
    assert (tmp_path / "rows/1/model.onnx").exists()
    assert 'name: "x", data_type: TYPE_INT64' in (tmp_path / "rows/config.pbtxt").read_text()


def test_what_cannot_be_served(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="at least 1, got 0"):
        write_model_repository({}, tmp_path, version=0)
    with pytest.raises(ReleaseError, match="'x' of the model 'text' is STRING"):
        model_config("text", _graph(TensorProto.STRING))
