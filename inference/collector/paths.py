"""What addresses say: ids that may hold any character, moments, and lengths of time."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Path, Query
from pydantic import BeforeValidator

from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS
from inference.collector.fields import Identity, Moment, moment

_UNITS = {"s": 1, "m": 60, "h": HOUR_SECONDS, "d": DAY_SECONDS}
_WINDOW = r"^[0-9]{1,4}[smhd]$"

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


class EncodedPaths:
    """Route by the path as it was sent, so that an id may hold an encoded slash; `decoded` then reads each part."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one request."""
        if raw := scope.get("raw_path"):
            scope = {**scope, "path": raw.decode("ascii", "replace")}
        await self._app(scope, receive, send)


def decoded(part: str) -> str:
    """Text of one part of a path.

    Raises:
        ValueError: If it is not UTF-8.

    Examples:
        >>> decoded("a%2Fb")
        'a/b'
    """
    return unquote(part, errors="strict")


def moment_in_query(text: str) -> float:
    """Epoch seconds of a moment in a query, where a `+` that was not encoded has become a space.

    Raises:
        ValueError: If it is none.

    Examples:
        >>> moment_in_query("1970-01-01T02:00:01 02:00"), moment_in_query("1.5")
        (1.0, 1.5)
    """
    if re.fullmatch(r"[0-9]{1,12}([.][0-9]+)?", text):
        return moment(float(text))
    return moment(text.replace(" ", "+"))


def seconds_of(window: str) -> int:
    """Seconds of a length of time.

    Examples:
        >>> seconds_of("7d"), seconds_of("90m")
        (604800, 5400)
    """
    return int(window[:-1]) * _UNITS[window[-1]]


ItemId = Annotated[Identity, BeforeValidator(decoded), Path(description="Id of the gem")]
UserId = Annotated[Identity, BeforeValidator(decoded), Path(description="Id of the person, as the caller knows it")]
Until = Annotated[Moment | None, BeforeValidator(lambda text: text and moment_in_query(text)), Query()]
Window = Annotated[str, Query(pattern=_WINDOW, description="Seconds, minutes, hours or days back from now: 90m, 7d")]
