import json
from pathlib import Path

from typer.testing import CliRunner

from hidden_gems.cli.__main__ import app
from hidden_gems.online.history import History
from hidden_gems.online.snapshots import Snapshot
from hidden_gems.online.watch import Comparison, Side
from hidden_gems.online.watched import Good, Return, Watched
from tests.unit.learner.test_learner_service import prior

AT = 1_777_852_800.0


def versions(folder: Path, *more: str) -> str:
    result = CliRunner().invoke(app, ["online", "versions", "--journal", str(folder), *more])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_what_the_watch_found_stands_below_the_snapshots(tmp_path: Path) -> None:
    History(tmp_path).begin(Snapshot(AT, prior(), {}))
    assert "Online against the release alone: not watched." in versions(tmp_path)
    sides = {"online": Side(300, 40, 0.25, 0.01, 0.1, 0.3), "static": Side(250, 35, 0.2, 0.01, 0.1, 0.3)}
    Watched(Comparison(AT, "good", sides, 0.05, 0.1), [Good(AT, 7, 0.05, 0.02)], [Return(AT - 9, 5, 3, 6)]).save(
        tmp_path
    )
    shown = versions(tmp_path)
    assert "Online against the release alone: good." in shown
    assert "online 0.2500, static 0.2000" in shown
    assert "version 5 earned less than the release; back to what was known at version 3, as version 6" in shown
    assert json.loads(versions(tmp_path, "--json"))["watch"] == {
        "verdict": "good",
        "good": [{"at": AT, "version": 7, "difference": 0.05, "error": 0.02}],
        "returns": [{"at": AT - 9, "below": 5, "back_to": 3, "version": 6}],
    }
