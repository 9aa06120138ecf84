"""What stands before the routes of a server: open paths only, bounded bodies, one shape of error, nothing leaks."""

import asyncio
import json
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from hidden_gems.core.errors import HiddenGemsError
from inference.shell.errors import RETRY_SECONDS, STATUSES, Status, body_of, status_of, status_of_http
from inference.shell.metrics import ERRORS

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

KSERVE_PATHS = (
    r"/|/metrics|/v1/models(/[\w-]{1,64}(:predict|:explain)?)?"
    r"|/v2/health/(live|ready)|/v2/models/[\w-]{1,64}(/infer|/ready)?"
)
"""Repository routes, /docs and /openapi.json are not among them."""

_ECHOED = re.compile(r"[\w-]{1,64}")
_DROPPED = (b"content-type", b"content-encoding", b"inference-header-content-length", b"transfer-encoding")
_PASSED = (b"content-type", b"content-length", b"retry-after", b"inference-header-content-length", b"www-authenticate")
_log = logging.getLogger("gems")


@dataclass(frozen=True)
class Door:
    """What a server lets in."""

    open_paths: str = KSERVE_PATHS  # a regular expression of whole paths
    methods: tuple[str, ...] = ("GET", "HEAD", "POST")
    body_bytes: int = 64 * 1024
    body_seconds: float = 5.0  # for the whole body, however slowly it comes


class _RefusedError(Exception):
    """A request that goes no further."""

    def __init__(self, http: int) -> None:
        self.status = STATUSES[http]


class _HungUpError(Exception):
    """Whoever asked has hung up."""


class Guard:
    """Pure ASGI middleware before a KServe or FastAPI application.

    KServe compares content types exactly, reads `ce-*` headers as CloudEvents, echoes the request's headers in the
    answer of `:explain` and puts the text of exceptions into bodies; the first two are made harmless on the way in,
    the others on the way out. What a client gets of an error is in `errors`; what a library said goes to the log.

    Args:
        app: The application.
        door: What is let in.
        headers: Headers added to every answer, made anew each time.
    """

    def __init__(self, app: App, door: Door, headers: Callable[[], Iterable[Header]] = lambda: ()) -> None:
        self._app, self._door, self._headers = app, door, headers
        self._open = re.compile(door.open_paths)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"])
        request_id = _request_id(given)
        answer = _Answer(send, [*self._headers(), (b"x-request-id", request_id.encode())])
        try:
            self._look(scope, given)
            body = await self._body(receive) if scope["method"] == "POST" else b""
        except _RefusedError as refused:
            await answer.error(refused.status, request_id, close=True)
            return
        except _HungUpError:
            return
        await self._pass(scope, given, _replayed(body, receive), answer, request_id)

    def _look(self, scope: Message, given: dict[bytes, bytes]) -> None:
        if not self._open.fullmatch(scope["path"]):
            raise _RefusedError(404)
        if scope["method"] not in self._door.methods:
            raise _RefusedError(405)
        length = given.get(b"content-length", b"0")
        if not length.isdigit():
            raise _RefusedError(400)
        if int(length) > self._door.body_bytes:
            raise _RefusedError(413)
        if scope["method"] == "POST":
            kind = given.get(b"content-type", b"").split(b";")[0].strip().lower()
            if kind != b"application/json" or given.get(b"content-encoding", b"identity") != b"identity":
                raise _RefusedError(415)

    async def _body(self, receive: Receive) -> bytes:
        chunks, size, more = [], 0, True
        try:
            async with asyncio.timeout(self._door.body_seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _HungUpError
                    chunks.append(message.get("body", b""))
                    size, more = size + len(chunks[-1]), message.get("more_body", False)
                    if size > self._door.body_bytes:
                        raise _RefusedError(413)
        except TimeoutError:
            raise _RefusedError(408) from None
        return b"".join(chunks)

    async def _pass(
        self, scope: Message, given: dict[bytes, bytes], receive: Receive, answer: "_Answer", request_id: str
    ) -> None:
        kept = [(name, value) for name, value in given.items() if not name.startswith(b"ce-") and name not in _DROPPED]
        kept = [pair for pair in kept if pair[0] != b"x-request-id"]
        known = [(b"content-type", b"application/json"), (b"x-request-id", request_id.encode())]
        error: HiddenGemsError | None = None
        try:
            await self._app({**scope, "headers": [*kept, *known]}, receive, answer.send)
            status = answer.failed
        except HiddenGemsError as ours:
            status, error = status_of(ours), ours
            if status.http >= 500:
                _log.warning("request %s: %s", request_id, ours)
        except Exception:
            _log.exception("request %s failed", request_id)
            status = STATUSES[500]
            if answer.started:
                raise
        if status is not None:
            await answer.error(status, request_id, error)


class _Answer:
    """Lets good answers through with safe headers, holds bad ones back."""

    def __init__(self, send: Send, headers: Sequence[Header]) -> None:
        self._send, self._headers = send, headers
        self.started = False
        self.failed: Status | None = None

    async def send(self, message: Message) -> None:
        """What the application answers."""
        if message["type"] == "http.response.start":
            if message["status"] >= 400:
                self.failed = status_of_http(message["status"])
                return
            self.started = True
            safe = [pair for pair in message.get("headers", ()) if _may_pass(pair[0].lower())]
            message = {**message, "headers": [*safe, *self._headers]}
        if self.failed is None:
            await self._send(message)

    async def error(
        self, status: Status, request_id: str, error: HiddenGemsError | None = None, close: bool = False
    ) -> None:
        """Answer with an error of ours instead."""
        ERRORS.labels("http", status.code).inc()
        body = json.dumps(body_of(status, request_id, error)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *self._headers]
        if status.retry:
            headers.append((b"retry-after", b"%d" % RETRY_SECONDS))
        if close:  # a body that was not read must not be taken for the next request
            headers.append((b"connection", b"close"))
        await self._send({"type": "http.response.start", "status": status.http, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _may_pass(name: bytes) -> bool:
    return name in _PASSED or (name.startswith(b"x-gems-") and name != b"x-gems-deadline-ms")


def _request_id(given: dict[bytes, bytes]) -> str:
    told = given.get(b"x-request-id", b"").decode("latin-1")
    return told if _ECHOED.fullmatch(told) else uuid.uuid4().hex


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body that was read, then whatever the server says."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message
