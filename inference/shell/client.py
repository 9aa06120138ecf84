"""Ask another server for tensors: gRPC v2, a time limit on every call, no retries, a breaker before it."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest
from kserve.protocol.infer_type import InferResponse, to_http_parameters
from kserve.utils.numpy_codec import from_np_dtype
from numpy.typing import NDArray

from hidden_gems.core.errors import PartUnavailableError
from inference.shell.breaker import Breaker
from inference.shell.deadline import Deadline
from inference.shell.metrics import BREAKER_OPEN, PART_FAILURES, PART_SECONDS

CALL_SECONDS = 0.04
CHANNEL = (
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    # gRPC would wait up to two minutes before it looks again for a server that went away
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
)
# a server that goes away cancels what it read and had not yet begun
_SILENT = (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)

Tensors = Mapping[str, NDArray[Any]]
Parameters = Mapping[str, str | int | bool]
_log = logging.getLogger("gems")


@dataclass
class Predictor:
    """A model on another server; belongs to the event loop that first calls it.

    Args:
        address: `host:port` of its gRPC.
        name: Of the model, and of the part in errors and metrics.
        timeout_seconds: Limit of a call; a deadline may leave less.
        breaker: Skips calls while the part is dead.
    """

    address: str
    name: str
    timeout_seconds: float = CALL_SECONDS
    breaker: Breaker = field(default_factory=Breaker)
    _client: Any = field(default=None, init=False, repr=False)

    async def call(
        self, inputs: Tensors, parameters: Parameters | None = None, deadline: Deadline | None = None
    ) -> tuple[dict[str, NDArray[Any]], dict[str, str | int | bool]]:
        """Ask once.

        Args:
            inputs: Tensors by name: int64, float32, float64, or objects of bytes or text.
            parameters: Of the request.
            deadline: Of the request this call serves.

        Returns:
            Outputs by name, and the parameters of the response.

        Raises:
            PartUnavailableError: If no answer came in time, the part refused, or calls are skipped for now.
        """
        seconds = self.timeout_seconds if deadline is None else deadline.left(at_most=self.timeout_seconds)
        if seconds <= 0:
            raise self._missed("no_time")
        if not self.breaker.allows():
            raise self._missed("skipped")
        try:
            with PART_SECONDS.labels(self.name).time():
                found = await self._ask(inputs, parameters or {}, seconds)
        except grpc.aio.AioRpcError as error:
            raise self._failed(error) from error
        except asyncio.CancelledError:
            self.breaker.abandoned()
            raise
        except BaseException:
            self.breaker.failed()
            raise
        self.breaker.succeeded()
        BREAKER_OPEN.labels(self.name).set(0)
        return found

    async def answers(self, inputs: Tensors, parameters: Parameters | None = None, seconds: float = 1.0) -> bool:
        """Whether the part answers this call in `seconds`; the breaker neither hinders nor hears of it.

        Use it to warm a part up, and to learn whether it holds a release before asking for that in earnest.
        """
        try:
            await self._ask(inputs, parameters or {}, seconds)
        except grpc.aio.AioRpcError:
            return False
        return True

    async def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            await self._client.close()

    async def _ask(
        self, inputs: Tensors, parameters: Parameters, seconds: float
    ) -> tuple[dict[str, NDArray[Any]], dict[str, str | int | bool]]:
        if self._client is None:  # a channel belongs to the loop that is running when it is made
            logging.getLogger("kserve.trace").setLevel(logging.CRITICAL)  # it prints a traceback for every late call
            self._client = InferenceGRPCClient(self.address, channel_args=list(CHANNEL))
        request = InferRequest(self.name, _tensors(inputs), parameters=dict(parameters))
        response: InferResponse = await self._client.infer(request, timeout=seconds)
        outputs = {output.name: output.as_numpy() for output in response.outputs}
        return outputs, to_http_parameters(response.parameters or {})

    def _failed(self, error: grpc.aio.AioRpcError) -> PartUnavailableError:
        code = error.code()
        if code in _SILENT:
            self.breaker.failed()
            BREAKER_OPEN.labels(self.name).set(int(self.breaker.open))
        else:  # it lives and says no: our request is wrong, or it is
            self.breaker.succeeded()
            _log.error("%s refused a call: %s, %s", self.name, code.name, error.details())
        return self._missed(code.name.lower())

    def _missed(self, reason: str) -> PartUnavailableError:
        PART_FAILURES.labels(self.name, reason).inc()
        return PartUnavailableError(self.name, reason)


def _tensors(inputs: Tensors) -> Sequence[InferInput]:
    tensors = []
    for name, values in inputs.items():
        values = np.ascontiguousarray(values)
        tensor = InferInput(name, list(values.shape), from_np_dtype(values.dtype))
        tensor.set_data_from_numpy(values)
        tensors.append(tensor)
    return tensors
