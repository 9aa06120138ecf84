"""The moment in which people are asked: what the truth needs to know beside who and what."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.simulation.gems import Floats

NOWHERE = -1
"""In `last_item`: the person has not been anywhere lately."""


@dataclass(frozen=True)
class Context:
    """B moments of B people.

    Notation: I gems, G groups of types. The state of the city (crowd, tired, known) is zero for a fresh city.
    """

    timestamp: NDArray[np.int64]  # epoch seconds, B
    sky: NDArray[np.int64]  # index into WEATHERS, B
    temperature_c: NDArray[np.float64]  # B
    mood: NDArray[np.int64]  # index into MOODS, B
    lat: NDArray[np.float64]  # B
    lon: NDArray[np.float64]  # B
    travel_minutes: Floats  # from where the person is to each gem, B X I
    last_item: NDArray[np.int64]  # the place just left or NOWHERE, B
    minutes_since: Floats  # since it was reached, B
    done: Floats  # visits of each group on the same day, B X G
    crowd: Floats  # load of each gem as a share of its capacity, I
    fatigue: Floats  # decayed count of looks without a click, B X I
    known: Floats  # decayed count of visits, B X I

    def __len__(self) -> int:
        return len(self.timestamp)

    def rows(self, keep: NDArray[np.int64] | NDArray[np.bool_] | slice) -> "Context":
        """The moments named by `keep`."""
        return Context(**{name: value if name == "crowd" else value[keep] for name, value in self.__dict__.items()})
