"""How sure we are of a gem: the chance that the person would rather have it than another candidate."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from hidden_gems.recommend.slate import Utilities

Floats = NDArray[np.float64]

CERTAINTY_FILE = "confidence.json"
"""In `policy/` of a release."""
_STEEPEST = 20.0


@dataclass(frozen=True)
class Certainty:
    """How much a difference of utilities says: the slope of the curve from it to a probability."""

    slope: float = 1.0
    people: int = 0  # whose choices it was fitted to; 0 where there were none to fit it to

    def chance(self, apart: Floats, width: Floats) -> Floats:
        """Probability that the first of two candidates is the one somebody comes to, if it is one of both.

        Args:
            apart: Utility of the first minus that of the second, any shape.
            width: Standard deviation of that difference, as `apart`: what is less certain is nearer to a half.

        Source:
            Bradley and Terry (1952), Rank analysis of incomplete block designs; the mean of the curve over a normal
            difference by MacKay (1992), The evidence framework applied to classification networks.
        """
        flatter = np.sqrt(1.0 + math.pi / 8.0 * (self.slope * width) ** 2)
        found: Floats = expit(self.slope * apart / flatter)
        return found

    @classmethod
    def fit(cls, apart: Floats, width: Floats, weight: Floats, people: int) -> "Certainty":
        """The slope under which what people came to is most likely; as it is by default where nobody came to anything.

        Args:
            apart: Utility of what a person came to minus that of a candidate they did not come to, P pairs.
            width: As in `chance`, P.
            weight: Of each pair, P.
            people: Whose pairs they are.
        """
        if not len(apart):
            return cls()

        def loss(slope: float) -> float:
            return -float(weight @ np.log(np.maximum(cls(slope).chance(apart, width), np.finfo(float).tiny)))

        return cls(float(minimize_scalar(loss, bounds=(0.0, _STEEPEST), method="bounded").x), people)

    def save(self, policy: Path) -> None:
        """Write it into the policy of a release."""
        (policy / CERTAINTY_FILE).write_text(json.dumps(asdict(self)) + "\n")

    @classmethod
    def load(cls, policy: Path) -> "Certainty":
        """Of a release; the default for one that was made before there was such a file."""
        path = policy / CERTAINTY_FILE
        return cls(**json.loads(path.read_text())) if path.exists() else cls()


def confidence(utilities: Utilities, places: Sequence[int], certainty: Certainty) -> tuple[float, ...]:
    """How sure we are of each gem: the chance that the person would rather have it than a candidate picked at random.

    Half for a gem like any other.

    Args:
        utilities: Of n candidates.
        places: Numbers of the gems among them.
        certainty: Of the release.

    Examples:
        >>> flat = Utilities(np.zeros(3), np.ones(3), 0.0)
        >>> confidence(flat, [1], Certainty())
        (0.5,)
    """
    count = len(utilities.mean)
    if count < 2:
        return (0.5,) * len(places)
    shown = list(places)
    apart = utilities.mean[shown, None] - utilities.mean
    width = np.hypot(utilities.spread[shown, None], utilities.spread)
    # Each is among its candidates, with a chance of a half against itself.
    chance = (certainty.chance(apart, width).sum(axis=1) - 0.5) / (count - 1)
    return tuple(chance.round(4).tolist())
