import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hidden_gems.cli.__main__ import app
from hidden_gems.core.errors import BadInputError
from tests.off_policy_coverage import World


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["off-policy", *arguments], env={"COLUMNS": "140"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    log, target = World(seed=1, places=2, people=60).draw(250, 0)
    log.to_csv(tmp_path / "log.csv", index=False)
    target.to_parquet(tmp_path / "target.parquet")
    return "--log", str(tmp_path / "log.csv"), "--target", str(tmp_path / "target.parquet")


def test_it_says_the_same_as_a_table_as_json_and_in_a_file(files: tuple[str, ...], tmp_path: Path) -> None:
    content = json.loads(run(*files, "--json", "--clip", "5", "--out", str(tmp_path / "found.json")))
    assert json.loads((tmp_path / "found.json").read_text()) == content
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")
    assert list(content["estimates"]) == ["DM", "IPS", "clipped IPS", "SNIPS", "DR", "clipped DR", "SNDR"]
    assert (content["places"], content["rounds"], content["limit"]) == (500, 250, 5.0)
    assert content["clustered_by"] == "user_id"
    assert content["estimates"]["DM"]["effective"] is None
    shown = run(*files, "--clip", "5")
    for each in content["estimates"].values():
        assert f"{each['value']['value']:.4f}" in shown
        assert f"{each['difference']['low']:+.4f} to {each['difference']['high']:+.4f}" in shown
    assert f"{content['clusters']:,} people" in shown


def test_what_nobody_can_know_is_unknown_and_null(tmp_path: Path) -> None:
    log, target = tmp_path / "log.csv", tmp_path / "target.csv"
    log.write_text("round_id,item_id,reward,propensity\n" + "".join(f"{n},x,1,0.5\n" for n in range(20)))
    target.write_text("round_id,item_id,probability\n" + "".join(f"{n},y,1\n" for n in range(20)))
    files = ("--log", str(log), "--target", str(target))
    content = json.loads(run(*files, "--json"))
    assert content["estimates"]["SNIPS"]["value"] == {"value": None, "low": None, "high": None, "users": 20}
    assert content["support"]["never_shown"] == content["support"]["never_wanted"] == 1.0
    shown = run(*files)
    assert "unknown" in shown
    assert "1 is outside of that interval" in shown
    assert "hardly overlap" in shown


def test_bad_input_is_said_before_anything_is_written(files: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"must end with .json"):
        run(*files, "--out", str(tmp_path / "found.txt"))
    with pytest.raises(BadInputError, match="is not there"):
        run("--log", str(tmp_path / "none.csv"), *files[2:], "--out", str(tmp_path / "found.json"))
    assert not (tmp_path / "found.json").exists()
