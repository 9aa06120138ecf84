"""What a call can end with, in the words of the backend that made it."""

import json
from collections.abc import Mapping
from typing import Any

from hidden_gems.core.errors import BadInputError, HiddenGemsError


class ClientError(HiddenGemsError):
    """A call did not get the answer it asked for; `status` is the HTTP status, None where nothing answered."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class BadRequestError(ClientError, BadInputError):
    """The request cannot be used as it is; `field` is the path of what was wrong, empty where it is the whole body."""

    def __init__(self, message: str, status: int | None = None, field: str = "") -> None:
        super().__init__(message, status)
        self.field = field


class NotAllowedError(ClientError):
    """No key, a wrong one, or one whose scope does not reach this call."""


class NotFoundError(ClientError):
    """There is no such slate, item, person or receipt."""


class ExpiredError(ClientError):
    """It was there, and is not kept any longer."""


class UnavailableError(ClientError):
    """Nobody can answer now; `retry_after` is how many seconds to wait, None where nothing said so."""

    def __init__(self, message: str, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, status)
        self.retry_after = retry_after


class TooManyRequestsError(UnavailableError):
    """Asked too often; wait for `retry_after` seconds."""


class UnexpectedAnswerError(ClientError):
    """An answer that the contract does not know: another server, or another version of it."""


_KINDS: Mapping[int, type[ClientError]] = {
    401: NotAllowedError,
    403: NotAllowedError,
    404: NotFoundError,
    410: ExpiredError,
}
_BAD_REQUEST = frozenset({400, 405, 413, 415, 422})


def error_of(call: str, status: int, headers: Mapping[str, str], body: bytes) -> ClientError:
    """The error that an answer stands for.

    Args:
        call: What was asked, as "POST http://host/path".
        status: HTTP status, 300 or above.
        headers: Of the answer, found whatever their case.
        body: Of the answer; its `error` object has `code`, `message` and maybe `field`.

    Examples:
        >>> error = error_of("GET /", 503, {"retry-after": "2"}, b'{"error": {"message": "the broker is away"}}')
        >>> error, error.retry_after
        (UnavailableError('GET / answered 503: the broker is away'), 2.0)
    """
    said = _said(body)
    message = f"{call} answered {status}" + (f": {said['message']}" if said.get("message") else "")
    if status in _BAD_REQUEST:
        return BadRequestError(message, status, str(said.get("field") or ""))
    if status == 429:
        return TooManyRequestsError(message, status, _seconds(headers))
    if status in (502, 503, 504):
        return UnavailableError(message, status, _seconds(headers))
    return _KINDS.get(status, UnexpectedAnswerError)(message, status)


def _said(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    error = content.get("error") if isinstance(content, dict) else None
    if isinstance(error, dict):
        return {"message": error.get("message") or error.get("code"), "field": error.get("field")}
    return {"message": error} if isinstance(error, str) else {}


def _seconds(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None
