"""What a server tells about its time, where that is not the machine's."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from datetime import UTC, datetime
from typing import Any

from hidden_gems.core.clock import Clock

HEADER = b"x-gems-now"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def now_header(clock: Clock | None) -> Iterable[tuple[bytes, bytes]]:
    """The time as a header; nothing for a process that runs on the machine's clock."""
    if clock is None:
        return ()
    moment = datetime.fromtimestamp(clock.now(), UTC).isoformat(timespec="seconds")
    return ((HEADER, moment.encode()),)


class TellsTime:
    """ASGI middleware that puts the time on every answer, so that callers can date their events by it.

    Args:
        app: The application.
        clock: Of this process; None where it is the machine's.
    """

    def __init__(self, app: App, clock: Clock | None) -> None:
        self._app, self._clock = app, clock

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *now_header(self._clock)]}
            await send(message)

        await self._app(scope, receive, dated)
