"""What a list of events meets first: a clock, and a refusal at once while too much is in hand."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import Response

from inference.collector.admission import Admission
from inference.collector.errors import RETRY_SECONDS, BusyError, ErrorAnswer, Refusal
from inference.collector.lag import Lag
from inference.collector.metrics import Metrics

EVENTS = "/v1/events"
MOST_LAG_SECONDS = 0.01
"""Of the event loop, from which on nobody more is let in while some are in hand: refusals alone fill it."""
_SOME_EVENTS = 4
Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
_REFUSAL = ErrorAnswer(error=Refusal(code=BusyError.code, message="too many events come; send the same again"))


class Entrance:
    """ASGI middleware before POST /v1/events: measures each answer, and refuses without a look at the body.

    Args:
        app: The application.
        admission: What is in hand.
        metrics: Of this process.
    """

    def __init__(self, app: App, admission: Admission, metrics: Metrics) -> None:
        self._app, self._admission, self._lag = app, admission, Lag()
        self._seconds, self._refused = metrics.requests, metrics.refused.labels("busy")
        body = _REFUSAL.model_dump_json(exclude_none=True)
        self._busy = Response(body, 503, {"Retry-After": str(RETRY_SECONDS)}, "application/json")

    def _late(self) -> bool:
        return self._admission.events >= _SOME_EVENTS and self._lag.seconds > MOST_LAG_SECONDS

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] != EVENTS or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        self._lag.request()

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if self._admission.full() or self._late():
                self._refused.inc()
                await self._busy(scope, receive, watched)
            else:
                await self._app(scope, receive, watched)
        finally:
            self._seconds.labels(str(status)).observe(time.perf_counter() - began)
