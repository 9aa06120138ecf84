"""PUT, DELETE and POST of gems."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ValidationError

from hidden_gems.core.clock import Clock
from hidden_gems.datasets.contract import FILES
from hidden_gems.events.records import ItemChange
from hidden_gems.events.topics import ITEMS
from hidden_gems.streaming.broker import Message, Producer
from inference.collector.bodies import json_of
from inference.collector.errors import CallError, NotFoundError, declared, reason_of
from inference.collector.event_calls import body, listed, one_or_many
from inference.collector.gems import Gem, GemOfMany, KnownGems, columns_of
from inference.collector.guard import Guard
from inference.collector.limits import MAX_EVENT_BYTES, MAX_OTHER_BYTES
from inference.collector.paths import ItemId, Until

EXAMPLE = {"name": "Simulated tea garden", "type": "garden", "neighborhood": "Balat", "lat": 41.03, "lon": 28.95}
EXAMPLE |= {"price_level": 1, "setting": "outdoor", "opening_hours": "Mo-Su 09:00-22:00"}


class GemSent(BaseModel):
    """A change that is written; it shows in answers within 60 s. `ignored` are columns we do not know."""

    item_id: str
    timestamp: float
    closed_until: float | None = None
    ignored: list[str] = []


class RejectedGem(BaseModel):
    """A gem of a list that was not taken."""

    index: int
    item_id: str | None
    message: str
    field: str | None = None


class GemsSent(BaseModel):
    """What became of a list of gems."""

    accepted: int
    rejected: list[RejectedGem]


class Gems:
    """Writes changes of gems."""

    def __init__(self, producer: Producer, known: KnownGems, clock: Clock) -> None:
        self._producer, self._known, self._clock = producer, known, clock

    def send(self, changes: Sequence[ItemChange]) -> None:
        """Write changes; returns after the broker has acknowledged them.

        Raises:
            PartUnavailableError: If it does not.
        """
        if changes:
            self._producer.send([Message(ITEMS, change.item_id, change.to_json()) for change in changes])
            self._known.note(changes)

    def put(self, item_id: str, content: Any) -> GemSent:
        """Let a gem enter, or be as it is described now.

        Raises:
            CallError: If the description is wrong; names the column.
        """
        if not isinstance(content, dict):
            raise CallError("expected an object with the columns of a gem")
        if content.get("item_id", item_id) not in (item_id, _number(item_id)):
            raise CallError("the body is about another gem than the path", "item_id")
        try:
            columns = columns_of(Gem.model_validate(content))
        except ValidationError as error:
            message, field = _said(error)
            raise CallError(message, field) from error
        change = ItemChange(item_id, self._clock.now(), columns)
        self.send([change])
        return GemSent(item_id=item_id, timestamp=change.timestamp, ignored=_unknown(content))

    def put_many(self, contents: list[Any]) -> GemsSent:
        """The same for each of a list; a bad one takes no good one with it."""
        now, changes, rejected = self._clock.now(), [], []
        for index, content in enumerate(contents):
            try:
                gem = GemOfMany.model_validate(content)
            except ValidationError as error:
                message, field = _said(error)
                named = content.get("item_id") if isinstance(content, dict) and field != "item_id" else None
                item_id = None if named is None else str(named)
                rejected.append(RejectedGem(index=index, item_id=item_id, message=message, field=field))
            else:
                changes.append(ItemChange(gem.model_dump()["item_id"], now, columns_of(gem)))
        self.send(changes)
        return GemsSent(accepted=len(changes), rejected=rejected)

    def close(self, item_id: str, until: float | None) -> GemSent:
        """Close a gem for good, or until a moment.

        Raises:
            CallError: If the moment is past.
            NotFoundError: If it closes for a while only and nothing is known of it.
        """
        now = self._clock.now()
        if until is None:
            change = ItemChange(item_id, now, None)
        elif until <= now:
            raise CallError("the moment is past; to open a gem again, PUT it", "closed_until")
        else:
            columns = self._known.columns([item_id])
            if item_id not in columns:
                raise NotFoundError("no gem of this id is known", "item_id")
            change = ItemChange(item_id, now, columns[item_id], closed_until=until)
        self.send([change])
        return GemSent(item_id=item_id, timestamp=now, closed_until=until)


def gem_calls(gems: Gems, guard: Guard) -> APIRouter:
    """The calls that change gems; for the admin scope."""
    router = APIRouter(tags=["gems"], dependencies=[Depends(guard.needs("admin"))])

    @router.put(
        "/v1/items/{item_id}",
        status_code=202,
        summary="A gem enters, or changes",
        responses=declared(400, 408, 413, 503),
        openapi_extra=body({"$ref": "#/components/schemas/Gem"}, {"garden": EXAMPLE}),
    )
    async def put_gem(item_id: ItemId, request: Request) -> GemSent:
        """The body is the whole gem: a column that is left out is unknown from now on. A closed gem opens."""
        return await run_in_threadpool(gems.put, item_id, await json_of(request, MAX_OTHER_BYTES))

    @router.post(
        "/v1/items",
        status_code=202,
        summary="Up to 500 gems enter, or change",
        responses=declared(400, 408, 413, 503),
        openapi_extra=body(one_or_many(GemOfMany), {"many": [{"item_id": "g900", **EXAMPLE}]}),
    )
    async def put_gems(request: Request) -> GemsSent:
        """Each is taken or rejected on its own; of one id that comes twice the last one holds."""
        return await run_in_threadpool(gems.put_many, listed(await json_of(request, MAX_EVENT_BYTES)))

    @router.delete("/v1/items/{item_id}", status_code=202, summary="A gem closes", responses=declared(400, 404, 503))
    def close_gem(
        item_id: ItemId,
        closed_until: Until = None,
    ) -> GemSent:
        """For good; with `closed_until` it opens again then."""
        return gems.close(item_id, closed_until)

    return router


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _unknown(content: dict[str, Any]) -> list[str]:
    return sorted(content.keys() - {column.name for column in FILES["items"]})


def _said(error: ValidationError) -> tuple[str, str | None]:
    first = error.errors(include_url=False, include_input=False)[0]
    return reason_of(first), ".".join(str(part) for part in first["loc"]) or None
