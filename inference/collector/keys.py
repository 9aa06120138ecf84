"""Who may do what: keys and their scopes."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, get_args

from hidden_gems.core.errors import BadInputError
from hidden_gems.core.ids import secret
from inference.collector.settings import CollectorSettings

Scope = Literal["ingest", "backend", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
KEY_FILE = "api.key"
_VARIABLE = "GEMS_API_KEYS"
_HASH = "sha256:"


@dataclass(frozen=True)
class Caller:
    """Whose key it was, without the key."""

    name: str  # digits of its hash
    scopes: frozenset[Scope]


class Keys:
    """Known keys, each with its scopes; a key that is listed twice has both.

    `ingest` sends events and is bound to origins, `backend` sends events and makes the calls about people, `admin`
    changes gems. Several keys of one scope may live side by side, so that one can be replaced by the next. An entry
    `scope:sha256:HEX` holds the SHA-256 of a key instead of the key, which then is stored nowhere on our side; keys of
    ours are 64 random digits, so a plain hash is enough.

    Examples:
        >>> keys = Keys.parse(["ingest:one", "admin:two"], bare_allowed=False)
        >>> keys.caller("two").scopes
        frozenset({'admin'})
        >>> keys.caller("three") is None
        True
    """

    def __init__(self, scopes: dict[bytes, frozenset[Scope]]) -> None:
        self._known = list(scopes.items())

    @classmethod
    def parse(cls, entries: Sequence[str], *, bare_allowed: bool) -> "Keys":
        """Read `scope:key` and `scope:sha256:HEX` entries; a bare key has all scopes.

        Raises:
            BadInputError: If there is none, a scope is unknown, a key is empty, a hash is none, or a bare key is not
                allowed.
        """
        held: dict[bytes, frozenset[Scope]] = {}
        for entry in filter(None, (each.strip() for each in entries)):
            scopes, digest = _entry(entry, bare_allowed)
            held[digest] = held.get(digest, frozenset()) | scopes
        if not held:
            raise BadInputError(f"{_VARIABLE} names no key; expected scope:key, comma-separated")
        return cls(held)

    @classmethod
    def load(cls, settings: CollectorSettings) -> "Keys":
        """Keys of the settings, else the one in a file under the home, made on first use."""
        given = settings.api_keys.get_secret_value()
        entries = given.split(",") if given else [key.decode() for key in secret(_VARIABLE, settings.home / KEY_FILE)]
        return cls.parse(entries, bare_allowed=is_loopback(settings.host))

    def caller(self, key: str) -> Caller | None:
        """Who has this key, in a time that does not depend on how near a guess is."""
        digest, found = _digest(key), None
        for known, scopes in self._known:
            if hmac.compare_digest(known, digest):
                found = Caller(digest.hex()[:12], scopes)
        return found


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reachable from this machine only.

    Examples:
        >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "gems.example")]
        [True, True, True, False, False]
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _entry(entry: str, bare_allowed: bool) -> tuple[frozenset[Scope], bytes]:
    name, colon, key = entry.partition(":")
    if not colon:
        if not bare_allowed:
            raise BadInputError(f"{_VARIABLE} holds a key without a scope, which only a loopback address may have")
        return frozenset(SCOPES), _digest(entry)
    scope = next((each for each in SCOPES if each == name), None)
    if scope is None or not key:
        raise BadInputError(f"{_VARIABLE} has an entry that is no scope:key; scopes are {', '.join(SCOPES)}")
    return frozenset({scope}), _hashed(key.removeprefix(_HASH)) if key.startswith(_HASH) else _digest(key)


def _hashed(digits: str) -> bytes:
    if not re.fullmatch("[0-9a-fA-F]{64}", digits):
        raise BadInputError(f"{_VARIABLE} has an entry that is no scope:sha256:HEX with 64 hexadecimal digits")
    return bytes.fromhex(digits)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
