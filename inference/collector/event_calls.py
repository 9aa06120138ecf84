"""POST /v1/events."""

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from inference.collector.bodies import body_of, parsed
from inference.collector.door import Door
from inference.collector.errors import CallError, TooLargeError, TooManyError, declared
from inference.collector.guard import SECURED, Guard
from inference.collector.intake import Outcome
from inference.collector.limits import MAX_EVENT_BYTES, MAX_EVENTS
from inference.collector.messages import Event

EXAMPLE = {
    "event_id": "e-1",
    "user_id": "u42",
    "item_id": "g7",
    "event_type": "click",
    "timestamp": "2026-05-04T17:31:00+03:00",
    "slate_id": "s-1",
    "position": 0,
    "impression_token": "the token that came with the item",
    "context": {"weather": "rain", "language": "tr"},
}


class RejectedEvent(BaseModel):
    """An event that was not taken; `reason` is a code, `message` a sentence."""

    index: int
    event_id: str | None
    reason: str
    message: str
    field: str | None = None


class Taken(BaseModel):
    """What became of a list: accepted ones are written; unsigned ones of them move no live model."""

    accepted: int
    unsigned: int
    duplicates: int
    rejected: list[RejectedEvent]


def listed(content: Any) -> list[Any]:
    """Events of a body: one, or a list.

    Raises:
        CallError: If it is neither.
        TooLargeError: If the list is too long.
    """
    if isinstance(content, dict):
        return [content]
    if not isinstance(content, list):
        raise CallError(f"expected an event or a list of up to {MAX_EVENTS}")
    if len(content) > MAX_EVENTS:
        raise TooLargeError(f"a list may have up to {MAX_EVENTS} entries, this one has {len(content)}")
    return content


def body(schema: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI of a JSON body that the call reads by itself."""
    named = {name: {"value": value} for name, value in examples.items()}
    content = {"application/json": {"schema": schema, "examples": named}}
    return {"requestBody": {"required": True, "content": content}}


def one_or_many(model: type[BaseModel]) -> dict[str, Any]:
    """Schema of one value of a model, or of a list of them."""
    one = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"anyOf": [one, {"type": "array", "items": one, "maxItems": MAX_EVENTS}]}


def event_calls(door: Door, guard: Guard) -> APIRouter:
    """The call that takes events."""
    router = APIRouter(tags=["events"])

    @router.post(
        "/v1/events",
        status_code=202,
        response_model=Taken,
        summary="Send one event, or up to 500",
        responses=declared(400, 408, 413, 503),
        openapi_extra=SECURED | body(one_or_many(Event), {"one": EXAMPLE, "many": [EXAMPLE]}),
    )
    async def send_events(request: Request) -> Response:
        """Answer after the broker has acknowledged; after a 503 send the same again, event ids make that safe."""
        caller = guard.caller(request, "ingest", "backend")
        text = await body_of(request, MAX_EVENT_BYTES)
        contents = listed(parsed(text))
        if len(contents) > 1:
            guard.room(caller, len(contents) - 1)
        outcome = await door.take(contents, len(text))
        if outcome.wait_seconds and len(outcome.rejected) == len(contents):
            after = {"Retry-After": str(outcome.wait_seconds)}
            raise TooManyError("the people have sent too much", "user_id", after)
        return _answer(outcome)

    return router


def _answer(outcome: Outcome) -> Response:
    """Answer of a call, by hand: `Taken` says what it looks like."""
    rejected = [vars(each) for each in outcome.rejected]
    said = {"accepted": outcome.accepted, "unsigned": outcome.unsigned, "duplicates": outcome.duplicates}
    return Response(orjson.dumps({**said, "rejected": rejected}), 202, media_type="application/json")
