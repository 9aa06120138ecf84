import json
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hidden_gems.cli.__main__ import app
from hidden_gems.core.errors import BadInputError
from hidden_gems.simulation import write
from hidden_gems.simulation.parameters import PARAMETERS
from hidden_gems.simulation.write import describe, is_there, simulate
from tests.slowness import slowness


def test_folder_says_it_is_simulated(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    counts = simulate(tmp_path / "city", people=40, days=2, seed=7, progress=lambda day, days: seen.append((day, days)))
    about = json.loads((tmp_path / "city" / "dataset.json").read_text())
    assert about["simulated"] is True
    assert about["seed"] == 7
    assert about["timezone"] == "Europe/Istanbul"
    assert about["parameters"] == PARAMETERS.digest()
    assert about["start"] == "2026-03-01"
    assert seen == [(1, 2), (2, 2)]
    for name, rows in counts.items():
        table = pd.read_parquet(tmp_path / "city" / f"{name}.parquet")
        assert len(table) == rows > 0
        assert not {"click_probability", "expected_reward"} & set(table.columns)


def test_own_folder_is_replaced_and_another_refused(tmp_path: Path) -> None:
    city = tmp_path / "city"
    city.mkdir()
    first = simulate(city, people=20, days=1)
    assert simulate(city, people=20, days=2)["impressions"] > first["impressions"]
    other = tmp_path / "other"
    other.mkdir()
    (other / "dataset.json").write_text('{"simulated": false}')
    with pytest.raises(BadInputError, match="not a simulated dataset"):
        simulate(other, people=20, days=1)
    (other / "dataset.json").write_text("no json")
    with pytest.raises(BadInputError, match="not empty"):
        simulate(other, people=20, days=1)
    with pytest.raises(BadInputError, match="choose another folder"):
        simulate(other / "dataset.json", people=20, days=1)


def test_command_line(tmp_path: Path) -> None:
    runner = CliRunner()
    out = ["simulate", "--out", str(tmp_path / "city"), "--people", "30", "--days", "2", "--seed", "3"]
    told = runner.invoke(app, out)
    assert told.exit_code == 0
    assert "simulated Istanbul (seed 3, 30 people, 2 days)" in told.stdout
    machine = runner.invoke(app, [*out, "--json"])
    answer = json.loads(machine.stdout)
    assert answer["simulated"] is True
    assert answer["counts"]["users"] == 30
    assert runner.invoke(app, ["simulate", "--out", str(tmp_path / "x"), "--people", "0"]).exit_code == 2


def test_a_small_city_is_fast(tmp_path: Path) -> None:
    """Generous: 2,000 people and 60 days must take at most 30 s of one core; this is a twentieth of that."""
    began = time.process_time()
    simulate(tmp_path / "city", people=300, days=20)
    assert time.process_time() - began < 8.0 * slowness()


def test_a_folder_is_known_by_everything_that_decides_about_its_bytes(tmp_path: Path) -> None:
    about = describe(people=20, days=3, seed=0)
    assert not is_there(tmp_path, about)
    simulate(tmp_path / "city", people=20, days=3, seed=0)
    assert is_there(tmp_path / "city", about)
    for other in ({"seed": 1}, {"people": 21}, {"days": 4}, {"start": "2026-03-02"}):
        assert not is_there(tmp_path / "city", describe(**{"people": 20, "days": 3, "seed": 0, **other}))
    (tmp_path / "city" / "dataset.json").write_text("{")
    assert not is_there(tmp_path / "city", about)


def test_tables_in_parts_have_the_rows_of_tables_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = simulate(tmp_path / "whole", people=60, days=5, seed=3)
    monkeypatch.setattr(write, "PART_ROWS", 200)
    assert simulate(tmp_path / "parts", people=60, days=5, seed=3) == counts
    groups = [pq.ParquetFile(tmp_path / name / "impressions.parquet").num_row_groups for name in ("whole", "parts")]
    assert groups[0] == 1
    assert groups[1] > 2
    for name in counts:
        whole, parts = (pd.read_parquet(tmp_path / folder / f"{name}.parquet") for folder in ("whole", "parts"))
        pd.testing.assert_frame_equal(whole, parts)
        if "timestamp" in whole:
            assert parts["timestamp"].is_monotonic_increasing
