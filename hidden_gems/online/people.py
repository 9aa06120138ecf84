"""What the online learners hold of one person, packed under one key."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.online.factors import DIMENSIONS

Floats = NDArray[np.float64]
_VECTOR = 1 + DIMENSIONS


@dataclass
class OnPerson:
    """The vector of the factors, and how long they learn faster.

    Packed it is little-endian float64: the vector first, so that who only needs it reads the head.
    """

    vector: Floats  # [bias, factors], size 1 + D
    hurry: float  # outcomes for which their learning is still fast

    @classmethod
    def unpack(cls, packed: bytes | None) -> "OnPerson":
        """Read what `pack` wrote; somebody new for nothing.

        Raises:
            ValueError: If these are not the bytes of a person, or a number is not finite.
        """
        if packed is None:
            return cls(np.zeros(_VECTOR), 0.0)
        numbers = np.frombuffer(packed, dtype="<f8").astype(np.float64)
        if len(numbers) not in (_VECTOR, _VECTOR + 1) or not np.isfinite(numbers).all():
            raise ValueError(
                f"the factors of a person cannot be {len(packed)} bytes, or hold a number that is not finite"
            )
        if len(numbers) == _VECTOR:
            return cls(numbers, 0.0)
        return cls(numbers[:_VECTOR], float(numbers[_VECTOR]))

    def pack(self) -> bytes:
        """As it lies in the store."""
        return np.concatenate([self.vector, [self.hurry]]).astype("<f8").tobytes()
