"""What the online learners read of a vector of 60: how a gem meets a request, and what each model says of it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hidden_gems.features.schema import FEATURE_NAMES, SCORE_NAMES

Floats = NDArray[np.float64]

# Name, what a missing one counts as, what it is divided by.
_PLAIN = (
    ("authenticity", 0.5, 1.0),
    ("tourist_ratio", 0.5, 1.0),
    ("crowd_level", 0.5, 1.0),
    ("hidden_factor", 5.5, 10.0),
    ("price_level", 2.0, 4.0),
    ("setting", 0.5, 1.0),
    ("popularity", 0.0, 1.0),
    ("cosine_similarity", 0.0, 1.0),
    ("historical_ctr", 0.0, 1.0),
    ("type_share", 0.0, 1.0),
    ("neighborhood_share", 0.0, 1.0),
    ("price_gap", 0.0, 4.0),
    ("authenticity_gap", 0.0, 1.0),
)
_CROSSED = (("setting", "weather"), ("setting", "hot_or_cold"), ("setting", "is_night"), ("crowd_level", "is_weekend"))
CONTEXT_NAMES = (
    "constant",
    *(name for name, _, _ in _PLAIN),
    *(f"{one} x {other}" for one, other in _CROSSED),
    "own_visits",
    "travel",
    "freshness",
    "position",
)
"""Context and attributes, never a score of a model, so that what is learned does not depend on a release."""
POSITION = len(CONTEXT_NAMES) - 1
MEMBER_NAMES = (*SCORE_NAMES, "popularity")
"""What the blend weighs: scores of models, by the name of their feature, and popularity."""
HISTORY_COHORTS = (1, 10, 50)
"""Likes from which on a person belongs to the next cohort."""
COHORTS = len(HISTORY_COHORTS) + 1

_FRESH_DAYS, _FAR_MINUTES, _MIDDLE_MINUTES = 14.0, 120.0, 30.0
_AT = {name: number for number, name in enumerate(FEATURE_NAMES)}


def arm_context(vectors: NDArray[Any]) -> Floats:
    """How each of n gems meets a request, float64, size n X D, every number about -1 to 1; position is left 0.

    Args:
        vectors: In the order of `FEATURE_NAMES`, NaN where missing, size n X 60.
    """
    plain = [_filled(vectors, name, missing) / width for name, missing, width in _PLAIN]
    crossed = [_filled(vectors, one, 0.5) * _filled(vectors, other, 0.0) for one, other in _CROSSED]
    visits = np.log1p(_filled(vectors, "own_visits", 0.0)) / 3.0
    travel = np.minimum(_filled(vectors, "travel_minutes", _MIDDLE_MINUTES), _FAR_MINUTES) / _FAR_MINUTES
    fresh = np.exp(-np.maximum(_filled(vectors, "freshness_days", np.inf), 0.0) / _FRESH_DAYS)
    nothing = np.zeros(len(vectors))
    return np.stack([np.ones(len(vectors)), *plain, *crossed, visits, travel, fresh, nothing], axis=1)


def with_positions(context: Floats) -> Floats:
    """The context of the places of a slate, first place first: position is log2(1 + place) / 4, size k X D."""
    placed = context.copy()
    placed[:, POSITION] = np.log2(1.0 + np.arange(len(context))) / 4.0
    return placed


def member_scores(vectors: NDArray[Any]) -> Floats:
    """Standard score of each gem by each member, size n X M; 0 where a member says nothing, or the same of all.

    Args:
        vectors: As for `arm_context`, of one request.
    """
    given = vectors[:, [_AT[name] for name in MEMBER_NAMES]].astype(np.float64)
    known = np.isfinite(given)
    count = np.maximum(known.sum(axis=0), 1)
    middle = np.where(known, given, 0.0).sum(axis=0) / count
    apart = np.where(known, given - middle, 0.0)
    width = np.sqrt((apart**2).sum(axis=0) / count)
    return np.asarray(np.where(width > 1e-9 * np.maximum(1.0, np.abs(middle)), apart / np.maximum(width, 1e-12), 0.0))


def cohort(vectors: NDArray[Any]) -> int:
    """Cohort of the person a request is from, by their likes so far, 0 to `COHORTS` - 1; 0 for no rows."""
    likes = float(vectors[0, _AT["activity_total"]]) if len(vectors) else 0.0
    return int(np.searchsorted(HISTORY_COHORTS, likes, side="right")) if np.isfinite(likes) else 0


def _filled(vectors: NDArray[Any], name: str, missing: float) -> Floats:
    column = vectors[:, _AT[name]].astype(np.float64)
    return np.where(np.isfinite(column), column, missing)
