"""A snapshot: the online state at one version, in bytes that say when they are torn."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hidden_gems.online.state import BadStateError, OnlineState

_MAGIC = b"gems-snapshot-1\n"
_HASH_BYTES = 32


@dataclass(frozen=True)
class Snapshot:
    """The state at one version."""

    at: float  # epoch seconds on the learner's clock
    state: OnlineState
    moved: Mapping[str, bytes | None]  # packed vectors of people since the snapshot before; None where erased
    whole: bool = True  # the oldest one: `moved` has everybody

    def to_bytes(self) -> bytes:
        """A mark, a SHA-256, and NumPy arrays without pickle."""
        held = {name: vector for name, vector in self.moved.items() if vector is not None}
        about = {
            "at": self.at,
            "whole": self.whole,
            "people": list(held),
            "gone": [name for name, vector in self.moved.items() if vector is None],
        }
        buffer = io.BytesIO()
        np.savez(
            buffer,
            allow_pickle=False,
            about=np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), dtype=np.uint8),
            state=np.frombuffer(self.state.to_bytes(), dtype=np.uint8),
            vectors=np.frombuffer(b"".join(held.values()), dtype=np.uint8),
        )
        body = buffer.getvalue()
        return _MAGIC + hashlib.sha256(body).digest() + body

    @classmethod
    def from_bytes(cls, value: bytes) -> "Snapshot":
        """Read what `to_bytes` wrote.

        Raises:
            BadStateError: If it is torn, or nothing of ours.
        """
        start = len(_MAGIC) + _HASH_BYTES
        body = value[start:]
        if not value.startswith(_MAGIC) or hashlib.sha256(body).digest() != value[len(_MAGIC) : start]:
            raise BadStateError("it is no snapshot of this version, or torn")
        try:
            with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
                about = json.loads(arrays["about"].tobytes())
                people, vectors = about["people"], arrays["vectors"].tobytes()
                size = len(vectors) // max(1, len(people))
                moved = {name: vectors[row * size : (row + 1) * size] for row, name in enumerate(people)}
                state = OnlineState.from_bytes(arrays["state"].tobytes())
                return cls(about["at"], state, {**moved, **dict.fromkeys(about["gone"])}, about["whole"])
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise BadStateError(f"the snapshot cannot be read: {error}") from error
