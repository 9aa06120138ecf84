"""What if it were another time of day, or other weather: the same gems, scored again by all models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.contract import TIMES_OF_DAY
from hidden_gems.features.context import CONTEXT_NAMES, WET_WEATHERS
from hidden_gems.features.raw import WEATHER_SEVERITY
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.recommend.deep import Tensors

HOURS = {"morning": 9.0, "afternoon": 14.5, "evening": 19.5, "night": 1.0}
"""Hour in the middle of each time of day."""
WEATHERS = ("clear", "rain")
CONCEPT_OF = {"time_of_day": "time", "weather": "weather"}
"""The concept that a change is about."""
MOST = 3
_LEAST_CHANGE = 1e-6

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Change:
    """One thing that could be different."""

    name: str  # time_of_day, weather
    word: str
    features: Mapping[str, float]  # of the ranker, by name
    context: Mapping[str, float] = field(default_factory=dict)  # of the deep models, by `CONTEXT_NAMES`


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
                sine, cosine = float(np.sin(turn)), float(np.cos(turn))
                features = {"time_of_day_sin": sine, "time_of_day_cos": cosine, "is_night": float(word == "night")}
                found.append(Change("time_of_day", word, features, {"hour_sin": sine, "hour_cos": cosine}))
    for word in WEATHERS:
        if word != weather:
            context = {"wet": float(word in WET_WEATHERS), "weather_known": 1.0}
            found.append(Change("weather", word, {"weather": WEATHER_SEVERITY[word]}, context))
    return found


def changed_vectors(vectors: Vectors, change: Change) -> Vectors:
    """The vectors of k gems under a change, k X 60: only the features of the context are others."""
    changed = vectors.copy()
    for name, value in change.features.items():
        changed[:, FEATURE_NAMES.index(name)] = value
    return changed


def changed_inputs(inputs: Tensors, change: Change) -> Tensors:
    """What the deep models are asked under a change."""
    context = inputs["context"].copy()
    for name, value in change.context.items():
        context[:, CONTEXT_NAMES.index(name)] = value
    return {**inputs, "context": context}


def counterfactuals(
    scores: NDArray[np.floating], changed: NDArray[np.floating], tried: Sequence[Change], place: int
) -> list[dict[str, object]]:
    """What each change would do to one gem among the k that are shown; those that move its rank first, then by size.

    Args:
        scores: Of the ranker for the k gems, k.
        changed: Of the ranker for the k gems under each change, c · k.
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
    found.sort(key=lambda each: (each["rank_change"] == 0, -abs(float(str(each["score_change"])))))
    return found[:MOST]


def no_reasons(
    scores: NDArray[np.floating], changed: NDArray[np.floating], tried: Sequence[Change]
) -> list[frozenset[str]]:
    """Concepts of each of k gems that are no reason for it: changed, they would not lower its score on average.

    All candidates share the time and the weather, so contributions alone cannot say whether they speak for one.
    Arguments as in `counterfactuals`.
    """
    blocks = changed.reshape(len(tried), len(scores))
    found: list[set[str]] = [set() for _ in scores]
    for kind, concept in CONCEPT_OF.items():
        mine = [number for number, change in enumerate(tried) if change.name == kind]
        if mine:
            for place in np.flatnonzero(scores - blocks[mine].mean(axis=0) <= _LEAST_CHANGE):
                found[place].add(concept)
    return [frozenset(each) for each in found]


def _rank(scores: NDArray[np.floating], place: int) -> int:
    return int((scores > scores[place]).sum())
