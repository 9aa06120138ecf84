"""The client for code that does other things meanwhile."""

import asyncio
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from hidden_gems.client import calls, wire
from hidden_gems.client.answers import (
    Accepted,
    Belief,
    Consent,
    Erasure,
    Explanation,
    Export,
    ItemTaken,
    Prediction,
    Profile,
    Trace,
    UserEvents,
)
from hidden_gems.client.calls import LIMIT, Call
from hidden_gems.client.errors import ClientError
from hidden_gems.client.questions import Context, Event, Explain, Filters, ItemColumns, Moment

T = TypeVar("T")


class AsyncClient:
    """`synchronous.Client` for asyncio: the same calls, to be awaited.

    Args:
        transformer: Address of the recommender.
        collector: Address of the door for feedback, gems and persons.
        api_key: Of the scope that the calls need; None where the doors are open.
        timeout_seconds: Of connecting, and of each wait for more of the answer.
        clock: Epoch seconds, for events that bring no time.
        transport: Another way to the doors, for tests.

    Examples:
        >>> answer = {"accepted": 1, "unsigned": 0, "duplicates": 0, "rejected": []}
        >>> transport = httpx.MockTransport(lambda request: httpx.Response(202, json=answer))
        >>> async def save() -> int:
        ...     async with AsyncClient(transport=transport) as client:
        ...         done = await client.send_events([{"user_id": "u42", "item_id": "g7", "event_type": "save"}])
        ...         return done.accepted
        >>> asyncio.run(save())
        1
    """

    def __init__(
        self,
        transformer: str = wire.TRANSFORMER,
        collector: str = wire.COLLECTOR,
        api_key: str | None = None,
        *,
        timeout_seconds: float = wire.TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.time,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._wire = wire.Wire(transformer, collector, api_key, timeout_seconds, clock=clock)
        self._http = httpx.AsyncClient(transport=transport, trust_env=False)

    async def recommend(
        self,
        user_id: str,
        *,
        limit: int = LIMIT,
        context: Context | None = None,
        filters: Filters | None = None,
        explain: Explain = "brief",
    ) -> Prediction:
        """The slate of a person; someone unknown is a cold start."""
        return await self._ask(calls.recommend(user_id, limit, context, filters, explain))

    async def similar(
        self,
        item_id: str,
        *,
        user_id: str,
        limit: int = LIMIT,
        context: Context | None = None,
        filters: Filters | None = None,
        explain: Explain = "none",
    ) -> Prediction:
        """Gems like this one, for a person."""
        return await self._ask(calls.similar(item_id, user_id, limit, context, filters, explain))

    async def trending(
        self,
        *,
        user_id: str,
        limit: int = LIMIT,
        context: Context | None = None,
        filters: Filters | None = None,
        explain: Explain = "none",
    ) -> Prediction:
        """Gems that rise now, for a person."""
        return await self._ask(calls.trending(user_id, limit, context, filters, explain))

    async def explain(
        self,
        item_id: str,
        *,
        slate_id: str | None = None,
        user_id: str | None = None,
        context: Context | None = None,
    ) -> Explanation:
        """Everything that can be said about a gem of a slate, or about a gem for a person now."""
        asked = {"item_id": item_id, "slate_id": slate_id, "user_id": user_id, "context": context}
        return await self._ask(calls.explain(asked))

    async def why(self, slate_id: str, item_id: str) -> Trace:
        """What every stage of a slate knew of a gem, shown or not: where it fell out, and how likely it was."""
        return await self._ask(calls.why(slate_id, item_id))

    async def send_events(self, events: Sequence[Event]) -> Accepted:
        """Send up to 500 pieces of feedback; waits and sends the same again where the door asks for it."""
        return await self._ask(calls.send_events(events, self._wire.now()))

    async def feedback(
        self,
        event_type: str,
        prediction: Prediction,
        item_id: str,
        value: float | None = None,
        context: Context | None = None,
    ) -> Accepted:
        """Tell what became of a served gem (click, save, visit, rating, dismiss ...); quotes its token."""
        event: Any = calls.about(prediction, item_id, event_type, value, context)
        return await self.send_events([event])

    async def user_events(self, user_id: str, window: str = "7d") -> UserEvents:
        """A person's own recent events, newest first."""
        return await self._ask(calls.user_events(user_id, window))

    async def put_item(self, item_id: str, columns: ItemColumns) -> ItemTaken:
        """Let a gem enter, change or open again: `columns` is the whole gem. Needs an admin key."""
        return await self._ask(calls.put_item(item_id, columns))

    async def close_item(self, item_id: str, closed_until: Moment | None = None) -> ItemTaken:
        """Close a gem for good, or until a moment. Needs an admin key."""
        return await self._ask(calls.close_item(item_id, closed_until))

    async def consent(self, user_id: str, personalisation: bool) -> Consent:
        """Turn personalisation on or off."""
        return await self._ask(calls.consent(user_id, personalisation))

    async def profile(self, user_id: str) -> Profile:
        """What we believe a person likes."""
        return await self._ask(calls.profile(user_id))

    async def remove_belief(self, user_id: str, belief: str) -> Belief:
        """Take a belief of the profile back; it is obeyed from then on."""
        return await self._ask(calls.remove_belief(user_id, belief))

    async def export(self, user_id: str) -> Export:
        """Everything held about a person."""
        return await self._ask(calls.export(user_id))

    async def erase(self, user_id: str) -> Erasure:
        """Forget a person; the answer holds a receipt."""
        return await self._ask(calls.erase(user_id))

    async def erasure(self, receipt: str) -> Erasure:
        """How far an erasure is, store by store."""
        return await self._ask(calls.erasure(receipt))

    async def aclose(self) -> None:
        """Let the connections go."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _ask(self, call: Call[T]) -> T:
        request, attempt = self._wire.request(call), 0
        while True:
            attempt += 1
            try:
                return await self._once(call, request)
            except ClientError as error:
                pause = self._wire.pause(call, error, attempt)
                if pause is None:
                    raise
                await asyncio.sleep(pause)

    async def _once(self, call: Call[T], request: httpx.Request) -> T:
        try:
            response = await self._http.send(request)
        except httpx.TransportError as error:
            raise wire.unreached(request, error) from error
        return self._wire.answer(call, request, response)
