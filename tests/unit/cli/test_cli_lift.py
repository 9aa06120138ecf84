import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hidden_gems.cli.__main__ import app
from hidden_gems.core.errors import BadInputError, HiddenGemsError
from tests.unit.evaluation.test_lift import archived, slate, told

LONG = "36500"  # days, the slates are from 2001


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["online", "lift", "--days", LONG, *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return result.output


def test_it_shows_both_variants_and_the_lift(tmp_path: Path) -> None:
    slates = [slate(str(number), f"p{number}", ("online", "static")[number % 2], 1e9) for number in range(40)]
    events = [told(str(number), at=1e9 + 5) for number in (0, 2, 4, 6, 1)]
    archived(tmp_path, slates, events)
    content = json.loads(run("--history", str(tmp_path), "--json"))
    assert content["lifts"]["ctr"]["value"] == pytest.approx(3.0)
    assert content["lifts"]["ctr"]["high"] is None or content["lifts"]["ctr"]["high"] > 3  # no click in some resamples
    assert (content["slates"], content["people"]) == ({"online": 20, "static": 20}, {"online": 20, "static": 20})
    shown = run("--history", str(tmp_path))
    assert "+300.0%" in shown
    assert "2001-09-09" in shown


def test_without_static_people_it_says_how_to_have_some(tmp_path: Path) -> None:
    archived(tmp_path, [slate("a", "p1", "online", 1e9)])
    assert "GEMS_STATIC_SHARE=0.1" in " ".join(run("--history", str(tmp_path)).split())
    assert json.loads(run("--history", str(tmp_path), "--json"))["lifts"] == {}


def test_an_archive_without_slates_or_none_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HiddenGemsError, match="has no slate of the last"):
        run("--history", str(tmp_path))
    with pytest.raises(BadInputError, match="is no archive"):
        run("--history", str(tmp_path / "nowhere"))
