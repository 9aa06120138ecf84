"""What may be asked and told, as dictionaries with known keys: the server says what it cannot use, and where."""

from datetime import datetime
from typing import Literal, TypedDict

from hidden_gems.events.kinds import EventType

Moment = datetime | float | str
"""A datetime with a zone, epoch seconds, or ISO 8601 with a zone."""
Explain = Literal["none", "brief", "full"]


class Location(TypedDict):
    """Where the person is, in degrees."""

    lat: float
    lon: float


class Preferences(TypedDict, total=False):
    """What the person would like; it moves the order and the reasons, and leaves nothing out."""

    types: list[str]
    avoid: list[str]
    max_price_level: float


class Context(TypedDict, total=False):
    """When, where and in which mood is asked; a missing field is a fact nobody knows."""

    timestamp: Moment
    location: Location
    weather: str
    temperature_c: float
    mood: str
    companions: str
    language: str
    session: list[str]  # items of this session, oldest first
    preferences: Preferences


class Filters(TypedDict, total=False):
    """What an item must be; what does not fit is left out."""

    types: list[str]
    neighborhoods: list[str]
    max_price_level: float
    min_authenticity: float
    max_tourist_ratio: float
    max_crowd_level: float
    setting: str
    max_travel_minutes: float
    exclude_seen: bool
    exclude: list[str]
    candidates: list[str]


class _Told(TypedDict):
    user_id: str
    item_id: str
    event_type: EventType


class Event(_Told, total=False):
    """One piece of feedback; without an `event_id` the server makes one out of its content."""

    event_id: str
    timestamp: Moment
    value: float
    slate_id: str
    position: int
    impression_token: str
    items: list[str]
    variant: str
    context: Context


class ItemColumns(TypedDict, total=False):
    """What is known about a gem; see the contract for the words and ranges of each column."""

    name: str
    type: str
    neighborhood: str
    lat: float
    lon: float
    opening_hours: str
    cost_text: str
    how_to_find: str
    local_tip: str
    hidden_factor: float
    authenticity: float
    tourist_ratio: float
    crowd_level: float
    price_level: float
    setting: str
    best_time: str
    created_at: Moment
    tags: str
    description_en: str
    description_tr: str
