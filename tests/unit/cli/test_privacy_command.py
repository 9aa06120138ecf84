import json

import pytest
from typer.testing import CliRunner

from hidden_gems.cli import privacy
from hidden_gems.cli.__main__ import app
from hidden_gems.client.answers import Erasure
from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.privacy.proof import Found, Proof

AT = 1_777_900_000.0
PROOF = Proof(
    AT,
    (
        Found("online", "clean", AT + 60, (), since=2, denylist=("erased:x",)),
        Found("topics", "pending", AT + 7 * 86_400, tuple(f"interactions.v1/0/{n}" for n in range(50))),
    ),
)


@pytest.mark.parametrize("command", [["verify", "--user", "u1"], ["erase", "--user", "u1"], ["compact"]])
def test_without_a_stack_it_says_how_to_start_one(command: list[str]) -> None:
    found = CliRunner().invoke(app, ["privacy", *command])
    assert isinstance(found.exception, HiddenGemsError)
    assert "`gems up` starts one" in str(found.exception)


def test_a_report_has_every_store_its_deadline_and_some_places() -> None:
    found = json.loads(json.dumps(privacy._report("u1", PROOF)))
    assert (found["user_id"], found["overdue"]) == ("u1", False)
    assert (found["erased_at"], found["denylist_until"]) == ("2026-05-04T13:06:40+00:00", "2026-06-03T13:06:40+00:00")
    online, topics = found["stores"]
    assert (online["verdict"], online["since"], online["denylist"]) == ("clean", 2, ["erased:x"])
    assert (topics["deadline"], topics["places"], len(topics["left"])) == ("2026-05-11T13:06:40+00:00", 50, 20)


def test_a_table_says_until_when_and_why_the_name_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    privacy._show("u1", PROOF)
    said = " ".join(capsys.readouterr().out.split())
    assert "stays on the denylist until 2026-06-03T13:06:40+00:00" in said
    privacy._show("u1", Proof(None, ()))
    assert "u1 was never erased here" in capsys.readouterr().out


def test_only_the_online_stores_are_waited_for() -> None:
    stores = [("online", "done"), ("learner", "pending"), ("topics", "pending")]
    lines = [{"store": store, "state": state} for store, state in stores]
    receipt = Erasure.model_validate({"receipt": "r", "requested_at": "now", "stores": lines})
    assert privacy._pending(receipt) == ["learner"]
