"""Requests as callers send them: every field checked, every mistake named by its path."""

import math
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from hidden_gems.core.errors import BadFieldError
from hidden_gems.core.ids import MAX_ID_LENGTH
from hidden_gems.datasets.contract import COMPANIONS, MOODS, OTHER, WEATHER_ALIASES, WEATHERS
from hidden_gems.features.request import RequestContext
from hidden_gems.recommend.request import LIMIT, MOST, Detail, Filters, Kind, Preferences, Request

INSTANCES = 32
"""Requests in one call, at most."""
MOST_IDS = 1_000
LAST_SECOND = 1 << 33
LONGEST_WORD = 64

_Model = TypeVar("_Model", bound=BaseModel)


def _identity(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise PydanticCustomError("id", "expected a text")
    text = str(value)
    if not 1 <= len(text) <= MAX_ID_LENGTH:
        raise PydanticCustomError("id", "expected 1 to 64 characters")
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in text):
        raise PydanticCustomError("id", "has a control character")
    return text


def _moment(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PydanticCustomError("time", "expected ISO 8601 with a zone, or epoch seconds")
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("time", "expected ISO 8601 with a zone, or epoch seconds") from None
        if read.tzinfo is None:
            raise PydanticCustomError("time", "needs a zone, as in 2026-05-04T17:30:00+03:00")
        value = read.timestamp()
    if not math.isfinite(value) or not 0 <= value < LAST_SECOND:
        raise PydanticCustomError("time", "expected a moment from 1970 to 2242")
    return float(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise PydanticCustomError("number", "expected a number")
    return float(value)


def _word(words: tuple[str, ...], aliases: Mapping[str, str]) -> Any:
    """A word of a vocabulary; another one is `other`, never a mistake."""

    def read(value: Any) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > LONGEST_WORD:
            raise PydanticCustomError("word", "expected a word")
        word = value.strip().lower()
        word = aliases.get(word, word)
        return None if not word else word if word in words else OTHER

    return BeforeValidator(read)


def _language(value: Any) -> str:
    """Turkish where it is asked for in any form ("tr", "tr-TR"); English for all others."""
    if not isinstance(value, str) or len(value) > LONGEST_WORD:
        raise PydanticCustomError("word", "expected a language, as in en or tr")
    return "tr" if value.strip().lower().split("-")[0] == "tr" else "en"


Identity = Annotated[str, BeforeValidator(_identity)]
Moment = Annotated[float, BeforeValidator(_moment)]
Number = Annotated[float, BeforeValidator(_number)]
Unit = Annotated[Number, Field(ge=0, le=1)]
Price = Annotated[Number, Field(ge=0, le=4)]
Words = Annotated[list[Annotated[str, Field(strict=True, min_length=1, max_length=LONGEST_WORD)]], Field(max_length=50)]
Ids = Annotated[list[Identity], Field(max_length=MOST_IDS)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class LocationPart(_Part):
    """Where the person is, in degrees."""

    lat: Annotated[Number, Field(ge=-90, le=90)]
    lon: Annotated[Number, Field(ge=-180, le=180)]


class PreferencesPart(_Part):
    """Soft wishes."""

    types: Words = []
    avoid: Words = []
    max_price_level: Price | None = None


class ContextPart(_Part):
    """When, where and in which mood is asked; words we do not know are `other`."""

    timestamp: Moment | None = None
    location: LocationPart | None = None
    weather: Annotated[str | None, _word(WEATHERS, WEATHER_ALIASES)] = None
    temperature_c: Annotated[Number, Field(ge=-60, le=60)] | None = None
    mood: Annotated[str | None, _word(MOODS, {})] = None
    companions: Annotated[str | None, _word(COMPANIONS, {})] = None
    language: Annotated[Literal["en", "tr"], BeforeValidator(_language)] = "en"
    session: Annotated[list[Identity], Field(max_length=100)] = []
    preferences: PreferencesPart = Field(default_factory=PreferencesPart)


class FiltersPart(_Part):
    """Hard conditions; a key that is none of them is a mistake, for it would promise what nobody keeps."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    types: Words | None = None
    neighborhoods: Words | None = None
    max_price_level: Price | None = None
    min_authenticity: Unit | None = None
    max_tourist_ratio: Unit | None = None
    max_crowd_level: Unit | None = None
    setting: Literal["indoor", "outdoor", "both"] | None = None
    max_travel_minutes: Annotated[Number, Field(ge=0, le=1440)] | None = None
    exclude_seen: Annotated[bool, Field(strict=True)] = True
    exclude: Ids = []
    candidates: Ids | None = None

    @model_validator(mode="before")
    @classmethod
    def _category(cls, given: Any) -> Any:
        return _with_types(given)

    def hard(self) -> Filters:
        """As the library has them."""
        return Filters(
            types=_set(self.types),
            neighborhoods=_set(self.neighborhoods),
            max_price_level=self.max_price_level,
            min_authenticity=self.min_authenticity,
            max_tourist_ratio=self.max_tourist_ratio,
            max_crowd_level=self.max_crowd_level,
            setting=self.setting,
            max_travel_minutes=self.max_travel_minutes,
            exclude_seen=self.exclude_seen,
            exclude=frozenset(self.exclude),
            candidates=None if self.candidates is None else tuple(dict.fromkeys(self.candidates)),
        )


class Instance(_Part):
    """One request."""

    user_id: Identity
    limit: Annotated[int, Field(strict=True, ge=1, le=MOST)] = LIMIT
    kind: Kind = "recommend"
    item_id: Identity | None = None
    context: ContextPart = Field(default_factory=ContextPart)
    filters: FiltersPart = Field(default_factory=FiltersPart)
    explain: Detail = "none"

    @model_validator(mode="before")
    @classmethod
    def _category(cls, given: Any) -> Any:
        """`category` may stand beside the filters, too."""
        if not isinstance(given, dict) or "category" not in given:
            return given
        kept = {name: value for name, value in given.items() if name != "category"}
        filters = kept.get("filters", {})
        return kept | {"filters": filters | {"category": given["category"]} if isinstance(filters, dict) else filters}

    @model_validator(mode="after")
    def _item(self) -> "Instance":
        if self.kind == "similar" and self.item_id is None:
            raise PydanticCustomError("item_id", "item_id is needed for similar gems")
        return self

    def request(self, person: str, now: float, timezone: str, order_only: bool) -> Request:
        """What the library is asked.

        Args:
            person: Pseudonym.
            now: Epoch seconds, where the caller names no moment.
            timezone: IANA name of the release's.
            order_only: Times of the release are only an order.
        """
        at = self.context
        moment = now if at.timestamp is None else at.timestamp
        lat, lon = (None, None) if at.location is None else (at.location.lat, at.location.lon)
        wishes = Preferences(
            frozenset(at.preferences.types), frozenset(at.preferences.avoid), at.preferences.max_price_level
        )
        return Request(
            user_id=person,
            context=RequestContext(int(moment), timezone, lat, lon, at.weather, at.temperature_c, order_only),
            limit=self.limit,
            kind=self.kind,
            item_id=self.item_id,
            filters=self.filters.hard(),
            preferences=wishes,
            session=tuple(at.session),
            mood=at.mood,
            companions=at.companions,
            language=at.language,
            explain=self.explain,
        )


class Question(_Part):
    """What `:explain` is asked: a gem of a slate, or a gem for a person now."""

    item_id: Identity
    slate_id: Identity | None = None
    user_id: Identity | None = None
    context: ContextPart = Field(default_factory=ContextPart)
    trace: bool = False  # what every stage knew of the gem, shown or not, instead of reasons

    @model_validator(mode="after")
    def _one(self) -> "Question":
        if self.trace and self.slate_id is None:
            raise PydanticCustomError("slate_id", "only a slate that was given can be traced")
        if (self.slate_id is None) == (self.user_id is None):
            raise PydanticCustomError("slate_id", "expected slate_id or user_id beside item_id, and not both")
        return self


def instances(given: Any, path: str = "instances") -> list[Instance]:
    """Read the requests of a call.

    Raises:
        BadFieldError: If they are no list of 1 to 32 good requests; names the first field that is wrong.
    """
    if not isinstance(given, list):
        raise BadFieldError(path, "expected a list of requests")
    if not 1 <= len(given) <= INSTANCES:
        raise BadFieldError(path, f"expected 1 to {INSTANCES} requests, got {len(given)}")
    return [_read(Instance, each, f"{path}[{number}]") for number, each in enumerate(given)]


def question(given: Any) -> Question:
    """Read what `:explain` is asked.

    Raises:
        BadFieldError: If it cannot be used.
    """
    return _read(Question, given, "")


def _read(kind: type[_Model], given: Any, path: str) -> _Model:
    if not isinstance(given, dict):
        raise BadFieldError(path or "body", "expected an object")
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise BadFieldError(_path(path, first), first["msg"]) from None


def _path(start: str, error: ErrorDetails) -> str:
    """`instances[0].filters.colour`; parts that are long or no names are cut."""
    path = start
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part[:LONGEST_WORD]}"
    if not error["loc"] and error["type"] in ("item_id", "slate_id"):
        path += f".{error['type']}"
    return path.removeprefix(".")


def _with_types(given: Any) -> Any:
    """`category` is one type."""
    if not isinstance(given, dict) or "category" not in given:
        return given
    if given.get("types") is not None:
        raise PydanticCustomError("category", "category and types say the same; give one of them")
    return {name: value for name, value in given.items() if name != "category"} | {"types": [given["category"]]}


def _set(words: list[str] | None) -> frozenset[str] | None:
    return None if words is None else frozenset(words)
