import json
import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hidden_gems.cli import doctor as module
from hidden_gems.cli.__main__ import app
from hidden_gems.cli.doctor import Finding, examine
from hidden_gems.core.errors import HiddenGemsError

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _repo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMS_FEATURE_REPO", str(ROOT / "feature_repo"))


def found() -> dict[str, Finding]:
    return {finding.what: finding for finding in examine()}


def test_here_is_all_that_is_needed() -> None:
    shown = CliRunner().invoke(app, ["doctor", "--json"])
    told = json.loads(shown.output)
    assert (shown.exit_code, told["well"]) == (0, True)
    assert {finding["what"] for finding in told["findings"]} == {
        "python", "extra serve", "extra train", "redis-server", "Kafka broker", "ports", "home", "feature repo",
        "releases",
    }  # fmt: skip
    assert "All that is needed is here." in CliRunner().invoke(app, ["doctor"]).output
    assert found()["releases"].verdict == "note"


def test_what_is_missing_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> Any:
        raise HiddenGemsError("there is none: pip install it")

    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "kserve" else object())
    monkeypatch.setattr(module, "redis_command", none)
    monkeypatch.setenv("GEMS_FEATURE_REPO", "/nowhere")
    told = found()
    assert told["extra serve"] == Finding(
        "extra serve", "missing", "without kserve", "pip install 'hidden-gems[serve]'"
    )
    assert told["extra train"].verdict == "ok"
    assert told["redis-server"].advice == "there is none: pip install it; then: gems up --redis HOST:PORT"
    assert told["feature repo"].verdict == "missing"
    shown = CliRunner().invoke(app, ["doctor"])
    assert shown.exit_code == 1
    assert "Something is missing" in shown.output


def test_a_port_in_use_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(module, "shifted", lambda shift: {"ranker": (port,)})
        assert found()["ports"] == Finding("ports", "note", f"in use: {port} (ranker)", "gems up --port-base 10000")
    assert found()["ports"].verdict == "ok"


def test_little_space_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENOUGH_BYTES", 10**18)
    assert found()["home"].verdict == "note"
    assert "set GEMS_HOME" in found()["home"].advice
