"""What makes NVIDIA's Triton out of the pytriton wheel serve ONNX models: a Python backend over ONNX Runtime.

The wheel has no ONNX Runtime backend, so this file takes its name and its place: the same model repository is served
here and by the stock image. It runs inside Triton, on the Python of Triton's own environment, and imports nothing of
ours.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

Config = dict[str, Any]


class TritonPythonModel:
    """One version of one model."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the graph; `args` are Triton's."""
        import triton_python_backend_utils

        self._triton = triton_python_backend_utils  # there only inside Triton
        config: Config = json.loads(args["model_config"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        file = config.get("default_model_filename") or "model.onnx"
        path = Path(args["model_repository"]) / args["model_version"] / file
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._inputs = [each["name"] for each in config["input"]]
        self._outputs = [each["name"] for each in config["output"]]

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request by itself; one that fails does not harm the others."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        triton = self._triton
        given = {name: triton.get_input_tensor_by_name(request, name) for name in self._inputs}
        feed = {name: tensor.as_numpy() for name, tensor in given.items() if tensor is not None}
        names = [name for name in self._outputs if name in set(request.requested_output_names())]
        try:
            values = self._session.run(names, feed)
        except Exception as error:  # whatever onnxruntime raises; Triton tells the caller
            return triton.InferenceResponse(error=triton.TritonError(str(error)))
        return triton.InferenceResponse(
            [triton.Tensor(name, np.ascontiguousarray(value)) for name, value in zip(names, values, strict=True)]
        )
