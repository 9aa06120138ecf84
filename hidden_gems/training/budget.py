"""How much a sequence model may learn from so that a fit ends in time, by counts alone."""

from dataclasses import dataclass
from typing import Self

_OPERATIONS = 6e12
"""Multiplications and additions of one phase of a fit: eight minutes of one core at the pace that was measured."""
_OPERATIONS_A_REPEAT = 1_000  # for one event of the past of one prediction
_MOST_EPOCHS, _WANTED_EPOCHS, _FEWEST_EPOCHS = 40, 12, 3
_MOST_CANDIDATES, _FEWEST_CANDIDATES = 10_000, 512


@dataclass(frozen=True)
class Budget:
    """What a fit may do."""

    candidates: int  # of a step
    epochs: int  # at most

    @classmethod
    def of(cls, interactions: int, body: float, width: int, remembered: int) -> Self:
        """Fewer candidates where that saves epochs, then fewer epochs.

        Args:
            interactions: Predictions of an epoch.
            body: Operations of the encoder's forward pass for one prediction.
            width: Of item vectors.
            remembered: Events before a prediction that count as repeats.
        """
        fixed = 3 * body + remembered * _OPERATIONS_A_REPEAT  # the backward pass costs twice the forward pass
        one = 6 * width
        affordable = (_OPERATIONS / (_WANTED_EPOCHS * max(interactions, 1)) - fixed) / one
        candidates = int(min(max(affordable, _FEWEST_CANDIDATES), _MOST_CANDIDATES))
        epochs = int(_OPERATIONS / (max(interactions, 1) * (fixed + candidates * one)))
        return cls(candidates, min(max(epochs, _FEWEST_EPOCHS), _MOST_EPOCHS))
