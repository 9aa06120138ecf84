"""What every part of the served graph takes and gives."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class Asked(NamedTuple):
    """One request, as the parts read it.

    Notation: n candidates, L events of the history (one place of padding at least), m newer gems, C and A = width of
    context and attributes.
    """

    user: Tensor  # row of the person, int64, 1
    rows: Tensor  # candidates, 0 for gems that are newer than the release, int64, n
    context: Tensor  # float32, 1 X C
    history: Tensor  # item rows, oldest first, 0 where padded, int64, 1 X L
    ages: Tensor  # seconds before the request (steps for an order), 0 where padded, float32, 1 X L
    newer: Tensor  # place of each candidate among the newer gems, from 1; 0 for gems of the release, int64, n
    new: Tensor  # attributes of the newer gems, float32, m X A


class Answer(NamedTuple):
    """What a part says; n candidates, L events of the history, D width."""

    scores: Tensor  # n
    vector: Tensor  # of the person, 1 X D
    attention: Tensor | None = None  # of the last event that is read, 1 X L


class Part(nn.Module, ABC):
    """A model of the served graph."""

    @abstractmethod
    def forward(self, asked: Asked) -> Answer:
        """Answer one request."""
