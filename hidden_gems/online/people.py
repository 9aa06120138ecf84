"""What the online learners hold of one person, packed under one key."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.drift.taste import TasteDrift
from hidden_gems.online.factors import DIMENSIONS
from hidden_gems.online.left import KEPT, Table, nothing

Floats = NDArray[np.float64]
TASTE = TasteDrift()
_VECTOR = 1 + DIMENSIONS
_NUMBERS = _VECTOR + 1 + len(TASTE.start())
_BYTES = 8 * _NUMBERS + 4 * 3 * KEPT


@dataclass
class OnPerson:
    """The vector of the factors, how long they learn faster, what the watch over their taste remembers, what they left.

    Packed it is little-endian float64 but for the last, float32: the vector first, so that who only needs it reads the
    head.
    """

    vector: Floats  # [bias, factors], size 1 + D
    hurry: float  # outcomes for which their learning is still fast
    taste: Floats  # memory of `TasteDrift`
    left: Table  # of `online.left`

    @classmethod
    def unpack(cls, packed: bytes | None) -> "OnPerson":
        """Read what `pack` wrote; somebody new for nothing, and a taste that is not known yet for a vector alone.

        Raises:
            ValueError: If these are not the bytes of a person, or a number is not finite.
        """
        if packed is None:
            return cls(np.zeros(_VECTOR), 0.0, TASTE.start(), nothing())
        if len(packed) not in (8 * _VECTOR, _BYTES):
            raise ValueError(f"what is held of a person has {_BYTES} bytes, got {len(packed)}")
        numbers = np.frombuffer(packed[: 8 * _NUMBERS], dtype="<f8").astype(np.float64)
        left = left_of(packed)
        if not (np.isfinite(numbers).all() and np.isfinite(left).all()):
            raise ValueError("what is held of a person must be finite")
        if len(numbers) == _VECTOR:
            return cls(numbers, 0.0, TASTE.start(), left)
        return cls(numbers[:_VECTOR], float(numbers[_VECTOR]), numbers[_VECTOR + 1 :], left)

    def pack(self) -> bytes:
        """As it lies in the store."""
        numbers = np.concatenate([self.vector, [self.hurry], self.taste]).astype("<f8")
        return numbers.tobytes() + self.left.astype("<f4").tobytes()


def left_of(packed: bytes) -> Table:
    """What somebody left, out of what `pack` wrote; nothing where it is not known."""
    if len(packed) != _BYTES:
        return nothing()
    return np.frombuffer(packed[8 * _NUMBERS :], dtype="<f4").astype(np.float32).reshape(KEPT, 3)
