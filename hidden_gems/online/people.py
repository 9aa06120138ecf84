"""What the online learners hold of one person, packed under one key."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.drift.taste import TasteDrift
from hidden_gems.online.factors import DIMENSIONS

Floats = NDArray[np.float64]
TASTE = TasteDrift()
_VECTOR = 1 + DIMENSIONS


@dataclass
class OnPerson:
    """The vector of the factors, how long they learn faster, and what the watch over their taste remembers.

    Packed it is little-endian float64: the vector first, so that who only needs it reads the head.
    """

    vector: Floats  # [bias, factors], size 1 + D
    hurry: float  # outcomes for which their learning is still fast
    taste: Floats  # memory of `TasteDrift`

    @classmethod
    def unpack(cls, packed: bytes | None) -> "OnPerson":
        """Read what `pack` wrote; somebody new for nothing, and a taste that is not known yet for a vector alone.

        Raises:
            ValueError: If these are not the bytes of a person, or a number is not finite.
        """
        if packed is None:
            return cls(np.zeros(_VECTOR), 0.0, TASTE.start())
        numbers = np.frombuffer(packed, dtype="<f8").astype(np.float64)
        if len(numbers) not in (_VECTOR, _VECTOR + 1 + len(TASTE.start())) or not np.isfinite(numbers).all():
            raise ValueError(
                f"the factors of a person cannot be {len(packed)} bytes, or hold a number that is not finite"
            )
        if len(numbers) == _VECTOR:
            return cls(numbers, 0.0, TASTE.start())
        return cls(numbers[:_VECTOR], float(numbers[_VECTOR]), numbers[_VECTOR + 1 :])

    def pack(self) -> bytes:
        """As it lies in the store."""
        return np.concatenate([self.vector, [self.hurry], self.taste]).astype("<f8").tobytes()
