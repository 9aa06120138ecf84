"""Events as callers send them: read one by one, so that a bad one never takes a good one with it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.events.kinds import ALIASES, KINDS
from hidden_gems.events.records import Interaction
from inference.collector.errors import reason_of
from inference.collector.fields import Identity, Moment, Number, Text, identity, plain_word, word_of

AHEAD_SECONDS = 300.0
LATE_SECONDS = 7.0 * DAY_SECONDS
CONFLICT = "event_conflict"
ERASED = "erased"
TOO_MANY = "too_many"
_MAX_ITEMS = 100
_MAX_TOKEN = 2048
_MAX_POSITION = 10_000
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Rejection:
    """Why one event of a list was not taken."""

    index: int
    event_id: str | None
    reason: str  # a code
    message: str
    field: str | None = None


@dataclass(frozen=True)
class Read:
    """An event that can be read, and what tells it from another one of the same id."""

    index: int
    interaction: Interaction
    token: str
    digest: bytes


class EventContext(BaseModel):
    """The moment of an event, as far as it is known; `location` may hold the coordinates, as in a request."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    weather: Annotated[str | None, BeforeValidator(word_of("weather"))] = None
    temperature_c: Annotated[Number, Field(ge=-60, le=60)] | None = None
    mood: Annotated[str | None, BeforeValidator(word_of("mood"))] = None
    companions: Annotated[str | None, BeforeValidator(word_of("companions"))] = None
    language: Text | None = None
    lat: Annotated[Number, Field(ge=-90, le=90)] | None = None
    lon: Annotated[Number, Field(ge=-180, le=180)] | None = None
    session_id: Identity | None = None

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, content: Any) -> Any:
        if isinstance(content, dict) and isinstance(place := content.get("location"), dict):
            return {**{name: place.get(name) for name in ("lat", "lon")}, **content}
        return content

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.lat is None) != (self.lon is None):
            raise PydanticCustomError("invalid", "half a coordinate: lat and lon come together")
        return self


def _event_type(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a text")
    word = plain_word(value)
    word = ALIASES.get(word, word)
    if word not in KINDS:
        raise PydanticCustomError("unknown_event_type", "unknown type; there are {types}", {"types": ", ".join(KINDS)})
    return word


def _token(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= _MAX_TOKEN else ""


class Event(BaseModel):
    """One event; fields that are not named here are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    event_id: Identity | None = None
    user_id: Identity
    item_id: Identity | None = None
    event_type: Annotated[str, BeforeValidator(_event_type), WithJsonSchema({"enum": [*KINDS, *ALIASES]})]
    timestamp: Moment
    value: Number | None = None
    slate_id: Identity | None = None
    position: Annotated[int, Field(strict=True, ge=0, le=_MAX_POSITION)] | None = None
    impression_token: Annotated[str, BeforeValidator(_token)] = ""
    items: tuple[Identity, ...] = Field(default=(), max_length=_MAX_ITEMS)
    variant: Text | None = None
    context: EventContext | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        kind = KINDS[self.event_type]  # type: ignore[index]
        if self.item_id is None and not (self.event_type == "shown" and self.items):
            raise PydanticCustomError("invalid", "item_id is missing")
        if self.event_type == "shown" and not self.items:
            raise PydanticCustomError("invalid", "items are missing: what the person saw, in order")
        if self.value is None and kind.needs_value:
            raise PydanticCustomError("invalid", f"a {self.event_type} needs a value")
        ranged = kind.needs_value or self.event_type == "view"
        if self.value is not None and ranged and not kind.low <= self.value <= kind.high:
            raise PydanticCustomError("invalid", f"value is outside {kind.low:g} to {kind.high:g}")
        return self


def read(index: int, content: Any, now: float, pseudonym: Any) -> Read | Rejection:
    """Read one event.

    Args:
        index: Its place in the list.
        content: Any JSON value.
        now: Epoch seconds on the clock of this process.
        pseudonym: Turns the id of a person into a pseudonym.
    """
    given = _event_id(content)
    try:
        event = Event.model_validate(content)
    except ValidationError as error:
        return _rejected(index, given, error)
    if event.timestamp > now + AHEAD_SECONDS:
        return Rejection(index, given, "timestamp_ahead", "more than 5 minutes ahead of our clock", "timestamp")
    if event.timestamp < now - LATE_SECONDS:
        return Rejection(index, given, "timestamp_late", "more than 7 days ago", "timestamp")
    return _made(index, event, now, pseudonym(event.user_id))


def _made(index: int, event: Event, now: float, person: str) -> Read:
    item = event.item_id or event.items[0]
    context = event.context.model_dump(exclude_none=True) if event.context else {}
    named = [person, item, event.event_type, event.timestamp, event.slate_id]
    interaction = Interaction(
        event_id=event.event_id or hashlib.sha256(_canonical(named)).hexdigest()[:32],
        user_id=person,
        item_id=item,
        event_type=event.event_type,
        timestamp=event.timestamp,
        received=now,
        value=event.value,
        slate_id=event.slate_id,
        position=event.position,
        items=event.items,
        variant=event.variant,
        context=context,
    )
    said = [interaction.event_id, *named, event.value, event.position, event.items, event.variant, context]
    digest = hashlib.sha256(_canonical([*said, event.impression_token])).digest()[:16]
    return Read(index, interaction, event.impression_token, digest)


def _rejected(index: int, event_id: str | None, error: ValidationError) -> Rejection:
    first = error.errors(include_url=False, include_input=False)[0]
    reason = first["type"] if first["type"] == "unknown_event_type" else "invalid"
    field = ".".join(str(part) for part in first["loc"]) or None
    return Rejection(index, event_id, reason, reason_of(first), field)


def _event_id(content: Any) -> str | None:
    try:
        return identity(content["event_id"]) if isinstance(content, Mapping) else None
    except (KeyError, ValueError):
        return None


def _canonical(value: Any) -> bytes:
    return _ENCODER.encode(value).encode()
