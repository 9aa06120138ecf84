"""Bodies: read up to a bound and within a time, as strict JSON."""

import asyncio
from typing import Any

import orjson
from fastapi import Request
from starlette.requests import ClientDisconnect

from inference.collector.errors import CallError, NotJsonError, SlowBodyError, TooLargeError
from inference.collector.limits import BODY_SECONDS

_CLOSE = {"Connection": "close"}  # a body that was not read must not be taken for the next request


async def json_of(request: Request, most: int, seconds: float = BODY_SECONDS) -> Any:
    """JSON value of a body of at most so many bytes; raises as `body_of` and `parsed` do."""
    return parsed(await body_of(request, most, seconds))


async def body_of(request: Request, most: int, seconds: float = BODY_SECONDS) -> bytearray:
    """A body of at most so many bytes.

    Raises:
        TooLargeError: If it is larger; nothing beyond the bound is kept.
        SlowBodyError: If it does not arrive in time.
    """
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > most:
        raise TooLargeError(f"the body has more than {most} bytes", headers=_CLOSE)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise TooLargeError(f"the body has more than {most} bytes", headers=_CLOSE)
    except TimeoutError as error:
        raise SlowBodyError(f"the body did not arrive in {seconds:g} seconds", headers=_CLOSE) from error
    except ClientDisconnect as error:
        raise CallError("the caller hung up") from error
    return body


def parsed(body: bytearray) -> Any:
    """JSON value of a body.

    Raises:
        NotJsonError: If it is not JSON in UTF-8; NaN and Infinity are not.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotJsonError(f"the body is not JSON: {error}") from error
