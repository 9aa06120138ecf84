"""Human concepts behind the 60 features, and how much each weighed."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

CONCEPTS: Mapping[str, tuple[str, ...]] = {
    "taste": ("cosine_similarity", "historical_ctr", "type_share", "history_diversity"),
    "neighborhood": ("neighborhood_share",),
    "people": ("ncf_score", "wide_deep_score", "graphsage_score", "collaborative_score"),
    "path": ("sasrec_score", "gru4rec_score"),
    "authenticity": ("authenticity", "liked_authenticity", "authenticity_gap"),
    "crowd": ("crowd_level", "tourist_ratio", "liked_tourist_ratio"),
    "hidden": ("hidden_factor", "is_rare"),
    "price": ("price_level", "liked_price_level", "price_gap"),
    "popularity": (
        "popularity", "popularity_trend", "distinct_users", "interactions_7d", "interactions_total", "repeat_rate",
        "idle_hours",
    ),
    "quality": ("ctr", "conversion_rate", "item_average_rating", "mean_reward", "negative_rate"),
    "novelty": ("freshness_days",),
    "distance": ("travel_minutes",),
    "own": ("own_visits", "own_recency_hours", "loyalty_score"),
    "time": (
        "time_of_day_sin", "time_of_day_cos", "is_night", "night_share", "weekday", "is_weekend", "weekend_share",
        "seasonality_sin", "seasonality_cos",
    ),
    "weather": ("weather", "temperature", "hot_or_cold", "setting"),
    "person": (
        "average_rating", "activity_7d", "activity_30d", "activity_total", "tenure_days", "recency_hours",
        "conversion_share", "negative_share",
    ),
}  # fmt: skip
"""Every feature belongs to one concept; `person` is no reason for one gem over another and is never told."""


CONTEXT = ("time", "weather")
"""Concepts that all candidates share but for how they suit them; see `counterfactuals.no_reasons`."""


def shared(vectors: NDArray[np.float32], feature_names: Sequence[str]) -> frozenset[str]:
    """Concepts, those of the context apart, in which no candidate differs from another.

    They are no reason for one of them, though TreeSHAP gives each a share of its own.

    Args:
        vectors: Of the n candidates, n X F.
        feature_names: Of the F features.
    """
    same = ((vectors == vectors[:1]) | (np.isnan(vectors) & np.isnan(vectors[:1]))).all(axis=0)
    alike = {name for name, each in zip(feature_names, same.tolist(), strict=True) if each}
    known = set(feature_names)
    return frozenset(
        concept for concept, names in CONCEPTS.items() if concept not in CONTEXT and set(names) & known <= alike
    )


def concept_contributions(
    contributions: NDArray[np.float64], feature_names: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """How far each concept lifts each candidate above the mean candidate.

    Args:
        contributions: TreeSHAP values of the candidates with the base as last column, size n X (F + 1).
        feature_names: Names of the F features in the order of the columns.

    Returns:
        Lift by concept, each of size n. For every candidate the lifts add up to its score minus the mean score.

    Source:
        Lundberg et al. (2018), Consistent Individualized Feature Attribution for Tree Ensembles. Centring on the
        candidates is ours: a person chooses among them, not against an average row of training.
    """
    lifts = contributions[:, :-1] - contributions[:, :-1].mean(axis=0)
    column = {name: number for number, name in enumerate(feature_names)}
    return {
        concept: lifts[:, [column[name] for name in names if name in column]].sum(axis=1)
        for concept, names in CONCEPTS.items()
    }
