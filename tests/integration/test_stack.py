"""The stack as a whole: what it listens on, what the client gets from it, and what the documentation promises."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from hidden_gems.cli.stack import READY
from hidden_gems.client import AsyncClient, render
from hidden_gems.client import errors as kinds
from tests.environments import make_environment
from tests.slowness import slowness
from tests.stacks import API_KEY, RunningStack

DOCUMENT = Path(__file__).parents[2] / "docs" / "backend.md"
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def base_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the base install alone."""
    return make_environment(tmp_path_factory.mktemp("base"))


def listening(pids: set[int]) -> set[str]:
    """Addresses that these processes listen on."""
    lines = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[3] for line in lines if {int(pid) for pid in re.findall(r"pid=(\d+)", line)} & pids}


def test_every_process_listens_on_its_ports_of_the_loopback_only(stack: RunningStack) -> None:
    states = stack.stack.supervisor.states()
    assert set(states) == {"redis", "kafka", *READY}
    for name, state in states.items():
        found = listening({state.pid})
        assert {int(address.rpartition(":")[2]) for address in found} == set(state.ports), name
        assert {address.rpartition(":")[0] for address in found} <= {"127.0.0.1", "[::ffff:127.0.0.1]"}, name


def test_a_person_gets_gems_with_reasons_in_both_languages(stack: RunningStack) -> None:
    for language, opening in (("en", "Why this gem for you: "), ("tr", "Neden bu yer: ")):
        slate = stack.client.recommend(
            stack.people[0], limit=5, context={"language": language, "weather": "rain"}, explain="full"
        )
        assert (slate.user_id, slate.degraded, slate.short) == (stack.people[0], (), False)
        assert [item.position for item in slate.items] == [0, 1, 2, 3, 4]
        assert all(0 < item.propensity <= 1 and item.impression_token for item in slate.items)
        for item in slate.items:
            assert item.explanation is not None
            assert item.explanation.text
            assert item.explanation.language == language
            assert 0 < sum(reason.importance for reason in item.explanation.top_features) <= 1 + 1e-9
        assert opening in render(slate, "tr" if language == "tr" else "en")


def test_similar_trending_and_one_explanation(stack: RunningStack) -> None:
    person = stack.people[1]
    first = stack.client.recommend(person, limit=1).items[0]
    similar = stack.client.similar(first.item_id, user_id=person, limit=4)
    assert first.item_id not in {item.item_id for item in similar.items}
    assert stack.client.trending(user_id=person, limit=3).policy.startswith("trending")
    told = stack.client.explain(first.item_id, user_id=person)
    assert told.top_features
    with pytest.raises(kinds.NotFoundError):
        stack.client.explain("no-such-gem", user_id=person)


def test_feedback_that_quotes_its_token_changes_the_next_answer(stack: RunningStack) -> None:
    person = stack.people[2]
    slate = stack.client.recommend(person, limit=3)
    gem = slate.items[0].item_id
    taken = stack.client.feedback("save", slate, gem)
    assert (taken.accepted, taken.unsigned, taken.rejected) == (1, 0, ())
    deadline = time.monotonic() + 20
    while stack.client.recommend(person, limit=1, filters={"candidates": [gem]}).items:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    events = stack.client.user_events(person).events
    assert [(event.item_id, event.event_type) for event in events] == [(gem, "save")]
    profile = stack.client.profile(person)
    assert profile.personalisation
    assert stack.client.consent(person, personalisation=False).personalisation is False
    assert stack.client.recommend(person, limit=1).items[0].impression_token == ""
    assert stack.client.consent(person, personalisation=True).personalisation is True
    assert stack.client.export(person).user_id == person
    receipt = stack.client.erase(person)
    assert stack.client.erasure(receipt.receipt).receipt == receipt.receipt
    assert stack.client.user_events(person).events == ()


def test_a_gem_comes_and_goes(stack: RunningStack) -> None:
    def served() -> bool:
        return bool(stack.client.recommend("u1", limit=1, filters={"candidates": ["stack-gem"]}).items)

    stack.client.put_item("stack-gem", {"name": "New", "type": "cafe", "lat": 41.03, "lon": 28.95})
    deadline = time.monotonic() + 60
    while not served():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stack.client.close_item("stack-gem")
    while served():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_asynchronous_client_gets_the_same_and_the_errors_are_those_of_the_contract(stack: RunningStack) -> None:
    async def ask() -> None:
        addresses = stack.addresses
        async with AsyncClient(
            addresses["transformer"], addresses["collector"], API_KEY, timeout_seconds=5.0
        ) as client:
            slates = await asyncio.gather(*(client.recommend(person, limit=2) for person in stack.people[:4]))
            assert [slate.user_id for slate in slates] == list(stack.people[:4])
            with pytest.raises(kinds.BadRequestError) as bad:
                await client.recommend("u", limit=51)
            assert bad.value.field == "instances[0].limit"
            assert (await client.feedback("click", slates[0], slates[0].items[1].item_id)).unsigned == 0
        async with AsyncClient(addresses["transformer"], addresses["collector"], "wrong") as stranger:
            with pytest.raises(kinds.NotAllowedError):
                await stranger.user_events("u")
        async with AsyncClient("http://127.0.0.1:9", "http://127.0.0.1:9") as nobody:
            with pytest.raises(kinds.UnavailableError):
                await nobody.recommend("u")

    asyncio.run(ask())


def test_a_part_that_is_ended_is_named_and_comes_back(stack: RunningStack) -> None:
    with stack.without("deep"):
        slate = stack.client.recommend(stack.people[3], limit=3)
        assert slate.degraded == ("deep",)
        assert len(slate.items) == 3
    deadline = time.monotonic() + 20
    while stack.client.recommend(stack.people[3], limit=3).degraded:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("language", "block"), BLOCKS, ids=[f"{kind}-{number}" for number, (kind, _) in enumerate(BLOCKS)]
)
def test_every_block_of_the_backend_document_runs(
    stack: RunningStack, language: str, block: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = stack.home / "document"
    folder.mkdir(exist_ok=True)
    for name, port in (("transformer", 8080), ("collector", 8090)):
        block = block.replace(f"http://127.0.0.1:{port}", stack.addresses[name])
    command = ["bash", "-euo", "pipefail", "-c", block] if language == "bash" else [sys.executable, "-c", block]
    environment = {**os.environ, "GEMS_HOME": str(stack.home)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    if "feedback(" in block:
        assert "\n0\n" in done.stdout  # unsigned
    if "v1/events \\" in block:
        assert '"accepted":2,"unsigned":0' in done.stdout.replace(" ", "")
    if "BadRequestError" in block:
        assert done.stdout.splitlines()[:2] == ["instances[0].limit", "404"]


def test_the_document_has_examples_for_both() -> None:
    assert [kind for kind, _ in BLOCKS].count("bash") >= 4
    assert [kind for kind, _ in BLOCKS].count("python") >= 2


def test_the_client_alone_talks_to_the_stack(stack: RunningStack, base_python: Path) -> None:
    program = (
        "import sys, time; began = time.process_time()\n"
        "import hidden_gems.client as client\n"
        "seconds = time.process_time() - began\n"
        "slate = client.Client(sys.argv[1]).recommend('somebody', limit=2)\n"
        "print(seconds, len(slate.items), 'numpy' in sys.modules)\n"
    )
    command = [base_python, "-c", program, stack.addresses["transformer"]]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment, check=True)
    seconds, items, numpy = done.stdout.split()
    assert float(seconds) <= 0.5 * slowness()
    assert (items, numpy) == ("2", "False")


def test_the_base_install_looks_at_the_stack_and_asks_it(stack: RunningStack, base_python: Path) -> None:
    def gems(*arguments: str) -> "subprocess.CompletedProcess[str]":
        told = {**os.environ, "GEMS_HOME": str(stack.home), "COLUMNS": "200"}
        command = [base_python, "-m", "hidden_gems.cli", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd="/", env=told, timeout=180)

    status = json.loads(gems("status", "--json").stdout)
    assert status["well"], status
    assert status["release"] == stack.stack.release.version
    asked = gems("recommend", "--user", "somebody", "--limit", "2", "--json")
    assert len(json.loads(asked.stdout)["items"]) == 2, asked.stderr
    slate = json.loads(asked.stdout)
    why = gems("why", "--slate", slate["slate_id"], "--item", slate["items"][1]["item_id"])
    assert "It is shown at position 2" in why.stdout, why.stderr
    assert gems("why", "--slate", "nowhere", "--item", "g1").returncode == 1
    assert gems("logs", "kafka").stdout.startswith("tansu")
    doctor = gems("doctor", "--json")
    assert doctor.returncode == 1
    assert {each["what"] for each in json.loads(doctor.stdout)["findings"] if each["verdict"] == "missing"} >= {
        "extra serve", "extra train",
    }  # fmt: skip
    up = gems("up")
    assert up.returncode == 2
    assert "pip install 'hidden-gems[serve]'" in up.stderr


def test_the_doors_answer_plain_http(stack: RunningStack) -> None:
    assert httpx.get(f"{stack.addresses['collector']}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{stack.addresses['transformer']}/v2/health/ready").status_code == 200
