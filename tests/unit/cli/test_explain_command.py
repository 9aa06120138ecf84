"""`gems explain` as a command: what it refuses, and what filled sheets come to."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from hidden_gems.benchmark.rating_sheet import FILLED, SHOWN
from hidden_gems.cli.__main__ import app


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments], env={"COLUMNS": "140"})


def filled(path: Path, *rows: tuple[str, str, str], texts: str = "text", delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow((*SHOWN, *FILLED))
        for number, row in enumerate(rows):
            shown = (f"r{number}", "tr", "Monday 20:00", "Moda", "Küflü Kitap", f"{texts} {number}, şöyle", "facts")
            writer.writerow((*shown, *row))
    return path


def test_two_raters_come_to_shares_means_and_agreement(tmp_path: Path) -> None:
    first = filled(tmp_path / "a.csv", ("yes", "5", "4"), ("evet", "3", "2"), ("no", "4", ""), ("yes", "", "5"))
    second = filled(
        tmp_path / "b.csv", ("yes", "5", "4"), ("hayır", "1", "2"), ("no", "4", "1"), ("yes", "2", ""), delimiter=";"
    )
    found = json.loads(run("agreement", str(first), str(second), "--json").stdout)
    assert (found["raters"], found["texts"]) == (2, 4)
    assert found["accurate"]["value"] == 0.5  # one of two says so in the second: no majority
    assert found["accurate"]["texts"] == 4
    assert found["relevance"]["value"] == pytest.approx((5 + 2 + 4 + 2) / 4)
    assert found["trust"]["value"] == pytest.approx((4 + 2 + 1 + 5) / 4)
    assert found["trusted"]["value"] == 0.5
    assert found["alpha"]["trust"] == 1.0
    assert 0 < found["alpha"]["accurate"] < 1
    shown = run("agreement", str(first), str(second))
    assert shown.exit_code == 0
    assert "4 texts, 2 raters" in shown.stdout
    assert "50.0%" in shown.stdout


def test_one_rater_has_no_agreement(tmp_path: Path) -> None:
    found = run("agreement", str(filled(tmp_path / "a.csv", ("yes", "", ""), ("yes", "", ""))), "--json")
    told = json.loads(found.stdout)
    assert told["alpha"] == {"accurate": None, "relevance": None, "trust": None}
    assert told["accurate"]["value"] == 1.0
    assert told["relevance"]["value"] is None


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("maybe", "5", "5"), "r0: accurate is 'maybe'; expected yes or no"),
        (("yes", "6", "5"), "r0: relevance is '6'; expected a whole number from 1 to 5"),
        (("yes", "5", "nan"), "r0: trust is 'nan'"),
        (("", "", ""), "a.csv has no rating"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(tmp_path: Path, row: tuple[str, str, str], told: str) -> None:
    found = run("agreement", str(filled(tmp_path / "a.csv", row)))
    assert found.exit_code != 0
    assert told in str(found.exception)


def test_what_is_no_copy_of_one_sheet_is_refused(tmp_path: Path) -> None:
    first = filled(tmp_path / "a.csv", ("yes", "5", "5"))
    other = filled(tmp_path / "b.csv", ("yes", "5", "5"), texts="another")
    assert "has other texts than" in str(run("agreement", str(first), str(other)).exception)
    (tmp_path / "c.csv").write_text("id,text\n1,x\n")
    assert "has no column accurate" in str(run("agreement", str(tmp_path / "c.csv")).exception)
    assert "cannot be read as text" in str(run("agreement", str(tmp_path / "nowhere.csv")).exception)
    (tmp_path / "d.csv").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as text" in str(run("agreement", str(tmp_path / "d.csv")).exception)


def test_a_folder_without_data_or_release_is_named_before_any_work(tmp_path: Path) -> None:
    missing = run("faithfulness", "--data", str(tmp_path / "none"))
    assert "none" in str(missing.exception)
    wrong = run("sample", "--data", str(tmp_path), "--out", str(tmp_path / "sheet.xlsx"))
    assert "must end with .csv" in str(wrong.exception)
    assert "must end with .json" in str(
        run("faithfulness", "--data", str(tmp_path), "--out", str(tmp_path / "a.txt")).exception
    )


def test_help_teaches() -> None:
    for command in ("faithfulness", "sample", "agreement"):
        told = run(command, "--help").stdout
        assert "Try: gems explain" in told
