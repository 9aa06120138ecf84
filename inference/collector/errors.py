"""Every refusal of the collector: one shape, one table of statuses."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from hidden_gems.core.errors import BadInputError, HiddenGemsError, PartUnavailableError

RETRY_SECONDS = 1
_LOG = logging.getLogger(__name__)
_CODES = {404: "not_found", 405: "wrong_method"}


class Refusal(BaseModel):
    """What was wrong, and where."""

    code: str
    message: str
    field: str | None = None


class ErrorAnswer(BaseModel):
    """Body of every answer from 400 on."""

    error: Refusal


class CallError(HiddenGemsError):
    """A call that cannot be answered as asked; each kind has its status and its code."""

    status = 400
    code = "bad_request"

    def __init__(self, message: str, field: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.headers = dict(headers or {})


class NotJsonError(CallError):
    """The body is not JSON in UTF-8; NaN and Infinity are not JSON."""

    code = "not_json"


class NoKeyError(CallError):
    """There is no key, or none that we know."""

    status, code = 401, "no_key"


class ForbiddenError(CallError):
    """The key is known, but may not do this, or not from this origin."""

    status, code = 403, "forbidden"


class NotFoundError(CallError):
    """There is no such thing."""

    status, code = 404, "not_found"


class SlowBodyError(CallError):
    """The body did not arrive in time."""

    status, code = 408, "too_slow"


class TooLargeError(CallError):
    """The body has too many bytes, or the list too many entries."""

    status, code = 413, "too_large"


class TooManyError(CallError):
    """The key has used up what it may send for now."""

    status, code = 429, "too_many"


class BusyError(CallError):
    """More waits for the broker than we hold; come again."""

    status, code = 503, "busy"


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Responses of a call for its OpenAPI description."""
    said = {
        400: "Not JSON, or a field is wrong",
        404: "Not found",
        408: "The body came too slowly",
        413: "Too large",
        503: "A part that the call needs is away",
    }
    every = {401: "No key, or an unknown one", 403: "The key may not do this", 429: "Above the limit of the key"}
    retry = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}}
    found: dict[int | str, dict[str, Any]] = {}
    for status, text in sorted({**every, **{status: said[status] for status in statuses}}.items()):
        found[status] = {"model": ErrorAnswer, "description": text}
        if status in (429, 503):
            found[status]["headers"] = retry
    return found | {"default": {"model": ErrorAnswer, "description": "Refused"}}


def answer_errors(app: FastAPI) -> None:
    """Give every error of an app its status and its shape."""

    @app.exception_handler(CallError)
    async def _call(_: Request, error: CallError) -> JSONResponse:
        headers = error.headers
        if error.status == 503:
            headers = {"Retry-After": str(RETRY_SECONDS), **headers}
        return _answer(error.status, error.code, str(error), error.field, headers)

    @app.exception_handler(PartUnavailableError)
    async def _away(_: Request, error: PartUnavailableError) -> JSONResponse:
        _LOG.warning("%s", error)
        said = f"{error.part} is unavailable; send the same again"
        return _answer(503, "unavailable", said, None, {"Retry-After": str(RETRY_SECONDS)})

    @app.exception_handler(BadInputError)
    async def _bad(_: Request, error: BadInputError) -> JSONResponse:
        return _answer(400, "bad_request", str(error))

    @app.exception_handler(RequestValidationError)
    async def _field(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return _answer(400, "bad_request", reason_of(first), ".".join(str(part) for part in first["loc"][1:]))

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        code = _CODES.get(error.status_code, "bad_request")
        return _answer(error.status_code, code, str(error.detail), None, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def _ours(_: Request, error: Exception) -> JSONResponse:
        return _answer(500, "internal", "something went wrong on our side")


def reason_of(error: Mapping[str, Any]) -> str:
    """Sentence of one validation error of pydantic, without its own prefix."""
    return str(error["msg"]).removeprefix("Value error, ")


def _answer(
    status: int, code: str, message: str, field: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = ErrorAnswer(error=Refusal(code=code, message=message, field=field)).model_dump(exclude_none=True)
    return JSONResponse(body, status, headers=dict(headers or {}))
