"""The layout that Triton, and our own small server, read models from."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from hidden_gems.core.errors import ReleaseError

_TYPES = {onnx.TensorProto.FLOAT: "TYPE_FP32", onnx.TensorProto.INT64: "TYPE_INT64"}


def write_model_repository(models: Mapping[str, Path], folder: Path, version: int = 1) -> None:
    """Write `<name>/config.pbtxt` and `<name>/<version>/model.onnx` for each model.

    Args:
        models: ONNX file of each model by its name.
        folder: The repository; made if it is not there.
        version: Model version, at least 1.

    Raises:
        ReleaseError: If the version is below 1, or a graph has a tensor type we do not serve.
    """
    if version < 1:
        raise ReleaseError(f"a model version must be at least 1, got {version}")
    for name, path in models.items():
        config = model_config(name, onnx.load(path))
        (folder / name / str(version)).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name / str(version) / "model.onnx")
        (folder / name / "config.pbtxt").write_text(config)


def model_config(name: str, model: onnx.ModelProto) -> str:
    """Triton's configuration of a graph: every size as in the graph, -1 where it varies, no batching by Triton."""
    known = {tensor.name for tensor in model.graph.initializer}
    inputs = [_tensor(name, value) for value in model.graph.input if value.name not in known]
    outputs = [_tensor(name, value) for value in model.graph.output]
    return (
        f'name: "{name}"\n'
        'backend: "onnxruntime"\n'
        "max_batch_size: 0\n"
        f"input [\n{_joined(inputs)}\n]\n"
        f"output [\n{_joined(outputs)}\n]\n"
        "instance_group [ { count: 1, kind: KIND_CPU } ]\n"
    )


def _tensor(model: str, value: Any) -> str:
    tensor = value.type.tensor_type
    if tensor.elem_type not in _TYPES:
        kind = onnx.TensorProto.DataType.Name(tensor.elem_type)
        raise ReleaseError(f"{value.name!r} of the model {model!r} is {kind}; use FLOAT or INT64")
    dims = ", ".join(str(size.dim_value) if size.HasField("dim_value") else "-1" for size in tensor.shape.dim)
    return f'  {{ name: "{value.name}", data_type: {_TYPES[tensor.elem_type]}, dims: [ {dims} ] }}'


def _joined(tensors: list[str]) -> str:
    return ",\n".join(tensors)
