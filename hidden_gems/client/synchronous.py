"""The client for code that waits."""

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


class Client:
    """Ask for gems and tell what became of them; keeps its connections, so keep it as well.

    Args:
        transformer: Address of the recommender.
        collector: Address of the door for feedback, gems and persons.
        api_key: Of the scope that the calls need; None where the doors are open.
        timeout_seconds: Of connecting, and of each wait for more of the answer.
        clock: Epoch seconds, for events that bring no time.
        transport: Another way to the doors, for tests.

    Examples:
        >>> answer = {"predictions": [{"slate_id": "s1", "user_id": "u42", "policy": "p", "release": "r", "items": [
        ...     {"item_id": "g7", "position": 0, "score": 0.8, "propensity": 0.4, "impression_token": "t"}]}]}
        >>> client = Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, json=answer)))
        >>> slate = client.recommend("u42", limit=1, context={"weather": "rain"})
        >>> slate.items[0].item_id
        'g7'
    """

    def __init__(
        self,
        transformer: str = wire.TRANSFORMER,
        collector: str = wire.COLLECTOR,
        api_key: str | None = None,
        *,
        timeout_seconds: float = wire.TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._wire = wire.Wire(transformer, collector, api_key, timeout_seconds, clock=clock)
        self._http = httpx.Client(transport=transport, trust_env=False)

    def recommend(
        self,
        user_id: str,
        *,
        limit: int = LIMIT,
        context: Context | None = None,
        filters: Filters | None = None,
        explain: Explain = "brief",
    ) -> Prediction:
        """The slate of a person; someone unknown is a cold start."""
        return self._ask(calls.recommend(user_id, limit, context, filters, explain))

    def similar(
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
        return self._ask(calls.similar(item_id, user_id, limit, context, filters, explain))

    def trending(
        self,
        *,
        user_id: str,
        limit: int = LIMIT,
        context: Context | None = None,
        filters: Filters | None = None,
        explain: Explain = "none",
    ) -> Prediction:
        """Gems that rise now, for a person."""
        return self._ask(calls.trending(user_id, limit, context, filters, explain))

    def explain(
        self,
        item_id: str,
        *,
        slate_id: str | None = None,
        user_id: str | None = None,
        context: Context | None = None,
    ) -> Explanation:
        """Everything that can be said about a gem of a slate, or about a gem for a person now."""
        asked = {"item_id": item_id, "slate_id": slate_id, "user_id": user_id, "context": context}
        return self._ask(calls.explain(asked))

    def why(self, slate_id: str, item_id: str) -> Trace:
        """What every stage of a slate knew of a gem, shown or not: where it fell out, and how likely it was."""
        return self._ask(calls.why(slate_id, item_id))

    def send_events(self, events: Sequence[Event]) -> Accepted:
        """Send up to 500 pieces of feedback; waits and sends the same again where the door asks for it."""
        return self._ask(calls.send_events(events, self._wire.now()))

    def feedback(
        self,
        event_type: str,
        prediction: Prediction,
        item_id: str,
        value: float | None = None,
        context: Context | None = None,
    ) -> Accepted:
        """Tell what became of a served gem (click, save, visit, rating, dismiss ...); quotes its token."""
        event: Any = calls.about(prediction, item_id, event_type, value, context)
        return self.send_events([event])

    def user_events(self, user_id: str, window: str = "7d") -> UserEvents:
        """A person's own recent events, newest first."""
        return self._ask(calls.user_events(user_id, window))

    def put_item(self, item_id: str, columns: ItemColumns) -> ItemTaken:
        """Let a gem enter, change or open again: `columns` is the whole gem. Needs an admin key."""
        return self._ask(calls.put_item(item_id, columns))

    def close_item(self, item_id: str, closed_until: Moment | None = None) -> ItemTaken:
        """Close a gem for good, or until a moment. Needs an admin key."""
        return self._ask(calls.close_item(item_id, closed_until))

    def consent(self, user_id: str, personalisation: bool) -> Consent:
        """Turn personalisation on or off."""
        return self._ask(calls.consent(user_id, personalisation))

    def profile(self, user_id: str) -> Profile:
        """What we believe a person likes."""
        return self._ask(calls.profile(user_id))

    def remove_belief(self, user_id: str, belief: str) -> Belief:
        """Take a belief of the profile back; it is obeyed from then on."""
        return self._ask(calls.remove_belief(user_id, belief))

    def export(self, user_id: str) -> Export:
        """Everything held about a person."""
        return self._ask(calls.export(user_id))

    def erase(self, user_id: str) -> Erasure:
        """Forget a person; the answer holds a receipt."""
        return self._ask(calls.erase(user_id))

    def erasure(self, receipt: str) -> Erasure:
        """How far an erasure is, store by store."""
        return self._ask(calls.erasure(receipt))

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, call: Call[T]) -> T:
        request, attempt = self._wire.request(call), 0
        while True:
            attempt += 1
            try:
                return self._once(call, request)
            except ClientError as error:
                pause = self._wire.pause(call, error, attempt)
                if pause is None:
                    raise
                time.sleep(pause)

    def _once(self, call: Call[T], request: httpx.Request) -> T:
        try:
            response = self._http.send(request)
        except httpx.TransportError as error:
            raise wire.unreached(request, error) from error
        return self._wire.answer(call, request, response)
