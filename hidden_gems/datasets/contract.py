"""The dataset folder of contract §1 in one place: files, columns, ranges and words."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "time", "text", "number", "integer", "flag"]


@dataclass(frozen=True)
class Column:
    """One column of a file."""

    name: str
    kind: Kind
    required: bool = False
    low: float | None = None
    high: float | None = None


_CONTEXT = (
    Column("weather", "text"),
    Column("temperature_c", "number", low=-60, high=60),
    Column("mood", "text"),
    Column("language", "text"),
    Column("lat", "number", low=-90, high=90),
    Column("lon", "number", low=-180, high=180),
)

FILES: dict[str, tuple[Column, ...]] = {
    "interactions": (
        Column("user_id", "id", required=True),
        Column("item_id", "id", required=True),
        Column("timestamp", "time", required=True),
        Column("event_id", "id"),
        Column("event_type", "text"),
        Column("value", "number"),
        Column("session_id", "id"),
        Column("slate_id", "id"),
        Column("position", "integer", low=0),
        *_CONTEXT,
    ),
    "items": (
        Column("item_id", "id", required=True),
        Column("name", "text"),
        Column("type", "text"),
        Column("neighborhood", "text"),
        Column("lat", "number", low=-90, high=90),
        Column("lon", "number", low=-180, high=180),
        Column("opening_hours", "text"),
        Column("cost_text", "text"),
        Column("how_to_find", "text"),
        Column("local_tip", "text"),
        Column("hidden_factor", "number", low=1, high=10),
        Column("authenticity", "number", low=0, high=1),
        Column("tourist_ratio", "number", low=0, high=1),
        Column("crowd_level", "number", low=0, high=1),
        Column("price_level", "number", low=0, high=4),
        Column("setting", "text"),
        Column("best_time", "text"),
        Column("created_at", "time"),
        Column("tags", "text"),
        Column("description_en", "text"),
        Column("description_tr", "text"),
    ),
    "users": (
        Column("user_id", "id", required=True),
        Column("language", "text"),
        Column("home_neighborhood", "text"),
        Column("is_local", "flag"),
        Column("created_at", "time"),
        Column("consent", "flag"),
    ),
    "impressions": (
        Column("slate_id", "id", required=True),
        Column("user_id", "id", required=True),
        Column("timestamp", "time", required=True),
        Column("item_id", "id", required=True),
        Column("position", "integer", required=True, low=0),
        Column("policy", "text"),
        Column("propensity", "number", low=0, high=1),
        Column("clicked", "flag"),
        *_CONTEXT,
    ),
}

TIMES_OF_DAY = ("morning", "afternoon", "evening", "night")
WEATHERS = ("clear", "partly_cloudy", "cloudy", "fog", "rain", "storm", "snow", "wind")
WEATHER_ALIASES = {"sunny": "clear", "rainy": "rain"}
MOODS = ("calm", "curious", "adventurous", "romantic", "social", "tired", "celebratory", "focused")
COMPANIONS = ("solo", "couple", "family", "friends")
SETTINGS = ("indoor", "outdoor", "both")
GEM_TYPES = (
    "cafe", "bakery", "restaurant", "bar", "rooftop", "bookshop", "market", "craft", "historical", "museum", "gallery",
    "viewpoint", "garden", "waterfront", "nature", "hammam", "music", "street",
)  # fmt: skip
OTHER = "other"
VOCABULARIES: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "weather": (WEATHERS, WEATHER_ALIASES),
    "mood": (MOODS, {}),
    "setting": (SETTINGS, {}),
    "best_time": (TIMES_OF_DAY, {}),
}
"""Columns whose words are ours, with the words and their aliases; any other word is kept as `OTHER`."""
COLD_BELOW_C = 10.0
HOT_ABOVE_C = 28.0
DEFAULT_TIMEZONE = "Europe/Istanbul"
