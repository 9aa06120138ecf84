"""What an impression looked like to the learners, small enough to be kept until feedback about it comes."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.events.records import Slate
from hidden_gems.features.arm_context import (
    COHORTS,
    CONTEXT_NAMES,
    MEMBER_NAMES,
    arm_context,
    cohort,
    member_scores,
    with_positions,
)
from hidden_gems.features.schema import FEATURE_NAMES, FEATURE_SERVICE

Floats = NDArray[np.float64]
_NUMBERS = len(CONTEXT_NAMES) + len(MEMBER_NAMES)


@dataclass(frozen=True, eq=False)
class Seen:
    """Places of a slate, k of them, in half precision; learning from it before and after it was kept is the same.

    Notation: D features of a context, M members of the blend.
    """

    cohort: int  # of the person, 0 to COHORTS - 1
    contexts: Floats  # k X D
    above: Floats  # standard scores by the members less the mean of the slate, k X M

    @classmethod
    def of(cls, slate: Slate) -> "Seen | None":
        """What a slate looked like; None where its vectors are not of this version's features."""
        rows = [place.vector for place in slate.places]
        if slate.feature_service != FEATURE_SERVICE or not rows or any(len(row) != len(FEATURE_NAMES) for row in rows):
            return None
        vectors = np.array(rows, dtype=np.float64)
        scores = member_scores(vectors)
        numbers = np.concatenate([with_positions(arm_context(vectors)), scores - scores.mean(axis=0)], axis=1)
        return cls._of(cohort(vectors), np.clip(numbers, -8.0, 8.0).astype("<f2"))

    def places(self, numbers: Sequence[int]) -> "Seen":
        """Some places alone."""
        return Seen(self.cohort, self.contexts[list(numbers)], self.above[list(numbers)])

    def to_text(self) -> str:
        """Base64 of the cohort and the numbers; `from_text` gives back the same."""
        numbers = np.concatenate([self.contexts, self.above], axis=1).astype("<f2")
        return base64.b64encode(bytes([self.cohort]) + numbers.tobytes()).decode()

    @classmethod
    def from_text(cls, text: str) -> "Seen":
        """Read what `to_text` wrote.

        Raises:
            ValueError: If it is nothing of ours.
        """
        try:
            raw = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise ValueError(f"what a slate looked like cannot be read: {error}") from error
        if len(raw) < 1 or (len(raw) - 1) % (2 * _NUMBERS) or raw[0] >= COHORTS:
            raise ValueError("what a slate looked like has another size than this version writes")
        found = cls._of(raw[0], np.frombuffer(raw[1:], dtype="<f2").reshape(-1, _NUMBERS))
        if not (np.isfinite(found.contexts).all() and np.isfinite(found.above).all()):
            raise ValueError("what a slate looked like holds a number that is not finite")
        return found

    @classmethod
    def _of(cls, person: int, numbers: NDArray[np.float16]) -> "Seen":
        wide = numbers.astype(np.float64)
        return cls(person, wide[:, : len(CONTEXT_NAMES)], wide[:, len(CONTEXT_NAMES) :])
