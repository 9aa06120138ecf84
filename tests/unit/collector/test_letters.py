"""What is refused at the door is kept among the dead letters, without saying whose it was."""

import base64
import json
from typing import Any

from hidden_gems.events.topics import DEAD_LETTERS, DOOR
from tests.unit.collector.world import NOW, PSEUDONYMS, World, event


def letters(world: World) -> list[dict[str, Any]]:
    return [json.loads(message.value) for message in world.broker.logs[DEAD_LETTERS]]


def content(letter: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(letter["value"]))


def test_a_refused_event_is_a_letter_with_its_reason_and_its_place(world: World) -> None:
    good, bad = event(event_id="e1"), event(event_id="e2", event_type="gaze", user_id="Erika Mustermann")
    answer = world.post([good, bad, 7])
    assert [each["reason"] for each in answer.json()["rejected"]] == ["unknown_event_type", "invalid"]
    first, second = letters(world)
    assert (first["topic"], first["partition"], first["offset"]) == (DOOR, -1, 1)
    assert first["reason"].startswith("unknown_event_type: ")
    assert first["key"] == PSEUDONYMS.of("Erika Mustermann")
    assert content(first) == {name: said for name, said in bad.items() if name not in ("user_id", "impression_token")}
    assert (content(second), second["key"], second["offset"]) == (7, "", 2)
    assert not any(b"Erika" in message.value for log in world.broker.logs.values() for message in log)


def test_a_conflict_is_a_letter_and_a_repeat_is_none(world: World) -> None:
    click = event(event_id="e1")
    world.post([click])
    world.post([click])
    assert letters(world) == []
    world.post([click | {"event_type": "save"}])
    [letter] = letters(world)
    assert letter["reason"].startswith("event_conflict: ")
    assert letter["timestamp"] == NOW


def test_what_is_long_is_cut(world: World) -> None:
    world.post([event(event_id="e1", event_type="gaze", context={"weather": "r" * 50_000})])
    [letter] = letters(world)
    assert len(base64.b64decode(letter["value"])) == 4_096


def test_who_is_refused_is_told_although_no_letter_can_be_written(world: World) -> None:
    world.producer.away = True
    answer = world.post([event(event_type="gaze")])
    assert answer.status_code == 202
    assert answer.json()["rejected"][0]["reason"] == "unknown_event_type"
    assert letters(world) == []
