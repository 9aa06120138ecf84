"""What the demo measures, on a city of four gems behind a transport of ours."""

import json
from typing import Any

import httpx
import pytest

from hidden_gems.cli import live
from hidden_gems.cli.live import Latency
from hidden_gems.cli.story import Asker
from hidden_gems.client import Client, Prediction
from hidden_gems.core.errors import HiddenGemsError

ANNE = Asker("Anne", "known", "anne", "en", (41.0, 29.0))
AT = 1_777_910_400.0


class City:
    """Saved gems go and scores move after so many more requests; changes of gems show after as many."""

    def __init__(self, delay: int = 2) -> None:
        self.delay = delay
        self.scores = {"g1": 4.0, "g2": 3.0, "g3": 2.0, "g4": 1.0}
        self.waiting: list[tuple[int, Any]] = []
        self.gone: set[str] = set()
        self.events: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.asked: list[dict[str, Any]] = []
        self.degraded = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append((request.method, request.url.path))
        if request.url.path.endswith(":predict"):
            return httpx.Response(200, json={"predictions": [self._slate(json.loads(request.content)["instances"][0])]})
        if request.url.path == "/v1/events":
            [event] = json.loads(request.content)
            self.events.append(event)
            if event["event_type"] == "save":
                self._later(lambda: (self.gone.add(event["item_id"]), self.scores.update(g3=5.0, g1=0.5)))
            return httpx.Response(202, json={"accepted": 1, "unsigned": 0})
        item = request.url.path.rsplit("/", 1)[1]
        if request.method == "PUT":
            self._later(lambda: self.scores.update({item: 9.0}))
        else:
            self._later(lambda: self.scores.pop(item, None))
        return httpx.Response(202, json={"item_id": item, "timestamp": AT})

    def _later(self, change: Any) -> None:
        self.waiting.append((self.delay, change))

    def _slate(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(asked)
        for _, change in [each for each in self.waiting if each[0] == 0]:
            change()
        self.waiting = [(left - 1, change) for left, change in self.waiting if left > 0]
        filters = asked.get("filters", {})
        named = filters.get("candidates", list(self.scores))
        kept = [
            item
            for item in named
            if item in self.scores and (item not in self.gone or filters.get("exclude_seen") is False)
        ]
        ranked = sorted(kept, key=lambda item: -self.scores[item])[: asked["limit"]]
        items = [
            {"item_id": item, "position": place, "score": self.scores[item], "propensity": 0.5, "impression_token": "t"}
            for place, item in enumerate(ranked)
        ]
        self.degraded -= 1
        lost = ["deep"] if self.degraded >= 0 else []
        return {
            "slate_id": "s",
            "user_id": asked["user_id"],
            "policy": "p",
            "release": "r",
            "degraded": lost,
            "items": items,
        }


@pytest.fixture
def city(monkeypatch: pytest.MonkeyPatch) -> City:
    monkeypatch.setattr(live, "POLL_SECONDS", 0.0)
    return City()


@pytest.fixture
def client(city: City) -> Client:
    return Client(transport=httpx.MockTransport(city), clock=lambda: AT)


def test_people_are_asked_for_in_turn_and_the_first_requests_are_not_counted(city: City, client: Client) -> None:
    city.degraded = live.WARM_UP + 2
    found = live.measure(client, ["a", "b", "c"], AT, requests=7)
    assert [asked["user_id"] for asked in city.asked] == (["a", "b", "c"] * 6)[: live.WARM_UP + 7]
    assert {asked["context"]["timestamp"] for asked in city.asked} == {AT}
    assert (found.requests, found.people, found.degraded) == (7, 3, 2)
    assert 0 < found.p50 <= found.p95 <= found.p99
    assert live.measure(client, ["a", "b", "c"], AT, requests=2).people == 2


def test_one_line_says_all_that_is_needed_to_read_the_figures() -> None:
    assert str(Latency(200, 30, 9.04, 19.96, 30.0, 2, 0)) == (
        "200 requests of 30 people one after another over HTTP, 10 gems with a reason each, nothing cached: "
        "p50 9.0 ms, p95 20.0 ms, p99 30.0 ms on 2 cores, none of them degraded."
    )
    assert str(Latency(1, 1, 1, 1, 1, 1, 3)).endswith("on 1 cores, 3 of them degraded.")


def test_feedback_is_sent_and_its_effect_awaited(city: City, client: Client) -> None:
    before = client.recommend("anne")
    learned = live.learn(client, ANNE, AT, before)
    assert [(event["event_type"], event["item_id"]) for event in city.events] == [
        ("click", "g1"), ("save", "g1"), ("click", "g2"),
    ]  # fmt: skip
    assert {event["impression_token"] for event in city.events} == {"t"}
    assert learned.said == (("click", "Place g1"), ("save", "Place g1"), ("click", "Place g2"))
    assert (learned.compared, learned.changed, learned.unsigned) == (4, 2, 0)
    assert [(each.name, each.before, each.after) for each in learned.moved] == [
        ("Place g1", 4.0, 0.5), ("Place g3", 2.0, 5.0),
    ]  # fmt: skip
    assert [(each.rank_before, each.rank_after) for each in learned.moved] == [(1, 4), (3, 1)]
    assert learned.milliseconds > 0
    assert [item.item_id for item in learned.after.items] == ["g3", "g2", "g4"]
    assert all(asked["context"].get("timestamp") == AT for asked in city.asked[1:])


def test_one_gem_is_enough_to_learn_from(city: City, client: Client) -> None:
    city.scores = {"g1": 1.0}
    learned = live.learn(client, ANNE, AT, client.recommend("anne"))
    assert [kind for kind, _ in learned.said] == ["click", "save"]


def test_feedback_without_effect_is_an_error(city: City, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PATIENCE_SECONDS", 0.05)
    city.delay = 10**9
    with pytest.raises(HiddenGemsError, match="the feedback had no effect after 0 s"):
        live.learn(client, ANNE, AT, client.recommend("anne"))


def test_degraded_answers_are_not_compared(city: City, client: Client) -> None:
    before = client.recommend("anne")
    city.degraded = 4
    assert live.learn(client, ANNE, AT, before).compared == 4


def test_a_gem_enters_another_closes_and_the_new_one_is_taken_away_again(city: City, client: Client) -> None:
    closing = client.recommend("anne").items[2]
    found = live.traffic(client, ANNE, lambda: AT, {"name": "New"}, closing)
    assert found.new.item_id.startswith("demo-")
    assert found.closed == "Place g3"
    assert found.new_seconds > 0
    assert found.closed_seconds > 0
    changes = [call for call in city.calls if call[1].startswith("/v1/items/")]
    new = f"/v1/items/{found.new.item_id}"
    assert changes == [("PUT", new), ("DELETE", "/v1/items/g3"), ("DELETE", new)]


def test_where_no_gem_can_close_only_the_new_one_is_shown(city: City, client: Client) -> None:
    found = live.traffic(client, ANNE, lambda: AT, {}, None)
    assert (found.closed, found.closed_seconds) == ("", 0.0)
    assert [method for method, path in city.calls if path.startswith("/v1/items/")] == ["PUT", "DELETE"]


def test_the_new_gem_is_taken_away_when_something_fails(
    city: City, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PATIENCE_SECONDS", 0.05)
    city.delay = 10**9
    with pytest.raises(HiddenGemsError, match="the new gem is not served"):
        live.traffic(client, ANNE, lambda: AT, {}, None)
    assert city.calls[-1][0] == "DELETE"


def test_a_slate_of_nobody_has_no_items() -> None:
    assert Prediction(slate_id="s", user_id="u", policy="p", release="r").items == ()
