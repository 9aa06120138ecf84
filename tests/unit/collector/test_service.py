import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hidden_gems.core.kv import KeyValue, MemoryKeyValue
from inference.collector.event_calls import EXAMPLE as EVENT
from inference.collector.gem_calls import EXAMPLE as GEM
from tests.unit.collector.world import World, event

HEAVY = ("feast", "torch", "lightning", "mlflow", "pandas", "duckdb", "ibis", "kserve")


def test_it_starts_without_what_it_does_not_need() -> None:
    asked = f"import sys, inference.collector.service; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"


def test_what_is_not_there_is_told_in_our_shape(world: World) -> None:
    for method, path, status, code in (
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/users/a/b/events", 404, "not_found"),
        ("DELETE", "/v1/users/u1/profile/", 404, "not_found"),
        ("GET", "/v1/events", 405, "wrong_method"),
        ("POST", "/v1/items/g1", 405, "wrong_method"),
    ):
        answer = world.call(method, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), path
    assert world.client.get("/v1/events").headers["allow"] == "POST"


def test_a_fault_of_ours_tells_nothing(tmp_path: Path) -> None:
    class Broken(MemoryKeyValue):
        def get(self, keys: Any) -> list[bytes | None]:
            raise RuntimeError("inner secret")

    keys: KeyValue = Broken()
    world = World(tmp_path, keys=keys)
    world.client = type(world.client)(world.app, raise_server_exceptions=False)
    answer = world.call("GET", "/v1/erasures/some")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in answer.text


def test_the_description_names_every_call_with_its_errors(world: World) -> None:
    said = world.client.get("/openapi.json").json()
    assert set(said["paths"]) == {
        "/v1/events",
        "/v1/items",
        "/v1/tracker.js",
        "/v1/items/{item_id}",
        "/v1/users/{user_id}",
        "/v1/users/{user_id}/events",
        "/v1/users/{user_id}/export",
        "/v1/users/{user_id}/profile",
        "/v1/users/{user_id}/profile/{belief}",
        "/v1/users/{user_id}/consent",
        "/v1/erasures/{receipt}",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    for path, calls in said["paths"].items():
        for method, call in calls.items():
            assert "422" not in call["responses"], (path, method)
            if path.startswith("/v1") and path != "/v1/tracker.js":  # open to any page
                assert {"401", "403", "429"} <= set(call["responses"]), (path, method)
                assert "Retry-After" in call["responses"]["429"]["headers"]
    assert {"Event", "EventContext", "Gem", "GemOfMany", "Consent", "ErrorAnswer"} <= set(said["components"]["schemas"])
    assert world.client.get("/docs").status_code == 200


def test_examples_of_the_description_are_taken(world: World) -> None:
    world.clock.start = 1_777_905_000.0  # a little after the example's own time
    assert world.taken([EVENT])["accepted"] == 1
    assert world.call("PUT", "/v1/items/g900", GEM, "editor-key").json()["ignored"] == []


def test_the_broker_is_let_go_of_at_the_end(world: World) -> None:
    closed: list[bool] = []
    world.producer.close = lambda: closed.append(True)  # type: ignore[method-assign]
    with world.client:
        world.taken(event())
        assert closed == []
    assert closed == [True]


@pytest.mark.parametrize(("keys", "host"), [("reader:x", "127.0.0.1"), ("bare", "0.0.0.0")])
def test_a_process_with_wrong_keys_says_so_and_ends(tmp_path: Path, keys: str, host: str) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "inference.collector"],
        capture_output=True,
        text=True,
        timeout=60,
        env={"GEMS_HOME": str(tmp_path), "GEMS_API_KEYS": keys, "GEMS_HOST": host, "PYTHONPATH": "."},
    )
    assert (found.returncode, "GEMS_API_KEYS" in found.stderr, "Traceback" in found.stderr) == (2, True, False)
