"""Every call as data: which door, what to send, how to read the answer. Both clients only carry them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

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
from hidden_gems.client.errors import BadRequestError
from hidden_gems.client.questions import Context, Event, Explain, Filters, ItemColumns, Moment

T = TypeVar("T")
Door = Literal["transformer", "collector"]

MODEL = "/v1/models/hidden-gems"
LIMIT = 10


@dataclass(frozen=True)
class Call(Generic[T]):
    """One call."""

    door: Door
    method: str
    path: str
    read: Callable[[Any], T]
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    person: str | None = None  # whose bucket the call travels in
    repeatable: bool = False  # sending it again changes nothing


def recommend(
    user_id: str, limit: int, context: Context | None, filters: Filters | None, explain: Explain
) -> Call[Prediction]:
    """The slate of a person."""
    return _predict(user_id, limit=limit, context=context, filters=filters, explain=explain)


def similar(
    item_id: str, user_id: str, limit: int, context: Context | None, filters: Filters | None, explain: Explain
) -> Call[Prediction]:
    """Gems like this one."""
    more = {"kind": "similar", "item_id": item_id}
    return _predict(user_id, limit=limit, context=context, filters=filters, explain=explain, **more)


def trending(
    user_id: str, limit: int, context: Context | None, filters: Filters | None, explain: Explain
) -> Call[Prediction]:
    """Gems that rise now."""
    return _predict(user_id, limit=limit, context=context, filters=filters, explain=explain, kind="trending")


def explain(asked: Mapping[str, Any]) -> Call[Explanation]:
    """Everything that can be said about one gem."""
    body = _plain({name: value for name, value in asked.items() if value is not None})
    return Call(
        "transformer", "POST", f"{MODEL}:explain", Explanation.model_validate, body, person=asked.get("user_id")
    )


def why(slate_id: str, item_id: str) -> Call[Trace]:
    """What every stage of a slate knew of a gem."""
    body = {"slate_id": slate_id, "item_id": item_id, "trace": True}
    return Call("transformer", "POST", f"{MODEL}:explain", Trace.model_validate, body)


def send_events(events: Sequence[Event], now: float) -> Call[Accepted]:
    """Feedback; an event without a time happened now."""
    body = [_plain({"timestamp": now, **event}) for event in events]
    return Call("collector", "POST", "/v1/events", Accepted.model_validate, body, repeatable=True)


def about(
    prediction: Prediction, item_id: str, event_type: str, value: float | None, context: Context | None
) -> dict[str, Any]:
    """An event about a served item that quotes its token.

    Raises:
        BadRequestError: If the item is not in the answer.
    """
    try:
        item = prediction.item(item_id)
    except KeyError as error:
        message = f"item {item_id!r} is not in slate {prediction.slate_id!r}"
        raise BadRequestError(message, field="item_id") from error
    event = {
        "user_id": prediction.user_id,
        "item_id": item.item_id,
        "event_type": event_type,
        "slate_id": prediction.slate_id,
        "position": item.position,
    }
    more = {"impression_token": item.impression_token or None, "value": value, "context": context}
    return event | {name: given for name, given in more.items() if given is not None}


def user_events(user_id: str, window: str) -> Call[UserEvents]:
    """A person's own recent events."""
    return _person("GET", user_id, "/events", UserEvents.model_validate, query={"window": window})


def export(user_id: str) -> Call[Export]:
    """Everything held about a person."""
    return _person("GET", user_id, "/export", Export.model_validate)


def erase(user_id: str) -> Call[Erasure]:
    """Forget a person; the answer holds the receipt."""
    return _person("DELETE", user_id, "", Erasure.model_validate)


def erasure(receipt: str) -> Call[Erasure]:
    """How far an erasure is, store by store."""
    return Call("collector", "GET", f"/v1/erasures/{quote(receipt, safe='')}", Erasure.model_validate)


def consent(user_id: str, personalisation: bool) -> Call[Consent]:
    """Personalisation on or off."""
    return _person("PUT", user_id, "/consent", Consent.model_validate, {"personalisation": personalisation})


def profile(user_id: str) -> Call[Profile]:
    """What we believe they like."""
    return _person("GET", user_id, "/profile", Profile.model_validate)


def remove_belief(user_id: str, belief: str) -> Call[Belief]:
    """Believe it no longer."""
    return _person("DELETE", user_id, f"/profile/{quote(belief, safe='')}", _removed)


def put_item(item_id: str, columns: ItemColumns) -> Call[ItemTaken]:
    """A gem enters, changes, or opens again."""
    return _item("PUT", item_id, _plain(dict(columns)))


def close_item(item_id: str, closed_until: Moment | None) -> Call[ItemTaken]:
    """A gem closes, for good or until a moment."""
    until = {} if closed_until is None else {"closed_until": str(_plain(closed_until, "closed_until"))}
    return _item("DELETE", item_id, query=until)


def _predict(user_id: str, **asked: Any) -> Call[Prediction]:
    instance = {"user_id": user_id} | {name: value for name, value in asked.items() if value is not None}
    body = {"instances": [_plain(instance)]}
    return Call("transformer", "POST", f"{MODEL}:predict", _first_prediction, body, person=user_id)


def _first_prediction(content: Any) -> Prediction:
    [prediction] = content["predictions"]
    return Prediction.model_validate(prediction)


def _person(
    method: str,
    user_id: str,
    path: str,
    read: Callable[[Any], T],
    body: Any = None,
    query: Mapping[str, str] | None = None,
) -> Call[T]:
    return Call("collector", method, f"/v1/users/{quote(user_id, safe='')}{path}", read, body, query or {})


def _item(method: str, item_id: str, body: Any = None, query: Mapping[str, str] | None = None) -> Call[ItemTaken]:
    path = f"/v1/items/{quote(item_id, safe='')}"
    return Call("collector", method, path, ItemTaken.model_validate, body, query or {})


def _removed(content: Any) -> Belief:
    return Belief.model_validate({"likes": 0, "share": 0.0} | content)


def _plain(value: Any, path: str = "") -> Any:
    """JSON values of what was given: times become ISO 8601.

    Raises:
        BadRequestError: If a datetime has no zone.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise BadRequestError(f"{path} is {value}, without a zone; give the datetime its tzinfo", field=path)
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(each, f"{path}.{name}".lstrip(".")) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each, path) for each in value]
    return value
