"""Models that take and give tensors: what a caller sends is checked here, so that no library sees nonsense."""

import asyncio
import struct
import uuid
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model
from kserve.protocol.infer_type import to_http_parameters
from kserve.utils.numpy_codec import from_np_dtype
from numpy.typing import NDArray

from hidden_gems.core.errors import BadFieldError, BadInputError

LONGEST = 2_000
Tensors = dict[str, NDArray[Any]]
Parameters = dict[str, str | int | bool]


@dataclass(frozen=True)
class TensorSpec:
    """What an input must be.

    Sizes are numbers, or names of sizes that vary; inputs that share a name must agree on the size.
    """

    name: str
    datatype: str  # of the v2 protocol: INT64, FP32, FP64, BYTES
    shape: tuple[int | str, ...]
    missing: bool = False  # whether NaN may come; infinities and integers below 0 may not in any case


class TensorModel(Model):  # type: ignore[misc]
    """A KServe model over the v2 protocol, HTTP or gRPC; `infer` runs in a thread."""

    @abstractmethod
    def specs(self, parameters: Parameters) -> Sequence[TensorSpec]:
        """What a request with these parameters must bring."""

    @abstractmethod
    def infer(self, inputs: Tensors, parameters: Parameters) -> tuple[Tensors, Parameters]:
        """Outputs by name, and the parameters of the response."""

    @abstractmethod
    def outputs(self) -> Sequence[TensorSpec]:
        """What it answers with."""

    async def predict(self, payload: Any, headers: Mapping[str, str] | None = None) -> InferResponse:
        """Answer one request."""
        if not isinstance(payload, InferRequest):
            raise BadInputError("this model speaks the v2 protocol: POST /v2/models/NAME/infer, or gRPC")
        parameters = to_http_parameters(payload.parameters or {})
        inputs = read_tensors(payload.inputs, self.specs(parameters))
        outputs, said = await asyncio.to_thread(self.infer, inputs, parameters)
        binary = payload.use_binary_outputs
        tensors = [_output(name, values, binary) for name, values in outputs.items()]
        known = payload.id or uuid.uuid4().hex
        return InferResponse(known, self.name, tensors, parameters=said, use_binary_outputs=binary)

    def get_input_types(self) -> list[dict[str, Any]]:
        """Inputs for the model's metadata."""
        return [_described(spec) for spec in self.specs({})]

    def get_output_types(self) -> list[dict[str, Any]]:
        """Outputs for the model's metadata."""
        return [_described(spec) for spec in self.outputs()]


def _output(name: str, values: NDArray[Any], binary: bool) -> InferOutput:
    tensor = InferOutput(name, list(values.shape), from_np_dtype(values.dtype))
    tensor.set_data_from_numpy(values, binary_data=binary)
    return tensor


def _described(spec: TensorSpec) -> dict[str, Any]:
    shape = [size if isinstance(size, int) else -1 for size in spec.shape]
    return {"name": spec.name, "datatype": spec.datatype, "shape": shape}


def read_tensors(given: Sequence[InferInput], specs: Sequence[TensorSpec]) -> Tensors:
    """Take the inputs of a request as arrays.

    Raises:
        BadFieldError: If one is missing, unknown, twice there, or of another type, size or range than it must be.
    """
    by_name = {tensor.name: tensor for tensor in given}
    wanted = {spec.name for spec in specs}
    for name in by_name:
        if name not in wanted:
            raise BadFieldError(name[:64], f"there is no such input; expected {', '.join(sorted(wanted))}")
    if len(by_name) < len(given):
        raise BadFieldError("inputs", "an input comes twice")
    sizes: dict[str, int] = {}
    return {spec.name: _read(by_name.get(spec.name), spec, sizes) for spec in specs}


def _read(tensor: InferInput | None, spec: TensorSpec, sizes: dict[str, int]) -> NDArray[Any]:
    if tensor is None:
        raise BadFieldError(spec.name, "the input is missing")
    if tensor.datatype != spec.datatype:
        raise BadFieldError(spec.name, f"expected {spec.datatype}, got {tensor.datatype[:16]}")
    _check_shape(tuple(tensor.shape), spec, sizes)
    try:
        values: NDArray[Any] = tensor.as_numpy()
    except (ValueError, TypeError, OverflowError, struct.error) as error:
        raise BadFieldError(spec.name, f"the data do not fit {spec.datatype} {list(tensor.shape)}") from error
    if values.dtype.kind == "i" and (values < 0).any():
        raise BadFieldError(spec.name, "a number is below 0")
    if values.dtype.kind == "f" and (np.isinf(values).any() or (np.isnan(values).any() and not spec.missing)):
        raise BadFieldError(spec.name, "a number is not finite")
    return values


def _check_shape(shape: tuple[int, ...], spec: TensorSpec, sizes: dict[str, int]) -> None:
    wanted = ", ".join(str(size) for size in spec.shape)
    if len(shape) != len(spec.shape):
        raise BadFieldError(spec.name, f"expected the shape [{wanted}], got {len(shape)} dimensions")
    for size, want in zip(shape, spec.shape, strict=True):
        if isinstance(want, str) and not 0 <= size <= LONGEST:
            raise BadFieldError(spec.name, f"{want} must be 0 to {LONGEST:,}, got {size}")
        expected = sizes.setdefault(want, size) if isinstance(want, str) else want
        if size != expected:
            raise BadFieldError(spec.name, f"expected the shape [{wanted}] with {want} = {expected}, got {size}")
