"""What somebody asks, after the door has checked it."""

from dataclasses import dataclass, field
from typing import Literal

from hidden_gems.features.request import RequestContext

LIMIT, MOST = 10, 50
"""Items of an answer by default, and at most."""

Kind = Literal["recommend", "similar", "trending"]
Detail = Literal["none", "brief", "full"]


@dataclass(frozen=True)
class Filters:
    """Hard conditions: whatever fails one is not in the answer, and neither is what cannot be judged by it."""

    types: frozenset[str] | None = None
    neighborhoods: frozenset[str] | None = None
    max_price_level: float | None = None  # 0-4
    min_authenticity: float | None = None  # 0-1
    max_tourist_ratio: float | None = None  # 0-1
    max_crowd_level: float | None = None  # 0-1
    setting: str | None = None  # indoor, outdoor, both
    max_travel_minutes: float | None = None
    exclude_seen: bool = True  # leave out what the person liked before
    exclude: frozenset[str] = frozenset()
    candidates: tuple[str, ...] | None = None  # only these


@dataclass(frozen=True)
class Preferences:
    """Soft wishes: they move the order a little and are told among the reasons."""

    types: frozenset[str] = frozenset()
    avoid: frozenset[str] = frozenset()
    max_price_level: float | None = None


@dataclass(frozen=True)
class Request:
    """What somebody asks."""

    user_id: str  # pseudonym; someone unknown is a cold start
    context: RequestContext
    limit: int = LIMIT
    kind: Kind = "recommend"
    item_id: str | None = None  # what `similar` is asked about
    filters: Filters = field(default_factory=Filters)
    preferences: Preferences = field(default_factory=Preferences)
    session: tuple[str, ...] = ()  # items met in this session, oldest first
    mood: str | None = None
    companions: str | None = None
    language: Literal["en", "tr"] = "en"
    explain: Detail = "none"
