"""Ids of people and items, and the pseudonym that stands for a person everywhere behind the door."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

MAX_ID_LENGTH = 64
"""Longest id in code points (contract §1)."""

_KEY_VARIABLE = "GEMS_PSEUDONYM_KEY"


class Pseudonyms:
    """Turn a person's id into a pseudonym: a keyed HMAC-SHA256, 32 hexadecimal digits, the same at every door.

    Examples:
        >>> pseudonyms = Pseudonyms(b"secret")
        >>> pseudonyms.of("u42") == pseudonyms.of("u42")
        True
        >>> pseudonyms.of("u42") == Pseudonyms(b"other").of("u42")
        False
    """

    def __init__(self, key: bytes) -> None:
        if not key:
            raise ValueError("the key of the pseudonyms must not be empty")
        self._key = key

    @property
    def key_id(self) -> str:
        """Eight digits that tell two keys apart without giving either away."""
        return hmac.new(self._key, b"key-id", hashlib.sha256).hexdigest()[:8]

    def of(self, user_id: str) -> str:
        """Pseudonym of a person."""
        return hmac.new(self._key, user_id.encode(), hashlib.sha256).hexdigest()[:32]

    @classmethod
    def load(cls, home: Path) -> "Pseudonyms":
        """Key from `GEMS_PSEUDONYM_KEY`, else from a file under `home`, made on first use and readable by us only."""
        [key, *_] = secret(_KEY_VARIABLE, home / "pseudonym.key")
        return cls(key)


def secret(variable: str, path: Path) -> list[bytes]:
    """Keys out of a variable (comma-separated, the first one is the current), else out of a file.

    The file is made on first use, with one random key, and is readable by us only.
    """
    if given := os.environ.get(variable):
        return [key.encode() for key in given.split(",") if key]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return [path.read_bytes()]
    key = secrets.token_hex(32).encode()
    with os.fdopen(handle, "wb") as file:
        file.write(key)
    return [key]
