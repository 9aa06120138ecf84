"""Impression tokens: the proof that an item was shown to a person, signed by the door that answered."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.errors import BadInputError

CLOCK_SKEW_SECONDS = 300.0
LONG_LIVED = frozenset({"visit", "rating"})
_MAC_BYTES = 16


class BadTokenError(BadInputError):
    """A token is forged, foreign or expired; says which."""


@dataclass(frozen=True)
class Claim:
    """What a token proves."""

    user_id: str  # pseudonym
    slate_id: str
    item_id: str
    position: int  # from 0
    propensity: float
    issued: float  # epoch seconds


class Tokens:
    """Sign and verify impression tokens with HMAC-SHA256.

    A token is base64url(JSON of slate, position, propensity, issued) "." base64url(first 16 bytes of the HMAC over
    that, the person and the item).

    Args:
        keys: The first signs; all verify, so that a key can be replaced while old tokens live.

    Examples:
        >>> tokens = Tokens([b"secret"])
        >>> token = tokens.sign(Claim("p1", "s1", "g1", 0, 0.25, issued=1000.0))
        >>> tokens.verify(token, user_id="p1", item_id="g1", event_type="click", now=1060.0).propensity
        0.25
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or not all(keys):
            raise ValueError("tokens need at least one key, and no empty one")
        self._keys = tuple(keys)

    def sign(self, claim: Claim) -> str:
        """Token of a claim."""
        said = [claim.slate_id, claim.position, claim.propensity, round(claim.issued, 3)]
        body = _encode(json.dumps(said, separators=(",", ":")).encode())
        return f"{body}.{_encode(_mac(self._keys[0], body, claim.user_id, claim.item_id))}"

    def verify(
        self, token: str, *, user_id: str, item_id: str, event_type: str, now: float, slate_id: str | None = None
    ) -> Claim:
        """What the token proves about this person and item.

        Args:
            token: As it came with the event.
            user_id: Pseudonym of the person who sends it.
            item_id: Item the event is about.
            event_type: Canonical type; visits and ratings may come within 7 days, all others within 24 hours.
            now: Epoch seconds.
            slate_id: The event's own, where it has one.

        Raises:
            BadTokenError: If it was not signed by us for this person, item and slate, or is too old.
        """
        body, _, mac = token.partition(".")
        expected = (_encode(_mac(key, body, user_id, item_id)) for key in self._keys)
        if not any(hmac.compare_digest(mac.encode(), each.encode()) for each in expected):
            raise BadTokenError("the token was not signed here for this person and item")
        slate, position, propensity, issued = json.loads(_decode(body))
        if slate_id is not None and slate_id != slate:
            raise BadTokenError("the token belongs to another slate")
        life = 7 * DAY_SECONDS if event_type in LONG_LIVED else DAY_SECONDS
        if not -CLOCK_SKEW_SECONDS <= now - issued <= life:
            raise BadTokenError("the token has expired")
        return Claim(user_id, slate, item_id, position, propensity, issued)


def _mac(key: bytes, body: str, user_id: str, item_id: str) -> bytes:
    said = json.dumps([body, user_id, item_id], ensure_ascii=True).encode()
    return hmac.new(key, said, hashlib.sha256).digest()[:_MAC_BYTES]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
