import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hidden_gems.cli.__main__ import app
from hidden_gems.core.errors import ReleaseError
from hidden_gems.export import depot
from tests.unit.export.test_depot import ESTIMATE, NONE, release


@pytest.fixture
def address(tmp_path: Path) -> str:
    for version in ("2026-05-04.1", "2026-05-05.1"):
        depot.push(release(tmp_path / "made", version), str(tmp_path / "depot"))
    return str(tmp_path / "depot")


def test_releases_are_listed_with_their_pointers_and_pointed_at(address: str) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["release", "point", address, "stable", "2026-05-04.1"]).output == (
        "stable names 2026-05-04.1\n"
    )
    assert runner.invoke(app, ["release", "point", address, "stable", "2026-05-05.1"]).output == (
        "stable names 2026-05-05.1, before it named 2026-05-04.1\n"
    )
    assert json.loads(runner.invoke(app, ["release", "list", address, "--json"]).output) == [
        {"version": "2026-05-04.1", "pointers": [], "policy_estimate": ESTIMATE},
        {"version": "2026-05-05.1", "pointers": ["stable"], "policy_estimate": ESTIMATE},
    ]
    assert "2026-05-05.1" in runner.invoke(app, ["release", "list", address]).output


def test_what_a_policy_would_earn_is_listed_and_a_canary_needs_it(address: str, tmp_path: Path) -> None:
    runner = CliRunner(env={"COLUMNS": "160"})
    depot.push(release(tmp_path / "made", "2026-05-06.1", estimate=NONE), address)
    listed = runner.invoke(app, ["release", "list", address]).output
    assert "0.0700 (0.0500 to 0.0900)" in listed
    assert "0.0500 (0.0400 to 0.0600)" in listed
    assert "none: no slate of the log has propensities" in listed
    asked = ["release", "point", address, "canary"]
    assert runner.invoke(app, [*asked, "2026-05-05.1"]).output == "canary names 2026-05-05.1\n"
    refused = runner.invoke(app, [*asked, "2026-05-06.1"])
    assert isinstance(refused.exception, ReleaseError)
    assert "no slate of the log has propensities" in str(refused.exception)
    assert depot.named(address, "canary") == "2026-05-05.1"
    told = runner.invoke(app, [*asked, "2026-05-06.1", "--without-estimate"]).output
    assert "canary names 2026-05-06.1, before it named 2026-05-05.1" in told


def test_a_release_is_pulled(address: str, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["release", "pull", address, "2026-05-04.1", "--to", str(tmp_path / "here")])
    assert told.output.strip() == str(tmp_path / "here" / "2026-05-04.1")
    assert (tmp_path / "here" / "2026-05-04.1" / "release.json").exists()


def test_what_is_not_there_is_said(address: str, tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["release", "point", address, "canary", "2026-05-09.1"])
    assert isinstance(found.exception, ReleaseError)
    assert "2026-05-09.1" in str(found.exception)
    assert "There is no release" in CliRunner().invoke(app, ["release", "list", str(tmp_path / "empty")]).output
