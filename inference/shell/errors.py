"""The one table from what can go wrong to what a caller is told, over HTTP and over gRPC.

A model of a server raises our errors as they are: the guard and the interceptor of the shell look them up here.
"""

from dataclasses import dataclass
from typing import Any

from hidden_gems.core.errors import (
    BadInputError,
    ExpiredError,
    NotFoundError,
    PartUnavailableError,
    ReleaseError,
)

RETRY_SECONDS = 1
LONGEST_MESSAGE = 200


@dataclass(frozen=True)
class Status:
    """How one kind of error leaves the server."""

    http: int
    grpc: str  # name of a `grpc.StatusCode`
    code: str  # of ours, for programs
    message: str  # where the error has none of ours
    retry: bool = False  # whether the same request may succeed a little later


STATUSES = {
    status.http: status
    for status in (
        Status(400, "INVALID_ARGUMENT", "bad_request", "the request cannot be read"),
        Status(404, "NOT_FOUND", "not_found", "there is nothing at this address"),
        Status(405, "UNIMPLEMENTED", "wrong_method", "this address does not take that method"),
        Status(408, "DEADLINE_EXCEEDED", "too_slow", "the body did not arrive in time"),
        Status(410, "NOT_FOUND", "expired", "it was here, and its time is over"),
        Status(413, "RESOURCE_EXHAUSTED", "too_large", "the body is too large"),
        Status(415, "INVALID_ARGUMENT", "json_only", "the body must be application/json without an encoding"),
        Status(500, "INTERNAL", "internal", "something went wrong on our side"),
        Status(501, "UNIMPLEMENTED", "not_implemented", "this server does not do that"),
        Status(503, "UNAVAILABLE", "unavailable", "a part that is needed does not answer now", retry=True),
    )
}
"""Every status we answer with."""

TABLE: tuple[tuple[type[Exception], int], ...] = (
    (BadInputError, 400),
    (NotFoundError, 404),
    (ExpiredError, 410),
    (PartUnavailableError, 503),
    (ReleaseError, 503),
)
"""HTTP status of each of our errors; the first that fits."""


def status_of(error: BaseException) -> Status:
    """How this error leaves the server; 500 for what is not ours."""
    return STATUSES[next((http for kind, http in TABLE if isinstance(error, kind)), 500)]


def status_of_http(http: int) -> Status:
    """The status of a library's answer: a 422 is a 400, what we do not know is the first of its hundred."""
    known = {422: 400}.get(http, http)
    return STATUSES.get(known) or STATUSES[400 if known < 500 else 500]


def message_of(error: BaseException) -> str:
    """What the caller may read: the text of our own errors, cut; the table's for a library's and for 5xx.

    Examples:
        >>> message_of(BadInputError("limit: expected 1 to 50, got 51"))
        'limit: expected 1 to 50, got 51'
        >>> message_of(KeyError("secret"))
        'something went wrong on our side'
    """
    status = status_of(error)
    if status.http >= 500:
        return status.message
    return (str(error) or status.message)[:LONGEST_MESSAGE]


def body_of(status: Status, request_id: str, error: BaseException | None = None) -> dict[str, Any]:
    """The JSON body of an error.

    Args:
        status: From the table.
        request_id: Names the request in our log too.
        error: One of ours, whose message and field the caller gets.
    """
    message = status.message if error is None else message_of(error)
    field = getattr(error, "field", None)
    named = {} if field is None else {"field": str(field)[:LONGEST_MESSAGE]}
    return {"error": {"code": status.code, "message": message, **named, "request_id": request_id}}
