"""Parts that are away, and what races: nothing acknowledged is lost, nothing refused is taken for a repeat."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hidden_gems.cli.processes import free_port
from hidden_gems.core import names
from hidden_gems.core.kv import MemoryKeyValue, RedisKeyValue
from hidden_gems.streaming.broker import Message, Producer
from inference.collector.errors import BusyError
from inference.collector.turns import Turns
from tests.unit.collector.world import PSEUDONYMS, World, event


def test_without_the_broker_nothing_is_taken_and_the_repeat_is_no_duplicate(world: World) -> None:
    world.producer.away = True
    refused = world.post([event(), event(event_id="e2", event_type="dismiss")])
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["error"]["code"] == "unavailable"
    assert world.keys == MemoryKeyValue()
    world.producer.away = False
    answer = world.taken([event(), event(event_id="e2", event_type="dismiss")])
    assert (answer["accepted"], answer["duplicates"]) == (2, 0)
    assert [each.event_id for each in world.log] == ["e1", "e2"]


def test_what_was_written_before_the_broker_went_comes_again(world: World) -> None:
    world.producer.away, world.producer.written_before = True, 1
    assert world.post([event(), event(event_id="e2")]).status_code == 503
    world.producer.away = False
    assert world.taken([event(), event(event_id="e2")])["accepted"] == 2
    assert [each.event_id for each in world.log] == ["e1", "e1", "e2"]  # readers drop the second by its id


def test_bad_events_alone_need_no_broker(world: World) -> None:
    world.producer.away = True
    assert len(world.taken(event(event_type="stare"))["rejected"]) == 1


def test_readiness_follows_the_broker_and_life_does_not(world: World) -> None:
    assert (world.client.get("/readyz").status_code, world.client.get("/healthz").status_code) == (200, 200)
    world.producer.away = True
    away = world.client.get("/readyz")
    assert (away.status_code, away.headers["retry-after"]) == (503, "1")
    assert world.client.get("/healthz").status_code == 200


def test_without_the_store_events_are_taken_and_calls_about_people_are_not(tmp_path: Path) -> None:
    world = World(tmp_path, keys=RedisKeyValue(f"127.0.0.1:{free_port()}", 0.1))
    assert world.taken(event(impression_token=world.token())) == {
        "accepted": 1,
        "unsigned": 0,
        "duplicates": 0,
        "rejected": [],
    }
    assert world.taken(event(impression_token=world.token()))["accepted"] == 1  # readers of the topic drop it
    assert len(world.log) == 2
    assert [
        world.metric("gems_collector_store_skipped_total", what=each) for each in ("look", "claim", "remember")
    ] == [
        2,
        2,
        2,
    ]
    for method, path in (("GET", "events"), ("GET", "export"), ("GET", "profile"), ("DELETE", "profile/type:cafe")):
        answer = world.call(method, f"/v1/users/u1/{path}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert world.call("DELETE", "/v1/users/u1").status_code == 503
    assert world.call("PUT", "/v1/users/u1/consent", {"personalisation": True}).status_code == 503
    assert world.call("PUT", "/v1/items/g1", {"name": "x"}, "editor-key").status_code == 202


def test_within_a_list_repeats_are_told_even_without_the_store(tmp_path: Path) -> None:
    world = World(tmp_path, keys=RedisKeyValue(f"127.0.0.1:{free_port()}", 0.1))
    answer = world.taken([event(), event(), event(item_id="g2")])
    assert (answer["accepted"], answer["duplicates"], len(answer["rejected"])) == (1, 1, 1)


class Stalling:
    """Sends when it may."""

    def __init__(self, inner: Producer) -> None:
        self.inner, self.began, self.go_on = inner, threading.Event(), threading.Event()

    def send(self, messages: Sequence[Message]) -> None:
        self.began.set()
        assert self.go_on.wait(5)
        self.inner.send(messages)

    def close(self) -> None:
        self.inner.close()


def _together(world: World, first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
    """Answers to two events, the second sent while the first waits for the broker."""
    stalling = Stalling(world.producer.inner)
    world.producer.inner = stalling
    answers: dict[int, dict[str, Any]] = {}
    calls = [
        threading.Thread(target=lambda place=place, said=said: answers.update({place: world.post(said).json()}))
        for place, said in enumerate((first, second))
    ]
    calls[0].start()
    assert stalling.began.wait(5)
    calls[1].start()
    calls[1].join(0.1)
    assert answers == {}
    stalling.go_on.set()
    for call in calls:
        call.join(5)
    return [answers[0], answers[1]]


def test_a_repeat_that_overtakes_its_first_try_is_written_once(world: World) -> None:
    answers = _together(world, event(), event())
    assert [(each["accepted"], each["duplicates"]) for each in answers] == [(1, 0), (0, 1)]
    assert len(world.log) == 1


def test_a_conflict_under_way_is_not_written(world: World) -> None:
    answers = _together(world, event(), event(item_id="g2"))
    assert [(each["accepted"], len(each["rejected"])) for each in answers] == [(1, 0), (0, 1)]
    assert [each.item_id for each in world.log] == ["g1"]


def test_another_event_does_not_wait(world: World) -> None:
    stalling = Stalling(world.producer.inner)
    world.producer.inner = stalling
    waiting = threading.Thread(target=lambda: world.post(event()))
    waiting.start()
    assert stalling.began.wait(5)
    world.producer.inner = stalling.inner
    assert world.taken(event(event_id="e2"))["accepted"] == 1
    assert world.client.get("/healthz").status_code == 200
    assert world.metric("gems_collector_waiting_events") == 1
    stalling.go_on.set()
    waiting.join(5)
    assert {each.event_id for each in world.log} == {"e1", "e2"}


def test_an_id_that_another_collector_took_in_between(world: World) -> None:
    """Two collectors over one store both find the id free; the claim after the write tells the second."""

    class Overtaken:
        def __init__(self, inner: Producer) -> None:
            self.inner = inner

        def send(self, messages: Sequence[Message]) -> None:
            self.inner.send(messages)
            world.keys.claim({names.event("e1"): b"other", names.event("e2"): b"other"}, 60)

        def close(self) -> None:
            self.inner.close()

    world.producer.inner = Overtaken(world.producer.inner)
    answer = world.taken([event(), event(event_id="e3")])
    assert (answer["accepted"], answer["unsigned"]) == (1, 1)
    assert [each["reason"] for each in answer["rejected"]] == ["event_conflict"]
    [recent] = world.keys.fetch(lists=[names.recent_events(PSEUDONYMS.of("u1"))]).lists
    assert len(recent) == 1


def test_a_turn_that_never_comes_is_told() -> None:
    turns = Turns(turn_seconds=0.05)
    with turns.of({"a", "b"}), turns.of({"c"}):
        with pytest.raises(BusyError, match="still being written"), turns.of({"b", "d"}):
            pass
        with turns.of({"d"}):
            pass
    with turns.of({"b"}):
        pass


def test_a_turn_ends_with_an_error_too() -> None:
    turns = Turns(turn_seconds=0.05)
    with pytest.raises(ZeroDivisionError), turns.of({"a"}):
        raise ZeroDivisionError
    with turns.of({"a"}):
        pass
