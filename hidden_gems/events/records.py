"""Messages of the topics: what each says, as JSON in UTF-8 and back.

A reader ignores fields it does not know, so that a newer writer may say more.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from hidden_gems.core.errors import BadInputError
from hidden_gems.events.topics import SCHEMA_VERSION

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class BadRecordError(BadInputError):
    """A message of a topic cannot be read; says why. It belongs among the dead letters."""


@dataclass(frozen=True)
class _Record:
    def to_json(self) -> bytes:
        """UTF-8 JSON; NaN is null."""
        return _ENCODER.encode({"schema_version": SCHEMA_VERSION, **self._content()}).encode()

    def _content(self) -> dict[str, Any]:
        """Fields as JSON has them."""
        content: dict[str, Any] = _plain(vars(self))
        return content

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read a message.

        Raises:
            BadRecordError: If it is no JSON object of this version with every needed field.
        """
        try:
            content = json.loads(text)
        except ValueError as error:
            raise BadRecordError(f"not JSON: {error}") from error
        if not isinstance(content, dict):
            raise BadRecordError(f"expected a JSON object, got {type(content).__name__}")
        if (version := content.get("schema_version")) != SCHEMA_VERSION:
            raise BadRecordError(f"schema_version is {version!r}, expected {SCHEMA_VERSION}")
        known = {each.name for each in fields(cls)}
        try:
            return cls._of({name: value for name, value in content.items() if name in known})
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise BadRecordError(f"not a {cls.__name__}: {error}") from error

    @classmethod
    def _of(cls, content: dict[str, Any]) -> Self:
        return cls(**content)


@dataclass(frozen=True)
class Interaction(_Record):
    """One event of `interactions.v1`.

    `context` has the context columns of the contract as far as they are known: weather, temperature_c, mood,
    companions, language, lat, lon, session_id.
    """

    event_id: str
    user_id: str  # pseudonym
    item_id: str
    event_type: str  # canonical, see `events.kinds`
    timestamp: float  # epoch seconds, when it happened
    received: float  # epoch seconds on the collector's clock
    value: float | None = None
    slate_id: str | None = None
    position: int | None = None  # from 0
    signed: bool = False  # it quoted a valid token; only then it may move live models and rows
    propensity: float | None = None  # of the impression, out of the token
    items: tuple[str, ...] = ()  # of a `shown` event: what the person saw, in order
    variant: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def known_since(self) -> float:
        """Epoch seconds; somebody who was erased at this moment or later is erased with this event."""
        return min(self.timestamp, self.received)

    @classmethod
    def _of(cls, content: dict[str, Any]) -> Self:
        timestamp, received = float(content.pop("timestamp")), float(content.pop("received"))
        if not (math.isfinite(timestamp) and math.isfinite(received)):
            raise ValueError("timestamp and received must be finite")
        for name in ("event_id", "user_id", "item_id", "event_type"):
            if not isinstance(content[name], str) or not content[name]:
                raise ValueError(f"{name} must be a text")
        return cls(**content | {"timestamp": timestamp, "received": received, "items": tuple(content.get("items", ()))})


@dataclass(frozen=True)
class Place:
    """One item of a slate."""

    item_id: str
    position: int  # from 0
    propensity: float  # of this item at this position, given the ones before it
    score: float
    sources: tuple[str, ...]
    vector: tuple[float, ...]  # features that the ranker saw, in the order of the feature service; NaN where missing
    constraints: tuple[str, ...] = ()  # rules of re-ranking that changed this place, see `recommend.rules`


@dataclass(frozen=True)
class Slate(_Record):
    """One message of `impressions.v1`: everything about an answer that was given.

    `context` has the context columns of the contract as far as they are known.
    """

    slate_id: str
    user_id: str  # pseudonym
    timestamp: float  # epoch seconds, the moment the request asked for
    policy: str
    release: str
    feature_service: str
    state_version: int  # of the online state
    places: tuple[Place, ...]
    degraded: tuple[str, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    variant: str = ""  # see `core.assignment`; empty where the answer is no part of the comparison
    issued: float | None = None  # epoch seconds on the clock of who answered; None in messages from before it was told

    @property
    def known_since(self) -> float:
        """Epoch seconds; somebody who was erased at this moment or later is erased with this slate."""
        return self.timestamp if self.issued is None else self.issued

    def _content(self) -> dict[str, Any]:
        """By hand: a request waits for it, and `asdict` copies every number of every vector on its own."""
        places = [
            {**vars(place), "vector": [value if math.isfinite(value) else None for value in place.vector]}
            for place in self.places
        ]
        content: dict[str, Any] = _plain({**vars(self), "places": ()})
        return content | {"places": places}

    @classmethod
    def _of(cls, content: dict[str, Any]) -> Self:
        places = tuple(
            Place(
                item_id=str(each["item_id"]),
                position=int(each["position"]),
                propensity=float(each["propensity"]),
                score=float(each["score"]),
                sources=tuple(each["sources"]),
                vector=tuple(math.nan if value is None else float(value) for value in each["vector"]),
                constraints=tuple(str(name) for name in each.get("constraints", ())),
            )
            for each in content["places"]
        )
        degraded = tuple(content.get("degraded", ()))
        if not isinstance(content.get("variant", ""), str):
            raise ValueError("variant must be a text")
        issued = content.get("issued")
        return cls(
            **content
            | {
                "places": places,
                "degraded": degraded,
                "timestamp": float(content["timestamp"]),
                "issued": None if issued is None else float(issued),
            }
        )


@dataclass(frozen=True)
class ItemChange(_Record):
    """One message of `items.v1`: a gem as it is now, or that it closed.

    `columns` are item columns of the contract (§1) without item_id; None where the gem closed for good.
    """

    item_id: str
    timestamp: float  # epoch seconds
    columns: Mapping[str, Any] | None
    closed_until: float | None = None  # epoch seconds; closed before, open again from then on

    def closed(self, now: float) -> bool:
        """Whether the gem may not be shown at a moment."""
        return self.columns is None or (self.closed_until is not None and now < self.closed_until)


@dataclass(frozen=True)
class DriftEvent(_Record):
    """One message of `drift.v1`: a person's taste in types of gems has changed."""

    user_id: str  # pseudonym
    timestamp: float  # epoch seconds, when it was found
    score: float  # of the detector
    outcomes: int  # feedback that counted since the change before, or since the person's first
    before: tuple[str, ...]  # types that were liked most, best first; "" where the type is not known
    after: tuple[str, ...]

    @classmethod
    def _of(cls, content: dict[str, Any]) -> Self:
        timestamp, score = float(content.pop("timestamp")), float(content.pop("score"))
        if not (math.isfinite(timestamp) and math.isfinite(score)):
            raise ValueError("timestamp and score must be finite")
        if not isinstance(content["user_id"], str) or not content["user_id"]:
            raise ValueError("user_id must be a text")
        kinds = {name: tuple(str(kind) for kind in content[name]) for name in ("before", "after")}
        return cls(**content | kinds | {"timestamp": timestamp, "score": score, "outcomes": int(content["outcomes"])})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
