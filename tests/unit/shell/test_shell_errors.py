import grpc
import pytest

from hidden_gems.core.errors import (
    BadFieldError,
    BadInputError,
    ExpiredError,
    HiddenGemsError,
    NotADatasetError,
    NotFoundError,
    PartUnavailableError,
    ReleaseError,
)
from inference.shell.errors import STATUSES, body_of, message_of, status_of, status_of_http


@pytest.mark.parametrize(("error", "http", "code"), [
    (BadInputError("x"), 400, "INVALID_ARGUMENT"),
    (BadFieldError("f", "x"), 400, "INVALID_ARGUMENT"),
    (NotADatasetError("x"), 400, "INVALID_ARGUMENT"),
    (NotFoundError("x"), 404, "NOT_FOUND"),
    (ExpiredError("x"), 410, "NOT_FOUND"),
    (PartUnavailableError("deep", "x"), 503, "UNAVAILABLE"),
    (ReleaseError("x"), 503, "UNAVAILABLE"),
    (HiddenGemsError("x"), 500, "INTERNAL"),
    (ValueError("x"), 500, "INTERNAL"),
])  # fmt: skip
def test_every_error_has_a_status_in_both_protocols(error: Exception, http: int, code: str) -> None:
    status = status_of(error)
    assert (status.http, status.grpc) == (http, code)
    assert status.retry == (http == 503)


def test_every_status_is_one_of_grpc() -> None:
    assert {status.grpc for status in STATUSES.values()} <= set(grpc.StatusCode.__members__)
    assert all(http == status.http for http, status in STATUSES.items())
    assert len({status.code for status in STATUSES.values()}) == len(STATUSES)


@pytest.mark.parametrize(
    ("http", "known"), [(400, 400), (422, 400), (451, 400), (499, 400), (500, 500), (504, 500), (413, 413), (503, 503)]
)
def test_what_a_library_answers_becomes_one_of_ours(http: int, known: int) -> None:
    assert status_of_http(http).http == known


def test_messages_are_ours_and_short() -> None:
    assert message_of(BadInputError("a" * 200)) == "a" * 200
    assert message_of(BadInputError("a" * 201)) == "a" * 200
    assert message_of(BadInputError()) == "the request cannot be read"
    assert message_of(PartUnavailableError("deep", "10.0.0.1")) == "a part that is needed does not answer now"
    assert message_of(RuntimeError("secret")) == "something went wrong on our side"


def test_a_body_names_the_field_and_the_request() -> None:
    error = BadFieldError("f" * 300, "wrong")
    assert body_of(status_of(error), "r1", BadFieldError("limit", "wrong")) == {
        "error": {"code": "bad_request", "message": "limit: wrong", "field": "limit", "request_id": "r1"}
    }
    assert body_of(status_of(error), "r1", error)["error"]["field"] == "f" * 200
    assert body_of(STATUSES[413], "r2") == {
        "error": {"code": "too_large", "message": "the body is too large", "request_id": "r2"}
    }
