"""What a gRPC caller is told of an error: the same table as over HTTP."""

import logging
import uuid
from collections.abc import Callable
from typing import Any

import grpc
from grpc_interceptor.server import AsyncServerInterceptor
from kserve import errors as kserve_errors

from hidden_gems.core.errors import HiddenGemsError
from inference.shell.errors import STATUSES, Status, message_of, status_of
from inference.shell.metrics import ERRORS

_KSERVE = (
    (kserve_errors.InvalidInput, 400),
    (kserve_errors.ModelNotFound, 404),
    (kserve_errors.UnsupportedProtocol, 501),
    (NotImplementedError, 501),
    (kserve_errors.ModelNotReady, 503),
    (kserve_errors.ServerNotReady, 503),
)
_log = logging.getLogger("gems")


class Errors(AsyncServerInterceptor):
    """Turns errors of a call into a status; texts of libraries stay in the log."""

    begun = 0  # calls

    async def intercept(
        self, method: Callable[..., Any], request_or_iterator: Any, context: Any, method_name: str
    ) -> Any:
        """Serve one call."""
        self.begun += 1
        try:
            return await method(request_or_iterator, context)
        except HiddenGemsError as error:
            status, message = status_of(error), message_of(error)
            if status.http >= 500:
                _log.warning("%s: %s", method_name, error)
        except Exception as error:
            status = _of_kserve(error)
            message = status.message
            if status.http == 500:
                request_id = uuid.uuid4().hex
                message = f"{message}, request {request_id}"
                _log.exception("request %s to %s failed", request_id, method_name)
        ERRORS.labels("grpc", status.code).inc()
        return await context.abort(grpc.StatusCode[status.grpc], message)


def _of_kserve(error: Exception) -> Status:
    return STATUSES[next((http for kind, http in _KSERVE if isinstance(error, kind)), 500)]
