import hashlib
from pathlib import Path
from typing import Any

import pytest

from hidden_gems.core.errors import BadInputError
from inference.collector.keys import KEY_FILE, SCOPES, Keys
from inference.collector.limits import RateLimit
from inference.collector.settings import CollectorSettings
from tests.unit.collector.world import World, event

CALLS = {
    ("POST", "/v1/events"): {"ingest", "backend"},
    ("GET", "/v1/users/u1/events"): {"backend"},
    ("GET", "/v1/users/u1/export"): {"backend"},
    ("GET", "/v1/users/u1/profile"): {"backend"},
    ("DELETE", "/v1/users/u1/profile/type:cafe"): {"backend"},
    ("PUT", "/v1/users/u1/consent"): {"backend"},
    ("DELETE", "/v1/users/u1"): {"backend"},
    ("GET", "/v1/erasures/none"): {"backend"},
    ("PUT", "/v1/items/g1"): {"admin"},
    ("POST", "/v1/items"): {"admin"},
    ("DELETE", "/v1/items/g1"): {"admin"},
}
OF = {"ingest": "browser-key", "backend": "server-key", "admin": "editor-key"}


@pytest.mark.parametrize(("call", "allowed"), CALLS.items())
def test_each_call_needs_its_scope(world: World, call: tuple[str, str], allowed: set[str]) -> None:
    for scope, key in OF.items():
        answer = world.call(*call, key=key)
        assert (answer.status_code == 403) == (scope not in allowed), (scope, answer.text)
        if scope not in allowed:
            assert answer.json()["error"]["code"] == "forbidden"
    for key in (None, "wrong", "", "browser-key2", "browser-ke"):
        answer = world.call(*call, key=key)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json()["error"]["code"] == "no_key"
    assert world.log == []


def test_every_call_of_the_description_is_guarded_or_open_on_purpose(world: World) -> None:
    paths = world.client.get("/openapi.json").json()["paths"]
    guarded = {
        (method.upper(), path) for path, calls in paths.items() for method in calls if "security" in calls[method]
    }
    unguarded = {(method.upper(), path) for path, calls in paths.items() for method in calls} - guarded
    assert unguarded == {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/v1/tracker.js")}
    assert len(guarded) == len(CALLS)


def test_another_scheme_is_no_key(world: World) -> None:
    for header in ("Basic server-key", "server-key", "Bearer"):
        assert world.call("GET", "/v1/users/u1/events", key=None, headers={"Authorization": header}).status_code == 401


def test_a_browser_key_is_bound_to_origins(tmp_path: Path) -> None:
    world = World(tmp_path, settings={"cors_origins": "https://gems.example, https://two.example"})
    good, bad = {"Origin": "https://two.example"}, {"Origin": "https://evil.example"}
    answer = world.post(event(), "browser-key", headers=good)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (202, "https://two.example")
    assert world.post(event(event_id="e2"), "browser-key").status_code == 202
    refused = world.post(event(event_id="e3"), "browser-key", headers=bad)
    assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (403, False)
    assert world.post(event(event_id="e4"), "server-key", headers=bad).status_code == 202
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    assert world.client.options("/v1/events", headers=good | asked).status_code == 200
    assert world.client.options("/v1/events", headers=bad | asked).status_code == 400
    gone = {"Access-Control-Request-Method": "DELETE"}
    assert world.client.options("/v1/users/u1", headers=good | gone).status_code == 400


def test_a_key_sends_so_much_in_a_minute(tmp_path: Path) -> None:
    world = World(tmp_path, settings={"events_a_minute": 500})
    many = [event(event_id=str(number)) for number in range(500)]
    assert world.post(many[:499]).status_code == 202
    refused = world.post(many[:2])
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "45")
    assert refused.json()["error"]["code"] == "too_many"
    world.monotonic.advance(44.5)
    assert world.post(event()).headers["retry-after"] == "1"
    assert world.post(event(event_id="other"), "browser-key").status_code == 202
    world.monotonic.advance(0.5)
    assert world.post(event()).status_code == 202


def test_a_limit_is_of_one_key_and_one_minute() -> None:
    at = [59.0]
    limit = RateLimit(3, monotonic=lambda: at[0])
    assert [limit.wait("a", 2), limit.wait("a", 2), limit.wait("a", 1), limit.wait("b", 3)] == [0, 1, 0, 0]
    at[0] = 60.0
    assert [limit.wait("a", 3), limit.wait("a", 1)] == [0, 60]


def test_a_person_sends_so_much_in_a_minute_whatever_the_key(tmp_path: Path) -> None:
    world = World(tmp_path / "home", settings={"person_events_a_minute": 3})
    assert world.taken([event(event_id="1"), event(event_id="2")])["accepted"] == 2
    mixed = world.post(
        [event(event_id="3"), event(event_id="4"), event(event_id="5", user_id="u2")], "browser-key"
    ).json()
    assert (mixed["accepted"], [(each["index"], each["reason"]) for each in mixed["rejected"]]) == (
        2,
        [(1, "too_many")],
    )
    refused = world.post([event(event_id="4"), event(event_id="6")])
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "45")
    assert refused.json()["error"]["field"] == "user_id"
    world.monotonic.advance(45)
    assert world.taken(event(event_id="4"))["accepted"] == 1
    assert [each.event_id for each in world.log] == ["1", "2", "3", "5", "4"]


def test_a_limit_below_one_list_is_refused() -> None:
    with pytest.raises(ValueError, match="500"):
        CollectorSettings(events_a_minute=499)


@pytest.mark.parametrize(
    ("entries", "bare", "problem"),
    [
        ([], True, "no key"),
        ([" ", ""], True, "no key"),
        (["secret"], False, "without a scope"),
        (["reader:secret"], True, "no scope:key"),
        (["admin:"], True, "no scope:key"),
        (["admin:sha256:secret"], True, "64 hexadecimal digits"),
        (["admin:sha256:" + 63 * "a"], True, "64 hexadecimal digits"),
        (["sha256:" + 64 * "a"], False, "no scope:key"),
    ],
)
def test_keys_that_cannot_be_meant_are_refused(entries: list[str], bare: bool, problem: str) -> None:
    with pytest.raises(BadInputError, match=problem) as caught:
        Keys.parse(entries, bare_allowed=bare)
    assert "secret" not in str(caught.value)


def test_a_key_may_have_two_scopes_and_a_scope_two_keys() -> None:
    keys = Keys.parse(["ingest:a", " backend:a ", "backend:b:c"], bare_allowed=False)
    held = {key: found.scopes for key in ("a", "b:c") if (found := keys.caller(key)) is not None}
    assert held == {"a": {"ingest", "backend"}, "b:c": {"backend"}}
    assert keys.caller("b") is None
    assert keys.caller("") is None


def test_a_key_may_be_known_by_its_hash_and_replaced_while_both_are_valid() -> None:
    hashed = [f"backend:sha256:{hashlib.sha256(key.encode()).hexdigest()}" for key in ("old", "new")]
    keys = Keys.parse(hashed, bare_allowed=False)
    for key in ("old", "new"):
        caller = keys.caller(key)
        assert caller is not None
        assert caller.scopes == {"backend"}
    assert keys.caller(hashed[0].rpartition(":")[2]) is None  # the hash itself opens nothing
    assert Keys.parse(hashed[1:], bare_allowed=False).caller("old") is None


def _settings(home: Path, **more: Any) -> CollectorSettings:
    return CollectorSettings(home=home, **more)


def test_a_key_is_made_kept_and_has_all_scopes(tmp_path: Path) -> None:
    Keys.load(_settings(tmp_path))
    made = (tmp_path / KEY_FILE).read_text()
    assert (len(made), (tmp_path / KEY_FILE).stat().st_mode & 0o777) == (64, 0o600)
    caller = Keys.load(_settings(tmp_path)).caller(made)
    assert caller is not None
    assert caller.scopes == set(SCOPES)
    with pytest.raises(BadInputError, match="without a scope"):
        Keys.load(_settings(tmp_path, host="0.0.0.0"))


def test_keys_of_the_environment_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMS_API_KEYS", "admin:first-key,admin:second-key")
    settings = _settings(tmp_path, host="0.0.0.0")
    assert "first-key" not in repr(settings)
    keys = Keys.load(settings)
    assert keys.caller("first-key") is not None
    assert keys.caller("second-key") is not None
    assert not (tmp_path / KEY_FILE).exists()
