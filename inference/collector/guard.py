"""Before each call: is there a key, may it do this, and has it room left."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from inference.collector.errors import ForbiddenError, NoKeyError, TooManyError
from inference.collector.keys import Caller, Keys, Scope
from inference.collector.limits import RateLimit

_BEARER = HTTPBearer(auto_error=False, description="A key with the scope that the call needs")
_INGEST_ONLY = frozenset({"ingest"})
Check = Callable[[Request, Any], Awaitable[Caller]]
SECURED: dict[str, Any] = {"security": [{"HTTPBearer": []}]}
"""OpenAPI of a call that asks for its caller by itself: what FastAPI does for it costs a third of a single event."""


class Guard:
    """Checks keys, scopes, origins and limits.

    Args:
        keys: Known keys.
        limit: Room of each key.
        origins: A key that may only ingest is published in browsers: other origins than these are refused.
    """

    def __init__(self, keys: Keys, limit: RateLimit, origins: list[str]) -> None:
        self._keys, self._limit, self._origins = keys, limit, frozenset(origins)

    def needs(self, *scopes: Scope) -> Check:
        """Dependency of a call that any of these scopes may make."""

        async def check(request: Request, _: Annotated[Any, Depends(_BEARER)]) -> Caller:
            return self.caller(request, *scopes)

        return check

    def caller(self, request: Request, *scopes: Scope) -> Caller:
        """Who calls.

        Raises:
            NoKeyError: If there is no key, or none that we know.
            ForbiddenError: If the key has none of these scopes, or may not be used from this origin.
            TooManyError: If the key has no room left.
        """
        scheme, key = get_authorization_scheme_param(request.headers.get("authorization"))
        caller = self._keys.caller(key) if scheme.lower() == "bearer" and key else None
        if caller is None:
            raise NoKeyError("send a known key as Authorization: Bearer KEY", headers={"WWW-Authenticate": "Bearer"})
        if caller.scopes.isdisjoint(scopes):
            raise ForbiddenError(f"the key has not the scope that this call needs: {' or '.join(scopes)}")
        origin = request.headers.get("origin")
        if caller.scopes <= _INGEST_ONLY and origin is not None and origin not in self._origins:
            raise ForbiddenError("the key may not be used from this origin")
        self.room(caller, 1)
        return caller

    def room(self, caller: Caller, events: int) -> None:
        """Take room for these events.

        Raises:
            TooManyError: If the key has none left; says when it has.
        """
        if seconds := self._limit.wait(caller.name, events):
            raise TooManyError("the key has sent too much", headers={"Retry-After": str(seconds)})
