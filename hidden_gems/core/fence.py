"""A fence: what keeps a writer that was thought dead from writing over its successor."""

from dataclasses import dataclass

from hidden_gems.core.errors import FencedError


@dataclass(frozen=True)
class Fence:
    """Whoever writes behind it may do so while the store holds `token` under `key`: a successor puts another one.

    Source: Kleppmann, "How to do distributed locking", 2016 (fencing tokens).
    """

    key: str
    token: bytes

    def check(self, held: bytes | None) -> None:
        """Compare with what the store holds.

        Raises:
            FencedError: If it is not ours.
        """
        if held != self.token:
            raise FencedError(
                f"{self.key} is {(held or b'gone').decode()} by now, and was {self.token.decode()} for us"
            )
