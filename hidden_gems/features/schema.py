"""The 60 ranking features: names, order, units, and what a missing one means."""

from dataclasses import dataclass
from typing import Literal

Group = Literal["user", "gem", "context", "interaction"]


@dataclass(frozen=True)
class Feature:
    """One column of the ranker's vector."""

    name: str
    group: Group
    unit: str
    source: str  # what it is made from
    freshness: str  # how old the input may be at serving
    missing: str  # when it is NaN


_STREAM = "rows of the store"
_WINDOW = "rows of the store, counted at the request"
_STATIC = "item table"
_REQUEST = "request"
_NEVER = "never"
_NO_LIKES = "nothing liked yet"
_ORDER = "times are only an order"
_UNKNOWN = "unknown for the gem"


def _user(name: str, unit: str, source: str, missing: str, freshness: str = _STREAM) -> Feature:
    return Feature(name, "user", unit, source, freshness, missing)


def _attribute(name: str, unit: str, source: str) -> Feature:
    return Feature(name, "gem", unit, source, _STATIC, _UNKNOWN)


def _gem(name: str, unit: str, source: str, missing: str, freshness: str = _STREAM) -> Feature:
    return Feature(name, "gem", unit, source, freshness, missing)


def _context(name: str, unit: str, source: str, missing: str = _ORDER) -> Feature:
    return Feature(name, "context", unit, source, _REQUEST, missing)


def _pair(name: str, unit: str, source: str, missing: str) -> Feature:
    return Feature(name, "interaction", unit, source, _STREAM, missing)


def _score(name: str, model: str) -> Feature:
    return Feature(name, "interaction", "score", f"{model}, fitted before the row it scores", "release", "not given")


FEATURES: tuple[Feature, ...] = (
    _user("history_diversity", "0-1", "Gini-Simpson index of the types they liked", "no liked gem has a type"),
    _user("average_rating", "1-5", "mean of the ratings they gave", "no ratings"),
    _user("loyalty_score", "0-1", "share of likes that went to a gem they had liked before", _NO_LIKES),
    _user("activity_7d", "likes", "likes in the last 7 days", _ORDER, _WINDOW),
    _user("activity_30d", "likes", "likes in the last 30 days", _ORDER, _WINDOW),
    _user("activity_total", "likes", "likes so far", _NEVER),
    _user("tenure_days", "days", "since their first feedback", f"no feedback, or {_ORDER}"),
    _user("recency_hours", "hours", "since their last feedback", f"no feedback, or {_ORDER}"),
    _user("conversion_share", "0-1", "share of their feedback that is a save, share or visit", "no feedback"),
    _user("negative_share", "0-1", "share of their feedback that is a skip or dismissal", "no feedback"),
    _user("liked_authenticity", "0-1", "mean authenticity of what they liked", "unknown for all they liked"),
    _user("liked_tourist_ratio", "0-1", "mean tourist ratio of what they liked", "unknown for all they liked"),
    _user("liked_price_level", "0-4", "mean price level of what they liked", "unknown for all they liked"),
    _user("weekend_share", "0-1", "share of likes on local Saturdays and Sundays", f"{_NO_LIKES}, or {_ORDER}"),
    _user("night_share", "0-1", "share of likes between 22 and 6 local time", f"{_NO_LIKES}, or {_ORDER}"),
    _attribute("authenticity", "0-1", "editorial"),
    _attribute("tourist_ratio", "0-1", "editorial"),
    _attribute("crowd_level", "0-1", "editorial"),
    _attribute("hidden_factor", "1-10", "editorial"),
    _attribute("price_level", "0-4", "editorial"),
    _attribute("setting", "0-1", "indoor 0, both 0.5, outdoor 1"),
    _gem("popularity", "0-1", "likes in 30 days over those of the most popular gem (of all time for an order)", _NEVER,
         _WINDOW),
    _gem("popularity_trend", "log ratio", "daily likes in 7 days over those in 30 days, smoothed", _ORDER, _WINDOW),
    _gem("freshness_days", "days", "since the gem was created, else first seen", f"neither is known, or {_ORDER}"),
    _gem("ctr", "0-1", "impressions answered by a click or better, smoothed by 1 of 20", "no impressions in the data"),
    _gem("conversion_rate", "0-1", "share of its feedback that is a save, share or visit", "no feedback"),
    _gem("item_average_rating", "1-5", "mean of the ratings it got", "no ratings"),
    _gem("distinct_users", "people", "people who liked it", _NEVER),
    _gem("repeat_rate", "0-1", "share of likes by people who had liked it before", "never liked"),
    _gem("is_rare", "0 or 1", "popularity below 0.1", _NEVER, _WINDOW),
    _gem("interactions_7d", "likes", "likes in the last 7 days", _ORDER, _WINDOW),
    _gem("interactions_total", "likes", "likes so far", _NEVER),
    _gem("mean_reward", "-0.5-1", "mean reward of its feedback", "no feedback"),
    _gem("negative_rate", "0-1", "share of its feedback that is a skip or dismissal", "no feedback"),
    _gem("idle_hours", "hours", "since its last feedback", f"no feedback, or {_ORDER}"),
    _context("time_of_day_sin", "-1-1", "sine of the local hour"),
    _context("time_of_day_cos", "-1-1", "cosine of the local hour"),
    _context("is_night", "0 or 1", "between 22 and 6 local time"),
    _context("weekday", "0-6", "Monday is 0"),
    _context("is_weekend", "0 or 1", "local Saturday or Sunday"),
    _context("seasonality_sin", "-1-1", "sine of the day of the year"),
    _context("seasonality_cos", "-1-1", "cosine of the day of the year"),
    _context("weather", "0-1", "clear 0 to storm 1", "not given"),
    _context("temperature", "°C", "as given", "not given"),
    _context("hot_or_cold", "-1, 0, 1", "above 28 °C is 1, below 10 °C is -1", "not given"),
    _pair("cosine_similarity", "-1-1", "taste (types, neighborhoods, five attributes) and gem", "nothing to compare"),
    _pair("historical_ctr", "-0.5-1", "their reward per exposure to the gem's type, smoothed", "the gem has no type"),
    _pair("type_share", "0-1", "share of their likes that has the gem's type", "no type, or no typed likes"),
    _pair("neighborhood_share", "0-1", "share of their likes in the gem's neighborhood", "no neighborhood on one side"),
    _pair("own_visits", "likes", "their likes of this gem", _NEVER),
    _pair("own_recency_hours", "hours", "since they last liked this gem", f"never, or {_ORDER}"),
    _pair("travel_minutes", "minutes", "from the request's place, else the last known, else the home centroid",
          "one end is unknown"),
    _pair("price_gap", "-4-4", "price level minus their mean", "one side is unknown"),
    _pair("authenticity_gap", "-1-1", "authenticity minus their mean", "one side is unknown"),
    _score("ncf_score", "NCF"),
    _score("wide_deep_score", "Wide & Deep"),
    _score("sasrec_score", "SASRec"),
    _score("gru4rec_score", "GRU4Rec"),
    _score("graphsage_score", "GraphSAGE"),
    _score("collaborative_score", "item-to-item collaborative filtering"),
)  # fmt: skip
"""In the order of the vector; a change is a new feature service."""

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
SCORE_NAMES: tuple[str, ...] = FEATURE_NAMES[-6:]
FEATURE_SERVICE = "ranker_v1"


def as_markdown() -> str:
    """The table of `docs/features.md`."""
    lines = [
        "# The 60 ranking features",
        "",
        "Made from `hidden_gems/features/schema.py`; formulas are in `hidden_gems/features/vector.py`. A *like* is "
        "feedback with a positive reward; a missing value is NaN. The order is the order of the vector.",
        "",
        "| # | feature | group | unit | made from | freshness | missing |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, f in enumerate(FEATURES):
        lines.append(f"| {number} | `{f.name}` | {f.group} | {f.unit} | {f.source} | {f.freshness} | {f.missing} |")
    return "\n".join(lines) + "\n"
