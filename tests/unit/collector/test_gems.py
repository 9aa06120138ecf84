import json
from pathlib import Path
from typing import Any

import pytest

from hidden_gems.core import names
from hidden_gems.events.records import ItemChange
from hidden_gems.events.topics import ITEMS
from tests.unit.collector.world import NOW, World

GEM = {"name": "Tea garden", "type": "garden", "lat": 41.03, "lon": 28.95, "setting": "Outdoor", "best_time": "noon"}
KNOWN = {"name": "Tea garden", "type": "garden", "lat": 41.03, "lon": 28.95, "setting": "outdoor", "best_time": "other"}


def _call(world: World, method: str, path: str, content: Any = None) -> Any:
    return world.call(method, path, content, "editor-key")


def test_a_gem_enters(world: World) -> None:
    more = {"tags": ["view", "tea"], "created_at": "2026-05-01T00:00:00Z", "price_level": 0, "local_tip": " ", "odd": 1}
    answer = _call(world, "PUT", "/v1/items/g900", GEM | more)
    assert answer.status_code == 202
    assert answer.json() == {"item_id": "g900", "timestamp": NOW, "closed_until": None, "ignored": ["odd"]}
    columns = KNOWN | {"tags": "view;tea", "created_at": 1_777_593_600.0, "price_level": 0.0}
    assert world.changes == [ItemChange("g900", NOW, columns)]
    assert world.broker.logs[ITEMS][0].key == "g900"


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"lat": 41}, None),
        ({"lat": 91, "lon": 28}, "lat"),
        ({"lat": 41, "lon": "28"}, "lon"),
        ({"hidden_factor": 0.9}, "hidden_factor"),
        ({"hidden_factor": 10.1}, "hidden_factor"),
        ({"authenticity": 1.01}, "authenticity"),
        ({"price_level": 4.5}, "price_level"),
        ({"price_level": True}, "price_level"),
        ({"name": 5}, "name"),
        ({"name": "x" * 2001}, "name"),
        ({"created_at": "2026-05-01"}, "created_at"),
        ({"tags": [1]}, "tags"),
        ({"item_id": "g2"}, "item_id"),
        ([], None),
        ("text", None),
    ],
)
def test_a_wrong_gem_is_refused(world: World, content: Any, field: str | None) -> None:
    answer = _call(world, "PUT", "/v1/items/g1", content)
    assert answer.status_code == 400
    assert answer.json()["error"].get("field") == field
    assert world.changes == []


@pytest.mark.parametrize("content", [{}, {"item_id": "7"}, {"item_id": 7}, {"hidden_factor": 1}, {"hidden_factor": 10}])
def test_a_gem_of_little_is_one(world: World, content: Any) -> None:
    assert _call(world, "PUT", "/v1/items/7", content).status_code == 202
    assert world.changes[0].item_id == "7"


@pytest.mark.parametrize("path", ["g%0A1", "g" * 65, "%FF", "g%C2%85"])
def test_an_id_that_is_none_is_refused(world: World, path: str) -> None:
    answer = _call(world, "PUT", f"/v1/items/{path}", GEM)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "item_id")


@pytest.mark.parametrize(("path", "item_id"), [("a%2Fb", "a/b"), ("%C3%BC", "ü"), ("a%252Fb", "a%2Fb"), ("a+b", "a+b")])
def test_an_id_may_hold_any_character(world: World, path: str, item_id: str) -> None:
    assert _call(world, "PUT", f"/v1/items/{path}", GEM).json()["item_id"] == item_id
    assert world.changes[0].item_id == item_id


def test_many_gems_enter_and_bad_ones_are_named(world: World) -> None:
    many = [{"item_id": "a"} | GEM, {"item_id": "b", "lat": 4}, GEM, 5, {"item_id": "c"}, {"item_id": 5, "name": 5}]
    answer = _call(world, "POST", "/v1/items", many)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert [(each["index"], each["item_id"]) for each in answer.json()["rejected"]] == [
        (1, "b"),
        (2, None),
        (3, None),
        (5, "5"),
    ]
    assert [each.item_id for each in world.changes] == ["a", "c"]
    assert _call(world, "POST", "/v1/items", {"item_id": "d"}).json()["accepted"] == 1
    assert _call(world, "POST", "/v1/items", [{"item_id": "d"}] * 501).status_code == 413
    assert _call(world, "POST", "/v1/items", []).json()["accepted"] == 0


def test_a_gem_closes_for_good(world: World) -> None:
    assert _call(world, "DELETE", "/v1/items/g1").status_code == 202
    assert world.changes == [ItemChange("g1", NOW, None)]


@pytest.mark.parametrize(
    "until",
    ["1777900060", "1777900060.0", "2026-05-04T13:07:40Z", "2026-05-04T16:07:40+03:00", "2026-05-04T16:07:40%2B03:00"],
)
def test_a_gem_closes_for_a_while_as_it_is_known(world: World, until: str) -> None:
    _call(world, "PUT", "/v1/items/g1", GEM)
    answer = _call(world, "DELETE", f"/v1/items/g1?closed_until={until}")
    assert (answer.status_code, answer.json()["closed_until"]) == (202, NOW + 60)
    assert world.changes[1] == ItemChange("g1", NOW, KNOWN, NOW + 60)
    assert world.changes[1].closed(NOW + 59)
    assert not world.changes[1].closed(NOW + 60)


@pytest.mark.parametrize(
    ("until", "status"), [(str(int(NOW)), 400), ("2026-05-04T13:07:40", 400), ("soon", 400), ("1777900060", 404)]
)
def test_a_gem_cannot_close_until_then(world: World, until: str, status: int) -> None:
    answer = _call(world, "DELETE", f"/v1/items/g1?closed_until={until}")
    assert answer.status_code == status
    assert answer.json()["error"]["field"].endswith("item_id" if status == 404 else "closed_until")
    assert world.changes == []


def _release(world: World, version: str, names_: list[str | None]) -> None:
    folder = world.home / "releases" / version / "tables"
    folder.mkdir(parents=True)
    table = {"item_id": ["g1", "g2"], "name": names_, "unknown": [1, 2]}
    (folder / "items.json").write_text(json.dumps(table))
    (world.home / "releases" / "stable").write_text(version + "\n")


def _closed(world: World, item_id: str) -> Any:
    answer = _call(world, "DELETE", f"/v1/items/{item_id}?closed_until={NOW + 60}")
    return world.changes[-1].columns if answer.status_code == 202 else answer.status_code


def test_a_gem_is_known_from_the_release_the_learner_or_the_last_call(world: World) -> None:
    assert _closed(world, "g1") == 404
    _release(world, "r1", ["One", None])
    assert [_closed(world, item) for item in ("g1", "g2", "g3")] == [{"name": "One"}, {}, 404]
    _release(world, "r2", ["Other", "Two"])
    live = ItemChange("g2", NOW + 1, {"name": "Live"})
    world.keys.put({names.live_item("g2"): live.to_json()})
    assert _closed(world, "g2") == {"name": "Live"}
    _call(world, "PUT", "/v1/items/g2", {"name": "Older than what the learner noted"})
    assert _closed(world, "g2") == {"name": "Live"}
    world.clock.advance(1)
    _call(world, "PUT", "/v1/items/g2", {"name": "Last"})
    assert _closed(world, "g2") == {"name": "Last"}
    _call(world, "DELETE", "/v1/items/g2")
    assert _closed(world, "g2") == 404


def test_a_release_that_cannot_be_read_is_no_fault_of_the_caller(world: World) -> None:
    _release(world, "r1", ["One", None])
    (world.home / "releases" / "r1" / "tables" / "items.json").write_text("{")
    answer = _call(world, "DELETE", f"/v1/items/g1?closed_until={NOW + 60}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_without_the_broker_no_gem_changes(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.producer.away = True
    for method, path, content in (("PUT", "/g1", GEM), ("POST", "", [{"item_id": "g1"}]), ("DELETE", "/g1", None)):
        answer = _call(world, method, f"/v1/items{path}", content)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    world.producer.away = False
    assert _closed(world, "g1") == 404
