"""The guard before a tiny application, message by message."""

import asyncio
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from hidden_gems.core.errors import BadFieldError, ExpiredError, NotFoundError, PartUnavailableError
from inference.shell.guard import Door, Guard, Header, Message, Receive, Send

DOOR = Door(open_paths="/open|/open/[a-z]+", body_bytes=8, body_seconds=0.2)
JSON = (b"content-type", b"application/json")


@dataclass
class Echo:
    """Answers with what reached it, or as it is told."""

    status: int = 200
    raises: Exception | None = None
    answer_headers: Sequence[Header] = ((b"content-type", b"text/plain"),)
    seen: Message | None = None
    body: bytes | None = None
    late: bool = False  # raise after the answer has begun

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.seen = scope
        if scope["type"] != "http":
            return
        if scope["method"] == "POST":
            message = await receive()
            assert message["type"] == "http.request"
            assert message["more_body"] is False
            self.body = message["body"]
        if self.raises is not None and not self.late:
            raise self.raises
        await send({"type": "http.response.start", "status": self.status, "headers": list(self.answer_headers)})
        if self.raises is not None:
            raise self.raises
        await send({"type": "http.response.body", "body": b"library text", "more_body": True})
        await send({"type": "http.response.body", "body": b", more"})


@dataclass
class Answer:
    """What came out."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def error(self) -> Any:
        return json.loads(self.body)["error"]


def ask(
    app: Echo,
    method: str = "POST",
    path: str = "/open",
    headers: Iterable[Header] = (JSON,),
    chunks: Sequence[bytes | None] = (b"{}",),
    door: Door = DOOR,
    extra: Sequence[Header] = (),
) -> Answer | None:
    """One request; a chunk of None is a sender that stops, for ever. None if nothing was answered."""
    waiting, sent = list(chunks), []

    async def receive() -> Message:
        if waiting and waiting[0] is None:
            await asyncio.sleep(60)
        if not waiting:
            return {"type": "http.disconnect"}
        chunk = waiting.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    asyncio.run(Guard(app, door, lambda: extra)(scope, receive, send))
    if not sent:
        return None
    start, *rest = sent
    assert start["type"] == "http.response.start"
    answer = Answer(start["status"], dict(start["headers"]), b"".join(each["body"] for each in rest))
    assert int(answer.headers.get(b"content-length", str(len(answer.body)).encode())) == len(answer.body)
    return answer


def told(app: Echo, **how: Any) -> Answer:
    answer = ask(app, **how)
    assert answer is not None
    return answer


def test_a_good_request_passes_with_its_body_in_one_piece() -> None:
    app = Echo()
    answer = told(app, chunks=(b'{"a"', b": 1}", b""))
    assert (answer.status, answer.body) == (200, b"library text, more")
    assert app.body == b'{"a": 1}'


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/open", 200), ("/open/it", 200), ("/open/", 404), ("/open/it/x", 404), ("/docs", 404), ("/x/open", 404),
        ("/open\n", 404), ("/openapi.json", 404),
    ],
)  # fmt: skip
def test_only_open_paths_are_there(path: str, status: int) -> None:
    app = Echo()
    answer = told(app, method="GET", path=path, headers=())
    assert answer.status == status
    assert (app.seen is None) == (status == 404)
    if status == 404:
        assert answer.error["code"] == "not_found"
        assert answer.headers[b"connection"] == b"close"


@pytest.mark.parametrize(
    "path",
    [
        "/", "/metrics", "/v1/models", "/v1/models/hidden-gems", "/v1/models/hidden-gems:predict",
        "/v1/models/hidden-gems:explain", "/v2/health/live", "/v2/health/ready", "/v2/models/deep",
        "/v2/models/deep/infer", "/v2/models/deep/ready",
    ],
)  # fmt: skip
def test_paths_of_kserve_that_are_open(path: str) -> None:
    assert told(Echo(), method="GET", path=path, headers=(), door=Door()).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/docs", "/redoc", "/openapi.json", "/v2", "/v2/models", "/v2/repository/models/deep/unload",
        "/v2/repository/models/deep/load", "/v2/repository/index", "/v2/models/deep/versions/1/infer",
        "/v1/models/a/b", "/v1/models/deep:unload", f"/v2/models/{'a' * 65}/infer", "/openai/v1/models",
    ],
)  # fmt: skip
def test_paths_of_kserve_that_are_closed(path: str) -> None:
    assert told(Echo(), method="GET", path=path, headers=(), door=Door()).status == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(method: str) -> None:
    app = Echo()
    answer = told(app, method=method)
    assert (answer.status, answer.error["code"], app.seen) == (405, "wrong_method", None)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([JSON], 200),
        ([(b"content-type", b"Application/JSON; charset=utf-8")], 200),
        ([JSON, (b"content-encoding", b"identity")], 200),
        ([], 415),
        ([(b"content-type", b"text/plain")], 415),
        ([(b"content-type", b"application/cloudevents+json")], 415),
        ([(b"content-type", b"application/octet-stream")], 415),
        ([JSON, (b"content-encoding", b"gzip")], 415),
    ],
)
def test_bodies_are_json(headers: list[Header], status: int) -> None:
    app = Echo()
    answer = told(app, headers=headers)
    assert answer.status == status
    if status == 200:
        assert app.seen is not None
        assert [value for name, value in app.seen["headers"] if name == b"content-type"] == [b"application/json"]
    else:
        assert answer.error["code"] == "json_only"


@pytest.mark.parametrize(
    ("length", "chunks", "status"),
    [
        (b"8", (b"12345678",), 200),
        (b"9", (b"123456789",), 413),
        (None, (b"1234", b"5678"), 200),
        (None, (b"1234", b"56789"), 413),
        (None, (b"1" * 9, b""), 413),
        (b"2", (b"1234", b"56789"), 413),  # a server would not let this lie through; the count does not rely on it
        (b"-1", (b"",), 400),
        (b"9" * 30, (None,), 413),  # refused before a byte is read
    ],
)
def test_bodies_are_bounded(length: bytes | None, chunks: tuple[bytes | None, ...], status: int) -> None:
    headers = [JSON] if length is None else [JSON, (b"content-length", length)]
    answer = told(Echo(), headers=headers, chunks=chunks)
    assert answer.status == status
    if status == 413:
        assert answer.error["code"] == "too_large"
        assert answer.headers[b"connection"] == b"close"


@pytest.mark.parametrize("chunks", [(None,), (b"12", None)])
def test_a_slow_sender_is_not_waited_for(chunks: tuple[bytes | None, ...]) -> None:
    answer = told(Echo(), chunks=chunks)
    assert (answer.status, answer.error["code"]) == (408, "too_slow")
    assert answer.headers[b"connection"] == b"close"


def test_whoever_hangs_up_gets_no_answer() -> None:
    app = Echo()
    assert ask(app, chunks=()) is None
    assert app.seen is None


def test_headers_that_kserve_would_obey_stay_out() -> None:
    app = Echo()
    given = [
        JSON, (b"ce-id", b"1"), (b"ce-type", b"x"), (b"inference-header-content-length", b"3"),
        (b"transfer-encoding", b"chunked"), (b"x-gems-bucket", b"07"), (b"authorization", b"Bearer k"),
    ]  # fmt: skip
    told(app, headers=given, chunks=(b"{}",))
    assert app.seen is not None
    names = {name for name, _ in app.seen["headers"]}
    assert names == {b"content-type", b"x-gems-bucket", b"authorization", b"x-request-id"}


def test_headers_that_kserve_would_echo_stay_in() -> None:
    echoed = [
        (b"authorization", b"Bearer k"), (b"cookie", b"secret"), (b"transfer-encoding", b"chunked"),
        (b"x-gems-deadline-ms", b"40"), (b"Content-Type", b"application/json"), (b"x-gems-release", b"canary"),
    ]  # fmt: skip
    answer = told(Echo(answer_headers=echoed), extra=[(b"x-gems-now", b"2026-05-04T00:00:00+00:00")])
    assert set(answer.headers) == {b"Content-Type", b"x-gems-release", b"x-gems-now", b"x-request-id"}
    assert answer.headers[b"x-gems-now"] == b"2026-05-04T00:00:00+00:00"


@pytest.mark.parametrize(("status", "seen", "code"), [
    (400, 400, "bad_request"), (404, 404, "not_found"), (405, 405, "wrong_method"), (422, 400, "bad_request"),
    (418, 400, "bad_request"), (500, 500, "internal"), (502, 500, "internal"), (503, 503, "unavailable"),
])  # fmt: skip
def test_bodies_of_errors_are_ours(status: int, seen: int, code: str) -> None:
    answer = told(Echo(status=status), extra=[(b"x-gems-now", b"now")])
    assert answer.status == seen
    assert b"library" not in answer.body
    assert answer.error["code"] == code
    assert set(answer.error) == {"code", "message", "request_id"}
    assert answer.headers[b"x-gems-now"] == b"now"
    assert b"connection" not in answer.headers  # the body was read: the connection may be used again
    assert answer.headers.get(b"retry-after") == (b"1" if seen == 503 else None)


@pytest.mark.parametrize(("error", "status", "code", "message"), [
    (BadFieldError("instances[0].limit", "expected 1 to 50, got 51"), 400, "bad_request",
     "instances[0].limit: expected 1 to 50, got 51"),
    (NotFoundError("no slate 's1'"), 404, "not_found", "no slate 's1'"),
    (ExpiredError("slate 's1' is over"), 410, "expired", "slate 's1' is over"),
    (PartUnavailableError("features", "redis at 10.0.0.1"), 503, "unavailable",
     "a part that is needed does not answer now"),
    (KeyError("secret"), 500, "internal", "something went wrong on our side"),
])  # fmt: skip
def test_what_a_model_raises_is_told_as_the_table_says(
    error: Exception, status: int, code: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="gems"):
        answer = told(Echo(raises=error), headers=[JSON, (b"x-request-id", b"r-1")])
    assert (answer.status, answer.error["code"], answer.error["message"]) == (status, code, message)
    assert answer.error["request_id"] == "r-1"
    assert answer.headers[b"x-request-id"] == b"r-1"
    assert answer.error.get("field") == ("instances[0].limit" if status == 400 else None)
    assert (b"retry-after" in answer.headers) == (status == 503)
    assert ("r-1" in caplog.text) == (status >= 500)
    assert caplog.text.count("Traceback") == (1 if status == 500 else 0)


def test_an_answer_that_has_begun_is_broken_off(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError, match="too late"), caplog.at_level(logging.ERROR, logger="gems"):
        ask(Echo(raises=RuntimeError("too late"), late=True))
    assert "too late" in caplog.text


@pytest.mark.parametrize("given", [b"", b"a" * 65, b"x\ty", b"1 2"])
def test_a_request_id_that_could_forge_a_log_line_is_replaced(given: bytes) -> None:
    answer = told(Echo(), headers=[JSON, (b"x-request-id", given)])
    assert len(answer.headers[b"x-request-id"]) == 32
    assert answer.headers[b"x-request-id"] != given


def test_lifespans_pass_and_websockets_are_closed() -> None:
    app, sent = Echo(), []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    asyncio.run(Guard(app, DOOR)({"type": "websocket", "path": "/open", "headers": []}, receive, send))
    assert app.seen is None
    assert sent == [{"type": "websocket.close", "code": 1008}]
    asyncio.run(Guard(app, DOOR)({"type": "lifespan"}, receive, send))
    assert app.seen == {"type": "lifespan"}
