"""Who is answered by models that move, and who by the release alone: the live comparison of the two."""

import hashlib
from dataclasses import dataclass
from typing import Literal

Variant = Literal["online", "static"]
VARIANTS: tuple[str, ...] = ("online", "static")
_RANGE = 1 << 64


@dataclass(frozen=True)
class Assignment:
    """A share of the people stays with the release: its priors, and nothing that was learned since.

    Who does is decided by a salted hash of the pseudonym, so that it is the same at every door and every time. Another
    salt is another, independent choice. A larger share keeps everybody who was static before.

    Args:
        static_share: Share of the people, 0 to 1.
        salt: Of the hash; its own for every comparison.

    Examples:
        >>> half = Assignment(0.5)
        >>> half.of("p1") == half.of("p1")
        True
        >>> Assignment().of("p1"), Assignment(1.0).of("p1")
        ('online', 'static')
    """

    static_share: float = 0.0
    salt: str = "online-static"

    def __post_init__(self) -> None:
        if not 0.0 <= self.static_share <= 1.0:
            raise ValueError(f"the share of static people must be 0 to 1, got {self.static_share}")

    def of(self, pseudonym: str) -> Variant:
        """The variant of a person."""
        digest = hashlib.blake2b(f"{self.salt}:{pseudonym}".encode(), digest_size=8).digest()
        return "static" if int.from_bytes(digest, "big") < self.static_share * _RANGE else "online"
