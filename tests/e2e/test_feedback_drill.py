"""Feedback as its user proves it: nothing lost, nothing twice, whatever is killed; and the journal that tells it."""

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hidden_gems.core.ids import Pseudonyms
from hidden_gems.streaming.broker import Message
from hidden_gems.streaming.kafka import KafkaProducer
from tests.integration.clicks import clicked, offered, seconds_until
from tests.stacks import RunningStack, environment

GEMS = [sys.executable, "-m", "hidden_gems.cli"]


def gems(home: Path, *arguments: str) -> Any:
    told = {**os.environ, **environment(home)}
    done = subprocess.run([*GEMS, *arguments, "--json"], env=told, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def test_every_event_has_one_effect_whatever_is_killed(furnished_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "a-home"
    shutil.copytree(furnished_home, home)
    report = gems(home, "feedback-drill", "--events", "2000", "--seed", "3")
    assert [check for check in report["checks"] if not check["kept"]] == []
    assert report["killed"] == {"learner": 3, "collector": 1, "kafka": 1}
    assert len(report["checks"]) >= 15
    folder = str(home / "drills" / "feedback" / "learner")
    replayed = gems(home, "online", "replay", "--journal", folder)
    held = gems(home, "online", "versions", "--journal", folder)
    assert held["snapshots"][-1]["version"] == replayed["version"] > 10
    assert held["snapshots"][0]["version"] == replayed["start"] == 0
    without = gems(home, "online", "replay", "--journal", folder, "--without", "drill-1", "--without", "drill-2")
    assert without["digest"] != replayed["digest"]
    assert gems(home, "online", "replay", "--journal", folder)["digest"] == replayed["digest"]


def test_a_click_is_taken_back_with_its_person(stack: RunningStack) -> None:
    person = stack.people[8]
    before = gems(stack.home, "online", "replay")
    gem = clicked(stack, person, stack.client.recommend(person, limit=2, explain="none"))
    seconds_until(lambda: not offered(stack, person, gem))
    after = gems(stack.home, "online", "replay")
    assert after["version"] > before["version"]
    wanted = gems(stack.home, "online", "replay", "--without", person)
    done = gems(stack.home, "online", "replay", "--without", person, "--apply")
    assert done["digest"] == wanted["digest"] != after["digest"]
    back = gems(stack.home, "online", "rollback", "--to", str(before["version"]))
    assert back["version"] > done["version"]
    assert gems(stack.home, "online", "replay")["digest"] == back["digest"]


@pytest.mark.parametrize("to", ["-1", "99999999"])
def test_a_version_that_cannot_be_reached_is_told(stack: RunningStack, to: str) -> None:
    told = {**os.environ, **environment(stack.home)}
    done = subprocess.run([*GEMS, "online", "rollback", "--to", to], env=told, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"not to {to}" in done.stderr


def test_what_could_not_be_read_is_shown_mended_and_sent_again(stack: RunningStack, tmp_path: Path) -> None:
    person, letters = Pseudonyms(b"test").of("somebody"), tmp_path / "letters.jsonl"
    producer = KafkaProducer(stack.addresses["kafka"])
    producer.send([Message("interactions.v1", person, b'{"torn')])
    producer.close()

    def found() -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = gems(stack.home, "stream", "dead-letters", "--out", str(letters))
        return [each for each in shown if base64.b64decode(each["value"]) == b'{"torn']

    seconds_until(lambda: bool(found()))
    assert all("not JSON" in each["reason"] for each in found())
    event = {
        "schema_version": 1, "event_id": "mended", "user_id": person, "item_id": "g1", "event_type": "click",
        "timestamp": stack.now, "received": stack.now,
    }  # fmt: skip
    letters.write_text(json.dumps({"topic": "interactions.v1", "key": person, "text": json.dumps(event)}) + "\n")
    assert gems(stack.home, "stream", "replay", str(letters)) == {"sent": {"interactions.v1": 1}}
