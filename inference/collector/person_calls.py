"""The calls about one person."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Path, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError

from inference.collector.beliefs import BELIEF, Belief, beliefs_of
from inference.collector.bodies import json_of
from inference.collector.errors import CallError, declared, reason_of
from inference.collector.event_calls import body
from inference.collector.gems import KnownGems
from inference.collector.guard import Guard
from inference.collector.limits import MAX_OTHER_BYTES
from inference.collector.paths import UserId, Window, decoded, seconds_of
from inference.collector.persons import Persons, shown

_PERSON = "/v1/users/{user_id}"
BeliefName = Annotated[
    str, Field(pattern=BELIEF), BeforeValidator(decoded), Path(description="As the profile names it, type:cafe")
]
Receipt = Annotated[str, BeforeValidator(decoded), AfterValidator(str.strip), Path(max_length=64)]


class Consent(BaseModel):
    """Whether answers may be personal."""

    model_config = ConfigDict(extra="ignore")

    personalisation: StrictBool


class OwnEvents(BaseModel):
    """Recent events of a person, newest first."""

    user_id: str
    events: list[dict[str, Any]]


class ConsentNow(Consent):
    """What holds from now on."""

    user_id: str


class ShownBelief(BaseModel):
    """They like gems of a type or a neighborhood; `share` of the likes of its kind, 0-1."""

    belief: str
    likes: int
    share: float
    removed: bool
    events: list[dict[str, Any]]


class Profile(BaseModel):
    """What is believed of a person's taste; used while personalisation is on, but for what was removed."""

    user_id: str
    personalisation: bool
    beliefs: list[ShownBelief]


class RemovedBelief(BaseModel):
    """A belief that is not used from now on."""

    user_id: str
    belief: str
    removed: bool = True


class StoreErasure(BaseModel):
    """A store of an erasure: done, or pending with its deadline."""

    store: str
    state: str
    what: str
    deadline: str
    done_at: str | None = None


class Erasure(BaseModel):
    """What became of an erasure."""

    receipt: str
    requested_at: str
    stores: list[StoreErasure]


class Export(BaseModel):
    """Everything the online stores hold about a person; `elsewhere` names other stores that may hold more."""

    user_id: str
    exported_at: str
    personalisation: bool
    events: list[dict[str, Any]]
    dismissed: list[str]
    removed_beliefs: list[str]
    features: dict[str, Any] | None
    online_factors: str | None
    moved_today: list[Any] | None
    embedding_rows: dict[str, int]
    kept_slates: list[str]
    elsewhere: list[dict[str, str]]


def person_calls(persons: Persons, gems: KnownGems, guard: Guard) -> APIRouter:
    """The calls about one person; for the backend scope."""
    router = APIRouter(tags=["people"], dependencies=[Depends(guard.needs("backend"))])

    @router.get(f"{_PERSON}/events", responses=declared(400, 503), summary="Recent events of a person")
    def own_events(user_id: UserId, window: Window = "7d") -> OwnEvents:
        """Newest first, out of the last 1,000."""
        events = persons.events(user_id, seconds_of(window))
        return OwnEvents(user_id=user_id, events=[shown(event) for event in events])

    @router.get(f"{_PERSON}/export", responses=declared(400, 503), summary="Everything held about a person")
    def export(user_id: UserId) -> Export:
        """What the online stores hold, and which other stores may hold more."""
        return Export.model_validate(persons.export(user_id))

    @router.get(f"{_PERSON}/profile", responses=declared(400, 503), summary="What is believed they like")
    def profile(user_id: UserId) -> Profile:
        """Beliefs with the recent events behind them."""
        events, row = persons.events(user_id), persons.row(user_id)
        columns = gems.columns(list(dict.fromkeys(event.item_id for event in events)))
        beliefs = beliefs_of(row.row if row else None, events, columns, persons.removed_beliefs(user_id))
        return Profile(
            user_id=user_id, personalisation=persons.consents(user_id), beliefs=[_shown(each) for each in beliefs]
        )

    @router.delete(f"{_PERSON}/profile/{{belief}}", responses=declared(400, 503), summary="Remove a belief")
    def remove_belief(user_id: UserId, belief: BeliefName) -> RemovedBelief:
        """It is not used from the next answer on."""
        persons.remove_belief(user_id, belief)
        return RemovedBelief(user_id=user_id, belief=belief)

    @router.put(
        f"{_PERSON}/consent",
        responses=declared(400, 408, 413, 503),
        summary="Personalisation on or off",
        openapi_extra=body({"$ref": "#/components/schemas/Consent"}, {"off": {"personalisation": False}}),
    )
    async def set_consent(user_id: UserId, request: Request) -> ConsentNow:
        """Obeyed from the next answer on; while it is off, events move no live model."""
        given = _consent(await json_of(request, MAX_OTHER_BYTES))
        await run_in_threadpool(persons.set_consent, user_id, given.personalisation)
        return ConsentNow(user_id=user_id, personalisation=given.personalisation)

    @router.delete(_PERSON, status_code=202, responses=declared(400, 503), summary="Erase a person")
    def erase(user_id: UserId) -> Erasure:
        """Online stores at once; the receipt says what is pending, and until when."""
        return Erasure.model_validate(persons.erase(user_id, uuid4().hex))

    @router.get("/v1/erasures/{receipt}", responses=declared(400, 404, 503), summary="What became of an erasure")
    def erasure(receipt: Receipt) -> Erasure:
        """Each store done or pending with its deadline."""
        return Erasure.model_validate(persons.erasure(receipt))

    return router


def _consent(content: Any) -> Consent:
    try:
        return Consent.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise CallError(reason_of(first), ".".join(str(part) for part in first["loc"]) or None) from error


def _shown(belief: Belief) -> ShownBelief:
    return ShownBelief(
        belief=belief.belief,
        likes=belief.likes,
        share=belief.share,
        removed=belief.removed,
        events=[shown(event) for event in belief.events],
    )
