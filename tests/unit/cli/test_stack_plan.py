"""What a stack is made of, before anything starts."""

import time
from pathlib import Path

import pytest

from hidden_gems.cli.options import Places
from hidden_gems.cli.stack import READY, Plan, environment, kept_keys, newest_release, open_stack, stable_release
from hidden_gems.cli.stack_clock import StackClock
from hidden_gems.cli.up import Asked, _address
from hidden_gems.core.errors import BadInputError, ReleaseError
from hidden_gems.core.home import gems_home
from hidden_gems.datasets.dataset import About
from hidden_gems.export import release as releases


def publish(places: Places, promote: bool = False, name: str = "city") -> Path:
    def describe(version: str, created: str) -> releases.Release:
        decision = {"promote": promote, "reasons": ["too weak", "too new"]}
        return releases.Release(version, created, "", About(name, "UTC", "f"), 0, "s", (), {}, decision)

    return releases.publish(places.releases, lambda draft: None, describe, 1_777_910_400.0)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "city")


def test_addresses_follow_the_ports_and_what_is_swapped(places: Places) -> None:
    plan = Plan(places, StackClock(), shift=100)
    assert plan.addresses["transformer"] == "http://127.0.0.1:8180"
    assert (plan.addresses["redis"], plan.addresses["kafka"]) == ("127.0.0.1:6490", "127.0.0.1:9192")
    assert set(plan.ports) == {"redis", "kafka", *READY}
    swapped = Plan(places, StackClock(), redis="there:1", kafka="here:2", real_triton=True)
    assert (swapped.addresses["redis"], swapped.addresses["kafka"]) == ("there:1", "here:2")
    assert set(swapped.ports) == set(READY)
    assert swapped.ports["deep"] == (8000, 8001, 8002)
    assert plan.ports["deep"] == (8100, 8101)


def test_every_process_is_told_where_the_others_are(places: Places) -> None:
    plan = Plan(places, StackClock("5,1,9"), shift=1, pointer="canary", api_keys=("a", "b"), more={"GEMS_SEED": "7"})
    told = environment(plan)
    assert {name: told[name] for name in ("GEMS_DEEP", "GEMS_RANKER", "GEMS_REDIS", "GEMS_KAFKA")} == {
        "GEMS_DEEP": "127.0.0.1:8002", "GEMS_RANKER": "127.0.0.1:8102", "GEMS_REDIS": "127.0.0.1:6391",
        "GEMS_KAFKA": "127.0.0.1:9093",
    }  # fmt: skip
    assert (told["GEMS_CLOCK"], told["GEMS_POINTER"], told["GEMS_HOST"]) == ("5,1,9", "canary", "127.0.0.1")
    assert told["GEMS_API_KEYS"] == "a,b"
    assert told["GEMS_SEED"] == "7"
    for name in ("releases", "history", "spool"):
        assert told[f"GEMS_{name.upper()}"] == str(places.root / name)
    assert told["GEMS_FEAST_FOLDER"] == str(places.feast)


def test_a_key_is_made_once_and_a_given_one_wins(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    [made] = kept_keys()
    assert kept_keys() == [made]
    assert (gems_home() / "api.key").read_text() == made
    assert len(made) == 64
    monkeypatch.setenv("GEMS_API_KEYS", "ingest:one,admin:two")
    assert kept_keys() == ["ingest:one", "admin:two"]
    assert environment(Plan(places, StackClock()))["GEMS_API_KEYS"] == "ingest:one,admin:two"


def test_without_a_stable_release_the_newest_becomes_it_and_that_is_said(places: Places) -> None:
    told: list[str] = []
    with pytest.raises(ReleaseError, match="has no release; `gems train` makes one"):
        stable_release(places, told.append)
    first = publish(places)
    time.sleep(0.02)
    second = publish(places)
    assert newest_release(places) == second
    assert stable_release(places, told.append) == second
    assert releases.pointed(places.releases) == second
    [said] = told
    assert said.startswith(f"NOTE: the gate held release {second.name} back (too weak; too new).")
    releases.point(places.releases, "stable", first.name)
    assert stable_release(places, told.append) == first
    assert len(told) == 1


def test_a_pointer_that_names_nothing_is_told(places: Places) -> None:
    publish(places)
    with (
        pytest.raises(ReleaseError, match="canary names no release"),
        open_stack(Plan(places, StackClock(), pointer="canary"), print),
    ):
        raise AssertionError("it was opened")


def test_options_reach_the_stack_in_the_background() -> None:
    asked = Asked(Path("/data"), 7, "r:1", "", real_triton=True, durable=True)
    assert asked.options() == ["--port-base", "7", "--real-triton", "--durable", "--data", "/data", "--redis", "r:1"]
    assert Asked(None, 0, "", "k:1", real_triton=False, durable=False).options() == [
        "--port-base",
        "0",
        "--kafka",
        "k:1",
    ]


@pytest.mark.parametrize(
    ("given", "address"), [("", ""), ("h:1", "h:1"), ("redis://h:1/", "h:1"), ("kafka://a.b:22", "a.b:22")]
)
def test_an_address_may_be_a_url(given: str, address: str) -> None:
    assert _address("--redis", given) == address


@pytest.mark.parametrize("given", ["h", "h:", ":1", "h:port", "redis://h"])
def test_what_is_no_address_is_told(given: str) -> None:
    with pytest.raises(BadInputError, match=f"--redis {given}: expected HOST:PORT"):
        _address("--redis", given)
