"""What is written down of an answer: the line of the log, what explanations need later, and the answer itself."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from hidden_gems.core import names
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.erasures import moments
from hidden_gems.core.errors import ExpiredError, NotFoundError
from hidden_gems.core.kv import KeyValue
from hidden_gems.events.records import Place, Slate
from hidden_gems.events.tokens import Claim, Tokens
from hidden_gems.features.request import RequestContext
from hidden_gems.features.schema import FEATURE_NAMES, FEATURE_SERVICE
from hidden_gems.recommend.rules import Constraint, explained
from hidden_gems.recommend.trace import Trace
from inference.transformer.answers import Served
from inference.transformer.parts import Vectors

EXPLAINED_SECONDS = float(DAY_SECONDS)
"""How long, in event time, a slate can be explained; its tokens for clicks live as long."""
KEPT_SECONDS = 2 * DAY_SECONDS
"""When the store forgets a slate, in real time: later, so that it can say "expired" for a while."""

KEPT_SLATES = 1_000
"""Slates of one person that are found when the person is erased; whoever asks more often in two days has older ones
that name them until they expire."""

_COLUMNS = ("name", "type", "neighborhood", "lat", "lon", "authenticity")


@dataclass(frozen=True)
class Kept:
    """What is kept of a slate for its explanations."""

    slate: Slate
    issued: float  # epoch seconds on our clock
    language: str
    timezone: str
    order_only: bool
    confidence: tuple[float, ...]  # of each place
    fired: Mapping[int, Constraint]  # by position
    background_ids: tuple[str, ...]
    background: Vectors  # of candidates that were not shown, m X 60
    trace: Trace | None  # None for a slate that was kept before there were traces

    @property
    def vectors(self) -> Vectors:
        """What the ranker saw of each place, k X 60."""
        rows = [place.vector for place in self.slate.places]
        return np.array(rows, dtype=np.float32).reshape(len(rows), len(FEATURE_NAMES))

    @property
    def context(self) -> RequestContext:
        """When, where and in which weather it was asked."""
        said = self.slate.context
        return RequestContext(
            int(self.slate.timestamp),
            self.timezone,
            said.get("lat"),
            said.get("lon"),
            said.get("weather"),
            said.get("temperature_c"),
            self.order_only,
        )

    def to_json(self) -> bytes:
        """As it lies in the store."""
        content = asdict(replace(self, slate=None, background=None, trace=None))  # type: ignore[arg-type]
        return json.dumps(
            content
            | {
                "slate": self.slate.to_json().decode(),
                "background": base64.b64encode(self.background.astype("<f4").tobytes()).decode(),
                "trace": self.trace and base64.b64encode(self.trace.to_bytes()).decode(),
            }
        ).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Kept":
        """Read what `to_json` wrote."""
        content = json.loads(text)
        flat = np.frombuffer(base64.b64decode(content["background"]), dtype="<f4").astype(np.float32)
        return cls(
            slate=Slate.from_json(content["slate"].encode()),
            issued=float(content["issued"]),
            language=content["language"],
            timezone=content["timezone"],
            order_only=content["order_only"],
            confidence=tuple(content["confidence"]),
            fired={int(position): Constraint(**each) for position, each in content["fired"].items()},
            background_ids=tuple(content["background_ids"]),
            background=flat.reshape(-1, len(FEATURE_NAMES)),
            trace=Trace.from_bytes(base64.b64decode(content["trace"])) if content.get("trace") else None,
        )


def slate_of(served: Served) -> Slate:
    """The message of `impressions.v1`; without person and location for somebody who has not agreed to be known."""
    request, filled = served.request, served.filled
    context = {
        "weather": request.context.weather,
        "temperature_c": request.context.temperature_c,
        "mood": request.mood,
        "companions": request.companions,
        "language": request.language,
        "hand_over": round(served.utilities.handed_over, 4),
    }
    if served.personal:
        context |= {"lat": request.context.lat, "lon": request.context.lon}
    places = tuple(
        Place(
            item_id=served.found.item_ids[place],
            position=position,
            propensity=filled.propensities[position],
            score=float(served.beliefs.score[place]),
            sources=served.found.sources[place],
            vector=tuple(served.vectors[place].tolist()),
            constraints=filled.constraints(position),
        )
        for position, place in enumerate(filled.places)
    )
    return Slate(
        slate_id=served.slate_id,
        user_id=request.user_id if served.personal else "",
        timestamp=float(request.context.timestamp),
        policy=served.policy,
        release=served.world.release,
        feature_service=FEATURE_SERVICE,
        state_version=served.state_version,
        places=places,
        degraded=served.lost,
        variant=served.variant,
        issued=served.issued,
        context={name: value for name, value in context.items() if value is not None},
    )


def kept(served: Served, slate: Slate, others: Sequence[int]) -> Kept:
    """What is kept of an answer; `others` are numbers of candidates that stand for those not shown."""
    context = served.request.context
    return Kept(
        slate=slate,
        issued=served.issued,
        language=served.request.language,
        timezone=context.timezone,
        order_only=context.order_only,
        confidence=served.confidence,
        fired=explained(served.filled.fired),
        background_ids=tuple(served.found.item_ids[place] for place in others),
        background=served.vectors[list(others)],
        trace=Trace.of(served.world.items, served.found, served.beliefs, served.utilities, served.filled),
    )


def keep(keys: KeyValue, what: Kept) -> None:
    """Put a slate into the store, and among those of its person; not where the person was erased meanwhile.

    Raises:
        PartUnavailableError: If the store does not answer.
    """
    slate, person = what.slate, what.slate.user_id
    written = [names.slate(slate.slate_id)]
    keys.claim({written[0]: what.to_json()}, KEPT_SECONDS)
    if person:
        written.append(names.kept_slates(person))
        keys.prepend(written[1], [slate.slate_id.encode()], KEPT_SLATES)
        # Written before it is asked: either this sees the erasure, or the erasure sees what was written.
        if slate.known_since <= moments(keys, [person]).get(person, 0.0):
            keys.delete(written)


def recall(keys: KeyValue, slate_id: str, now: float) -> Kept:
    """A slate that was given.

    Raises:
        NotFoundError: If there is none of this id.
        ExpiredError: If it is older than a day of event time.
        PartUnavailableError: If the store does not answer.
    """
    [found] = keys.get([names.slate(slate_id)])
    if found is None:
        raise NotFoundError("there is no slate with this slate_id")
    what = Kept.from_json(found)
    if now - what.issued > EXPLAINED_SECONDS:
        raise ExpiredError("this slate is older than a day and can no longer be explained")
    return what


def prediction(
    served: Served, user_id: str, tokens: Tokens, explanations: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any]:
    """The answer as the contract has it.

    Args:
        served: The answer.
        user_id: As the caller wrote it.
        tokens: Sign every place, but for somebody who has not agreed to be known.
        explanations: Of each place, None where none were asked for.
    """
    items = []
    for position, place in enumerate(served.filled.places):
        item = _item(served, position, place, tokens)
        if explanations is not None:
            item["explanation"] = explanations[position] if position < len(explanations) else None
        items.append(item)
    found = {
        "slate_id": served.slate_id,
        "user_id": user_id,
        "policy": served.policy,
        "release": served.world.release,
        "variant": served.variant,
        "degraded": list(served.lost),
        "short": len(items) < served.request.limit,
        "hand_over": round(served.utilities.handed_over, 4),
        "state_version": served.state_version,
        "items": items,
    }
    return found | ({"unknown_candidates": served.found.unknown} if served.found.unknown else {})


def _item(served: Served, position: int, place: int, tokens: Tokens) -> dict[str, Any]:
    item_id, propensity = served.found.item_ids[place], served.filled.propensities[position]
    about = served.world.items.item(int(served.found.rows[place]))
    claim = Claim(served.request.user_id, served.slate_id, item_id, position, propensity, served.issued)
    return {
        "item_id": item_id,
        "position": position,
        "score": float(served.beliefs.score[place]),
        "propensity": propensity,
        "impression_token": tokens.sign(claim) if served.person.consent else "",
        **{name: about.get(name) for name in _COLUMNS},
        "source": list(served.found.sources[place]),
    }
