"""What if it were another time of day, or other weather: the same gems, scored again by the ranker."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.contract import TIMES_OF_DAY
from hidden_gems.features.raw import WEATHER_SEVERITY
from hidden_gems.features.schema import FEATURE_NAMES

HOURS = {"morning": 9.0, "afternoon": 14.5, "evening": 19.5, "night": 1.0}
"""Hour in the middle of each time of day."""
WEATHERS = ("clear", "rain")
MOST = 3
_LEAST_CHANGE = 1e-6

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Change:
    """One thing that could be different."""

    name: str  # time_of_day, weather
    word: str
    features: dict[str, float]


def changes(time_of_day: str | None, weather: str | None) -> list[Change]:
    """What can be different from a request: other times of day, and rain for clear weather or the other way round.

    Args:
        time_of_day: Of the request, None where times are only an order.
        weather: Of the request, None where unknown: then both are tried.
    """
    found = []
    if time_of_day is not None:
        for word in TIMES_OF_DAY:
            if word != time_of_day:
                turn = 2.0 * np.pi * HOURS[word] / 24.0
                hour = {"time_of_day_sin": float(np.sin(turn)), "time_of_day_cos": float(np.cos(turn))}
                found.append(Change("time_of_day", word, hour | {"is_night": float(word == "night")}))
    found += [Change("weather", word, {"weather": WEATHER_SEVERITY[word]}) for word in WEATHERS if word != weather]
    return found


def changed_vectors(vectors: Vectors, tried: Sequence[Change]) -> Vectors:
    """The vectors under each change, one block after the other.

    Only the features of the context change; scores of deep models stay those of the request.

    Args:
        vectors: Of k gems, k X 60.
        tried: c changes.

    Returns:
        Size (c · k) X 60.
    """
    blocks = []
    for change in tried:
        block = vectors.copy()
        for name, value in change.features.items():
            block[:, FEATURE_NAMES.index(name)] = value
        blocks.append(block)
    return np.concatenate(blocks) if blocks else vectors[:0]


def counterfactuals(
    scores: NDArray[np.floating], changed: NDArray[np.floating], tried: Sequence[Change], place: int
) -> list[dict[str, object]]:
    """What each change would do to one gem among the k that are shown, the largest first.

    Args:
        scores: Of the ranker for the k gems, k.
        changed: Of the ranker for `changed_vectors`, c · k.
        tried: The c changes.
        place: Number of the gem.

    Returns:
        At most three, as in the contract: the change, what is added to the score, and how many ranks among the shown
        gems the gem would fall (above 0) or rise.
    """
    found = []
    for number, change in enumerate(tried):
        block = changed[number * len(scores) : (number + 1) * len(scores)]
        delta = float(block[place] - scores[place])
        if abs(delta) > _LEAST_CHANGE:
            moved = _rank(block, place) - _rank(scores, place)
            found.append({"change": {change.name: change.word}, "score_change": round(delta, 4), "rank_change": moved})
    found.sort(key=lambda each: -abs(float(str(each["score_change"]))))
    return found[:MOST]


def _rank(scores: NDArray[np.floating], place: int) -> int:
    return int((scores > scores[place]).sum())
