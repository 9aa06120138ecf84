"""From a call to a request, from a response to an answer or an error; knows no sockets."""

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from hidden_gems.client.calls import Call
from hidden_gems.client.errors import ClientError, UnavailableError, UnexpectedAnswerError, error_of

T = TypeVar("T")

TRANSFORMER, COLLECTOR = "http://127.0.0.1:8080", "http://127.0.0.1:8090"
TIMEOUT_SECONDS = 2.0
BUCKETS = 100
BUCKET_HEADER, NOW_HEADER = "x-gems-bucket", "x-gems-now"
LONGEST_PAUSE_SECONDS = 5.0
"""A server that asks for a longer pause is not asked again."""


@dataclass
class Wire:
    """Where the doors are and how to talk to them.

    A stack on data that ended long ago has a time of its own and tells it with every answer; events that bring no time
    happen at the time last told.
    """

    transformer: str = TRANSFORMER
    collector: str = COLLECTOR
    api_key: str | None = None
    timeout_seconds: float = TIMEOUT_SECONDS  # of connecting, and of each wait for more of the answer
    attempts: int = 3  # of a call that may be repeated, the first one included
    salt: str = "gems"  # of the buckets; another one mixes people anew
    clock: Callable[[], float] = time.time  # epoch seconds, for events that bring no time
    _behind_seconds: float = field(default=0.0, init=False)  # how far the time of the doors is behind the clock

    def now(self) -> float:
        """Epoch seconds as the doors count them."""
        return self.clock() - self._behind_seconds

    def request(self, call: Call[Any]) -> httpx.Request:
        """The request of a call."""
        door = self.transformer if call.door == "transformer" else self.collector
        headers = {"accept": "application/json"}
        if self.api_key:
            headers["authorization"] = f"Bearer {self.api_key}"
        if call.person is not None:
            headers[BUCKET_HEADER] = bucket(call.person, self.salt)
        content = None
        if call.body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(call.body, ensure_ascii=False).encode()
        url = httpx.URL(door.rstrip("/") + call.path, params=dict(call.query) or None)
        limits = httpx.Timeout(self.timeout_seconds).as_dict()
        return httpx.Request(call.method, url, headers=headers, content=content, extensions={"timeout": limits})

    def answer(self, call: Call[T], request: httpx.Request, response: httpx.Response) -> T:
        """Read the answer.

        Raises:
            ClientError: The kind of its status; `UnexpectedAnswerError` where the body is not what the contract says.
        """
        asked = f"{request.method} {request.url}"
        self._note_time(response)
        if not response.is_success:
            raise error_of(asked, response.status_code, response.headers, response.content)
        try:
            return call.read(response.json() if response.content else None)
        except (ValidationError, ValueError, KeyError, TypeError) as error:
            raise UnexpectedAnswerError(
                f"{asked} answered {response.status_code} with what the contract does not know: {error}",
                response.status_code,
            ) from error

    def pause(self, call: Call[Any], error: ClientError, attempt: int) -> float | None:
        """Seconds to wait before the same call may be sent again, None where it must not be.

        Args:
            call: What was asked.
            error: What it ended with.
            attempt: How often it was sent, 1 or more.
        """
        wait = error.retry_after if isinstance(error, UnavailableError) else None
        if not call.repeatable or wait is None or wait > LONGEST_PAUSE_SECONDS or attempt >= self.attempts:
            return None
        return wait

    def _note_time(self, response: httpx.Response) -> None:
        told = response.headers.get(NOW_HEADER)
        if told is not None:
            with suppress(ValueError):
                self._behind_seconds = self.clock() - datetime.fromisoformat(told).timestamp()


def unreached(request: httpx.Request, error: httpx.TransportError) -> UnavailableError:
    """The error of a call that nobody answered."""
    said = str(error) or type(error).__name__
    return UnavailableError(f"{request.method} {request.url} was not answered: {said}")


def bucket(user_id: str, salt: str) -> str:
    """Which of 100 buckets a person always travels in, "00" to "99".

    Examples:
        >>> bucket("u42", "gems") == bucket("u42", "gems")
        True
    """
    digest = hashlib.sha256(f"{salt}:{user_id}".encode()).digest()
    return f"{int.from_bytes(digest[:8]) % BUCKETS:02d}"
