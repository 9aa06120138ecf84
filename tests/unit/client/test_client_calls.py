"""What both clients send, and what they make of the answers; only the transport is ours."""

import asyncio
import inspect
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from hidden_gems.client import AsyncClient, Client, ClientError, Prediction
from hidden_gems.client import errors as kinds
from hidden_gems.client.wire import bucket

ITEM = {"item_id": "g7", "position": 0, "score": 0.83, "propensity": 0.41, "impression_token": "t.m", "name": "Küflü"}
ANSWER = {
    "slate_id": "s1", "user_id": "u42", "policy": "ranker+thompson", "release": "2026-05-04.1", "degraded": ["deep"],
    "short": True, "items": [ITEM], "header": {"new": 1},
}  # fmt: skip
TAKEN = {"item_id": "g", "timestamp": 5.0}
ACCEPTED = {"accepted": 1, "unsigned": 0, "duplicates": 0, "rejected": []}
SLATE = Prediction.model_validate(ANSWER)


class Server:
    """Answers in turn with what it was given, the last one for ever, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def body(self) -> Any:
        return json.loads(self.asked[-1].content)


Ask = Callable[[Client], Any]


def both(server: Server, ask: Ask, **settings: Any) -> list[Any]:
    """Ask the same through both clients."""
    with Client(transport=httpx.MockTransport(server), **settings) as client:
        first = ask(client)

    async def later() -> Any:
        async with AsyncClient(transport=httpx.MockTransport(server), **settings) as client:
            return await ask(client)  # type: ignore[arg-type]

    return [first, asyncio.run(later())]


def says(content: Any, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(
        status, json=content, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def test_a_slate_is_asked_for_with_everything_that_was_given_and_nothing_else() -> None:
    server = Server(says({"predictions": [ANSWER]}))
    at = datetime(2026, 5, 4, 17, 30, tzinfo=UTC)
    asked: Ask = lambda client: client.recommend(  # noqa: E731
        "u42", limit=3, context={"timestamp": at, "weather": "rain"}, filters={"types": ["cafe"]}, explain="full"
    )
    for answer in both(server, asked, api_key="k"):
        assert answer == SLATE
        assert answer.short
        assert answer.degraded == ("deep",)
        assert answer.header == {"new": 1}
        assert answer.item("g7").name == "Küflü"
    for request in server.asked:
        assert str(request.url) == "http://127.0.0.1:8080/v1/models/hidden-gems:predict"
        assert request.method == "POST"
        assert request.headers["authorization"] == "Bearer k"
        assert request.headers["content-type"] == "application/json"
        assert request.headers["x-gems-bucket"] == bucket("u42", "gems")
        assert set(request.extensions["timeout"].values()) == {2.0}
    instance = {"user_id": "u42", "limit": 3, "explain": "full", "filters": {"types": ["cafe"]}}
    assert server.body == {
        "instances": [instance | {"context": {"timestamp": "2026-05-04T17:30:00+00:00", "weather": "rain"}}]
    }


def test_defaults_are_a_brief_slate_of_ten_without_a_key() -> None:
    server = Server(says({"predictions": [ANSWER]}))
    both(server, lambda client: client.recommend("u42"))
    assert server.body == {"instances": [{"user_id": "u42", "limit": 10, "explain": "brief"}]}
    assert "authorization" not in server.asked[-1].headers


def test_similar_and_trending_are_kinds_of_the_same_call() -> None:
    server = Server(says({"predictions": [ANSWER]}))
    both(server, lambda client: client.similar("g7", user_id="u42", limit=2))
    assert server.body == {
        "instances": [{"user_id": "u42", "limit": 2, "explain": "none", "kind": "similar", "item_id": "g7"}]
    }
    both(server, lambda client: client.trending(user_id="u42"))
    assert server.body == {"instances": [{"user_id": "u42", "limit": 10, "explain": "none", "kind": "trending"}]}


def test_feedback_quotes_the_token_and_happens_at_the_time_of_the_clock() -> None:
    server = Server(says(ACCEPTED, 202))
    for answer in both(server, lambda client: client.feedback("rating", SLATE, "g7", 4), clock=lambda: 1777.5):
        assert answer.accepted == 1
    assert str(server.asked[-1].url) == "http://127.0.0.1:8090/v1/events"
    assert server.body == [
        {
            "user_id": "u42", "item_id": "g7", "event_type": "rating", "timestamp": 1777.5, "value": 4,
            "slate_id": "s1", "position": 0, "impression_token": "t.m",
        }
    ]  # fmt: skip
    with pytest.raises(kinds.BadRequestError, match="'g8' is not in slate 's1'"):
        both(server, lambda client: client.feedback("click", SLATE, "g8"))


def test_an_event_keeps_its_own_time() -> None:
    server = Server(says({**ACCEPTED, "rejected": [{"index": 0, "event_id": "e", "reason": "event_conflict"}]}, 202))
    event = {"user_id": "u", "item_id": "g", "event_type": "click", "timestamp": 5.0}
    [answer, _] = both(server, lambda client: client.send_events([event]))
    assert server.body == [event]
    assert answer.rejected[0].reason == "event_conflict"


@pytest.mark.parametrize(
    ("ask", "method", "path", "body", "answer"),
    [
        (lambda c: c.user_events("ü/", "3d"), "GET", "/v1/users/%C3%BC%2F/events?window=3d", None, {"user_id": "ü/"}),
        (lambda c: c.export("u"), "GET", "/v1/users/u/export", None, {"user_id": "u", "exported_at": "now"}),
        (lambda c: c.erase("u"), "DELETE", "/v1/users/u", None, {"receipt": "r", "requested_at": "now"}),
        (lambda c: c.erasure("r 1"), "GET", "/v1/erasures/r%201", None, {"receipt": "r 1", "requested_at": "now"}),
        (
            lambda c: c.consent("u", False), "PUT", "/v1/users/u/consent", {"personalisation": False},
            {"user_id": "u", "personalisation": False},
        ),
        (lambda c: c.profile("u"), "GET", "/v1/users/u/profile", None, {"user_id": "u", "personalisation": True}),
        (
            lambda c: c.remove_belief("u", "type:cafe"), "DELETE", "/v1/users/u/profile/type%3Acafe", None,
            {"belief": "type:cafe", "removed": True},
        ),
        (lambda c: c.put_item("g?9", {"name": "Yeni"}), "PUT", "/v1/items/g%3F9", {"name": "Yeni"}, TAKEN),
        (lambda c: c.close_item("g"), "DELETE", "/v1/items/g", None, TAKEN),
        (
            lambda c: c.close_item("g", datetime(2026, 5, 4, tzinfo=UTC)), "DELETE",
            "/v1/items/g?closed_until=2026-05-04T00%3A00%3A00%2B00%3A00", None, TAKEN,
        ),
    ],
)  # fmt: skip
def test_persons_and_gems_have_their_addresses_at_the_collector(
    ask: Ask, method: str, path: str, body: Any, answer: dict[str, Any]
) -> None:
    server = Server(says(answer))
    for found in both(server, ask, collector="http://there:1/"):
        assert found.model_dump(include=set(answer)) == answer
    for request in server.asked:
        assert request.method == method
        assert str(request.url) == f"http://there:1{path}"
        assert (json.loads(request.content) if request.content else None) == body
        assert "x-gems-bucket" not in request.headers


def test_events_happen_at_the_time_that_the_doors_told_last() -> None:
    server = Server(says({"predictions": [ANSWER]}, x_gems_now="2026-03-30T21:58:43+00:00"), says(ACCEPTED, 202))
    with Client(transport=httpx.MockTransport(server), clock=lambda: 2_000_000_000.0) as client:
        slate = client.recommend("u42")
        client.feedback("click", slate, "g7")
        assert server.body[0]["timestamp"] == 1_774_907_923.0
        server.answers = [says(ACCEPTED, 202, x_gems_now="soon")]
        client.feedback("click", slate, "g7")
        client.feedback("click", slate, "g7")
        assert server.body[0]["timestamp"] == 1_774_907_923.0


def test_no_token_is_quoted_for_somebody_who_got_none() -> None:
    server = Server(says(ACCEPTED, 202))
    slate = Prediction.model_validate(ANSWER | {"items": [ITEM | {"impression_token": ""}]})
    both(server, lambda client: client.feedback("click", slate, "g7"), clock=lambda: 1.0)
    assert "impression_token" not in server.body[0]


def test_an_explanation_is_asked_by_slate_or_by_person() -> None:
    server = Server(says({"text": "why", "language": "en", "top_features": []}))
    [answer, _] = both(server, lambda client: client.explain("g7", slate_id="s1"))
    assert answer.text == "why"
    assert server.body == {"item_id": "g7", "slate_id": "s1"}
    assert "x-gems-bucket" not in server.asked[-1].headers
    both(server, lambda client: client.explain("g7", user_id="u42", context={"mood": "calm"}))
    assert server.body == {"item_id": "g7", "user_id": "u42", "context": {"mood": "calm"}}
    assert server.asked[-1].headers["x-gems-bucket"] == bucket("u42", "gems")


def test_events_are_sent_again_when_the_door_says_when(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def rest(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("hidden_gems.client.synchronous.time.sleep", waited.append)
    monkeypatch.setattr("hidden_gems.client.asynchronous.asyncio.sleep", rest)
    for status in (429, 503):
        server = Server(
            says({}, status, retry_after="0.5"),
            says(ACCEPTED, 202),
            says({}, status, retry_after="0.5"),
            says(ACCEPTED, 202),
        )
        for answer in both(server, lambda client: client.feedback("click", SLATE, "g7"), clock=lambda: 1.0):
            assert answer.accepted == 1
        assert len({request.content for request in server.asked}) == 1
        assert len(server.asked) == 4
    assert waited == [0.5] * 4


@pytest.mark.parametrize(
    ("answer", "ask", "times"),
    [
        (says({}, 503, retry_after="0"), lambda c: c.feedback("click", SLATE, "g7"), 3),
        (says({}, 503), lambda c: c.feedback("click", SLATE, "g7"), 1),
        (says({}, 503, retry_after="5.1"), lambda c: c.feedback("click", SLATE, "g7"), 1),
        (says({}, 503, retry_after="0"), lambda c: c.recommend("u"), 1),
        (says({}, 503, retry_after="0"), lambda c: c.put_item("g", {}), 1),
        (says({}, 400, retry_after="0"), lambda c: c.feedback("click", SLATE, "g7"), 1),
    ],
)
def test_only_events_are_repeated_and_only_so_often(answer: httpx.Response, ask: Ask, times: int) -> None:
    server = Server(answer)
    with Client(transport=httpx.MockTransport(server)) as client, pytest.raises(ClientError):
        ask(client)
    assert len(server.asked) == times


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, kinds.BadRequestError), (413, kinds.BadRequestError), (415, kinds.BadRequestError),
        (401, kinds.NotAllowedError), (403, kinds.NotAllowedError), (404, kinds.NotFoundError),
        (410, kinds.ExpiredError), (429, kinds.TooManyRequestsError), (502, kinds.UnavailableError),
        (503, kinds.UnavailableError), (504, kinds.UnavailableError), (500, kinds.UnexpectedAnswerError),
        (302, kinds.UnexpectedAnswerError),
    ],
)  # fmt: skip
def test_each_status_has_its_error(status: int, kind: type[ClientError]) -> None:
    server = Server(says({"error": {"code": "c", "message": "said", "field": "instances[0].limit"}}, status))
    with Client(transport=httpx.MockTransport(server)) as client, pytest.raises(kind) as found:
        client.recommend("u")
    assert type(found.value) is kind
    assert found.value.status == status
    assert str(found.value) == f"POST http://127.0.0.1:8080/v1/models/hidden-gems:predict answered {status}: said"
    if isinstance(found.value, kinds.BadRequestError):
        assert found.value.field == "instances[0].limit"


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (b"<html>", ""),
        (b"", ""),
        (b"[1]", ""),
        (b'{"error": "words"}', ": words"),
        (b'{"error": {"code": "c"}}', ": c"),
    ],
)
def test_an_error_is_one_whatever_its_body_is(content: bytes, ending: str) -> None:
    error = kinds.error_of("GET /", 503, {"retry-after": "soon"}, content)
    assert str(error) == f"GET / answered 503{ending}"
    assert isinstance(error, kinds.UnavailableError)
    assert error.retry_after is None


def test_who_does_not_answer_is_unavailable() -> None:
    def nobody(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(kinds.UnavailableError, match="predict was not answered: refused") as found:
        Client(transport=httpx.MockTransport(nobody)).recommend("u")
    assert found.value.status is None
    assert found.value.retry_after is None


@pytest.mark.parametrize("content", [[], {}, {"predictions": []}, {"predictions": [{"slate_id": "s"}]}, "text"])
def test_an_answer_of_another_shape_is_said_to_be_one(content: Any) -> None:
    with pytest.raises(kinds.UnexpectedAnswerError, match="what the contract does not know") as found:
        Client(transport=httpx.MockTransport(Server(says(content)))).recommend("u")
    assert found.value.status == 200


def test_a_time_without_a_zone_is_refused_before_it_is_sent() -> None:
    server = Server(says({}))
    with Client(transport=httpx.MockTransport(server)) as client, pytest.raises(kinds.BadRequestError) as found:
        client.recommend("u", context={"timestamp": datetime(2026, 5, 4)})
    assert found.value.field == "context.timestamp"
    assert server.asked == []


def test_people_fall_evenly_into_a_hundred_buckets_that_the_salt_mixes() -> None:
    people = [f"u{i}" for i in range(20_000)]
    counts = {f"{i:02d}": 0 for i in range(100)}
    for each in people:
        counts[bucket(each, "gems")] += 1
    assert len(counts) == 100
    assert 140 < min(counts.values()) <= max(counts.values()) < 270
    stay = sum(bucket(each, "gems") == bucket(each, "other") for each in people)
    assert 100 < stay < 300


def test_both_clients_can_do_the_same() -> None:
    def calls(kind: type) -> dict[str, str]:
        return {
            name: str(inspect.signature(function))
            for name, function in vars(kind).items()
            if inspect.isfunction(function) and not name.startswith("_") and name.removeprefix("a") != "close"
        }

    assert calls(Client) == calls(AsyncClient)
