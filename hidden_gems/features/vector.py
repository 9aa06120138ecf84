"""The one function that makes the vector of 60 from raw columns, in training and at serving."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hidden_gems.catalogue.travel import travel_minutes
from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS
from hidden_gems.datasets.contract import COLD_BELOW_C, HOT_ABOVE_C
from hidden_gems.features.raw import ATTRIBUTES, MICRO
from hidden_gems.features.schema import FEATURE_NAMES, SCORE_NAMES

Array = NDArray[np.float64]
Columns = Mapping[str, Array]

RARE_BELOW = 0.1
"""Popularity below which a gem is rare (ADR on the popularity tier)."""
CTR_PRIOR = (1.0, 20.0)
"""Answers and impressions that every gem is thought to have had."""
REWARD_PRIOR = (0.1, 5.0)
"""Mean reward of a type, and the exposures that this belief is worth."""
_RANGES = {"hidden_factor": (1.0, 10.0), "price_level": (0.0, 4.0)}
_YEAR_DAYS = 365.25


def feature_matrix(raw: Columns, scores: Mapping[str, NDArray[np.floating]] | None = None) -> NDArray[np.float32]:
    """Turn raw columns into the ranker's vector.

    Args:
        raw: `RAW_COLUMNS`, each float64 with NaN for missing, size n; a table of them will do.
        scores: Scores of the six reserved names by models fitted before these rows, size n each; missing ones are NaN.

    Returns:
        Features in the order of `FEATURE_NAMES`, float32, size n X 60; NaN where missing, never infinite.

    Raises:
        ValueError: If a score has another name than the six.
    """
    scores = scores or {}
    if unknown := sorted(set(scores) - set(SCORE_NAMES)):
        raise ValueError(f"scores must be named {', '.join(SCORE_NAMES)}; unknown: {', '.join(unknown)}")
    columns = {str(name): np.asarray(raw[name], dtype=np.float64) for name in raw}
    nothing = np.full(len(columns["timestamp"]), np.nan)
    user, gem = user_features(columns), gem_features(columns)
    made = user | gem | context_features(columns) | pair_features(columns, user)
    made |= {name: np.asarray(scores.get(name, nothing), dtype=np.float64) for name in SCORE_NAMES}
    matrix = np.stack([made[name] for name in FEATURE_NAMES], axis=1)  # n X 60
    matrix[~np.isfinite(matrix)] = np.nan
    return matrix.astype(np.float32)


def user_features(raw: Columns) -> dict[str, Array]:
    """Who asks: the 15 features of group `user`, size n each."""
    now, likes, feedback = raw["timestamp"], raw["user_likes"], raw["user_interactions"]
    return {
        # Simpson (1949), Measurement of Diversity: 1 - sum of squared shares.
        "history_diversity": 1.0 - _share(raw["user_type_squares"], raw["user_type_likes"] ** 2),
        "average_rating": _share(raw["user_rating_sum"] / MICRO, raw["user_ratings"]),
        "loyalty_score": 1.0 - _share(raw["user_items"], likes),
        "activity_7d": raw["user_likes_7d"],
        "activity_30d": raw["user_likes_30d"],
        "activity_total": likes,
        "tenure_days": _since(raw["user_first_time"], now, DAY_SECONDS),
        "recency_hours": _since(raw["user_last_time"], now, HOUR_SECONDS),
        "conversion_share": _share(raw["user_conversions"], feedback),
        "negative_share": _share(raw["user_negatives"], feedback),
        "liked_authenticity": liked_mean(raw, "authenticity"),
        "liked_tourist_ratio": liked_mean(raw, "tourist_ratio"),
        "liked_price_level": liked_mean(raw, "price_level"),
        "weekend_share": _share(raw["user_weekend_likes"], likes),
        "night_share": _share(raw["user_night_likes"], likes),
    }


def gem_features(raw: Columns) -> dict[str, Array]:
    """What is offered: the 20 features of group `gem`, size n each.

    The popularity trend is log((l7 + 1) / 7 : (l30 + 30/7) / 30), 0 for a steady gem and for one without likes.
    """
    now, likes, feedback = raw["timestamp"], raw["item_likes"], raw["item_interactions"]
    week, month = raw["item_likes_7d"], raw["item_likes_30d"]
    popular = popularity(raw)
    created = np.where(np.isnan(raw["item_created_at"]), raw["item_first_time"], raw["item_created_at"])
    answers, impressions = CTR_PRIOR
    return {
        **{name: raw[f"item_{name}"] for name in (*ATTRIBUTES, "setting")},
        "popularity": popular,
        "popularity_trend": np.log((week + 1.0) / 7.0) - np.log((month + 30.0 / 7.0) / 30.0),
        "freshness_days": _since(created, now, DAY_SECONDS),
        "ctr": np.minimum((raw["item_answers"] + answers) / (raw["item_impressions"] + impressions), 1.0),
        "conversion_rate": _share(raw["item_conversions"], feedback),
        "item_average_rating": _share(raw["item_rating_sum"] / MICRO, raw["item_ratings"]),
        "distinct_users": raw["item_users"],
        "repeat_rate": 1.0 - _share(raw["item_users"], likes),
        "is_rare": _flag(popular < RARE_BELOW, popular),
        "interactions_7d": week,
        "interactions_total": likes,
        "mean_reward": _share(raw["item_reward_sum"] / MICRO, feedback),
        "negative_rate": _share(raw["item_negatives"], feedback),
        "idle_hours": _since(raw["item_last_time"], now, HOUR_SECONDS),
    }


def popularity(raw: Columns) -> Array:
    """Likes in 30 days over those of the most liked gem, 0 to 1, size n; likes of all time where there are no days."""
    likes = np.where(np.isnan(raw["item_likes_30d"]), raw["item_likes"], raw["item_likes_30d"])
    return likes / np.maximum(np.maximum(raw["item_top_likes"], likes), 1.0)


def context_features(raw: Columns) -> dict[str, Array]:
    """When and in which weather: the 10 features of group `context`, size n each."""
    hour, weekday, temperature = raw["local_hour"], raw["weekday"], raw["temperature_c"]
    turn, season = 2.0 * np.pi * hour / 24.0, 2.0 * np.pi * (raw["day_of_year"] - 1.0) / _YEAR_DAYS
    return {
        "time_of_day_sin": np.sin(turn),
        "time_of_day_cos": np.cos(turn),
        "is_night": _flag((hour < 6.0) | (hour >= 22.0), hour),
        "weekday": weekday,
        "is_weekend": _flag(weekday >= 5.0, weekday),
        "seasonality_sin": np.sin(season),
        "seasonality_cos": np.cos(season),
        "weather": raw["weather"],
        "temperature": temperature,
        "hot_or_cold": _flag(temperature > HOT_ABOVE_C, temperature) - _flag(temperature < COLD_BELOW_C, temperature),
    }


def pair_features(raw: Columns, user: Mapping[str, Array]) -> dict[str, Array]:
    """How the two fit: the 9 features of group `interaction` that are not model scores, size n each.

    Args:
        raw: Raw columns, size n each.
        user: What `user_features` made of them.
    """
    belief, weight = REWARD_PRIOR
    exposures = np.maximum(raw["type_impressions"], raw["type_interactions"])
    return {
        "cosine_similarity": cosine_similarity(raw),
        "historical_ctr": (raw["type_reward_sum"] / MICRO + belief * weight) / (exposures + weight),
        "type_share": _share(raw["type_likes"], raw["user_type_likes"]),
        "neighborhood_share": _share(raw["neighborhood_likes"], raw["user_neighborhood_likes"]),
        "own_visits": raw["own_likes"],
        "own_recency_hours": _since(raw["own_last_time"], raw["timestamp"], HOUR_SECONDS),
        "travel_minutes": travel(raw),
        "price_gap": raw["item_price_level"] - user["liked_price_level"],
        "authenticity_gap": raw["item_authenticity"] - user["liked_authenticity"],
    }


def cosine_similarity(raw: Columns) -> Array:
    """Angle between a person's taste and a gem, -1 to 1, size n; NaN where either side is blank.

    Both are vectors of shares of types (a gem has all of its own), shares of neighborhoods, and the attributes moved to
    [-1, 1]. What is unknown is 0. Only the gem's own entry of the shares meets the other side, so three numbers are
    enough: the count of that entry, the count of all, and the sum of the squared counts.
    """
    dot, taste, gem = np.zeros((3, len(raw["timestamp"])))
    for key in ("type", "neighborhood"):
        total, has = raw[f"user_{key}_likes"], raw[f"item_has_{key}"]
        dot += np.nan_to_num(_share(raw[f"{key}_likes"], total)) * has
        taste += np.nan_to_num(_share(raw[f"user_{key}_squares"], total**2))
        gem += has
    for name in ATTRIBUTES:
        low, high = _RANGES.get(name, (0.0, 1.0))
        theirs, its = (
            np.nan_to_num(2.0 * (values - low) / (high - low) - 1.0)
            for values in (liked_mean(raw, name), raw[f"item_{name}"])
        )
        dot += theirs * its
        taste += theirs**2
        gem += its**2
    return np.clip(_share(dot, np.sqrt(taste * gem)), -1.0, 1.0)


def liked_mean(raw: Columns, name: str) -> Array:
    """Mean of an attribute over what the person liked, in the attribute's units, size n."""
    return _share(raw[f"user_{name}_sum"] / MICRO, raw[f"user_{name}_count"])


def travel(raw: Columns) -> Array:
    """Minutes from where the person is to the gem, size n; NaN where one end is unknown."""
    from_lat, from_lon = located(raw)
    known = np.isfinite(from_lat) & np.isfinite(raw["item_lat"]) & np.isfinite(raw["item_lon"])
    minutes = np.full(len(known), np.nan)
    minutes[known] = travel_minutes(from_lat[known], from_lon[known], raw["item_lat"][known], raw["item_lon"][known])
    return minutes


def located(raw: Columns) -> tuple[Array, Array]:
    """Latitude and longitude of where the person is, size n each; NaN where nobody knows.

    The person is where the request says, else where they last liked something, else in the middle of all those places.
    """
    count = raw["user_located"]
    places = [
        (raw["lat"], raw["lon"]),
        (raw["user_last_lat"], raw["user_last_lon"]),
        (_share(raw["user_lat_sum"] / MICRO, count), _share(raw["user_lon_sum"] / MICRO, count)),
    ]
    from_lat, from_lon = np.full((2, len(count)), np.nan)
    for lat, lon in places:
        use = np.isnan(from_lat) & np.isfinite(lat) & np.isfinite(lon)
        from_lat, from_lon = np.where(use, lat, from_lat), np.where(use, lon, from_lon)
    return from_lat, from_lon


def _share(part: Array, whole: Array) -> Array:
    """`part` / `whole`, NaN where there is no whole."""
    share: Array = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
    return share


def _since(then: Array, now: Array, unit_seconds: int) -> Array:
    """Time since then in units, 0 for what is still to come."""
    return np.maximum(now - then, 0.0) / unit_seconds


def _flag(condition: NDArray[np.bool_], known: Array) -> Array:
    return np.where(np.isnan(known), np.nan, condition.astype(np.float64))
