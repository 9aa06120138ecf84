"""`gems data check`: what is no dataset is one sentence and exit code 2; what is odd but valid exits 0."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from hidden_gems.core.errors import NotADatasetError
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.validation import check_folder
from tests import factories
from tests.odd_folders import NO_DATASETS, ODD, gems, visits, with_bad_rows, write


@pytest.mark.parametrize("case", NO_DATASETS)
def test_no_dataset_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    make, expected = NO_DATASETS[case]
    folder = make(tmp_path / "city")
    with pytest.raises(NotADatasetError, match=expected):
        check_folder(folder)
    code, out, err = gems(capsys, "data", "check", folder)
    assert (code, out) == (2, "")
    assert err.startswith("gems: ")
    assert err.count("\n") == 1
    assert len(err) < 700
    assert "Traceback" not in err


@pytest.mark.parametrize("case", ODD)
def test_odd_but_valid_is_a_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    make, expected = ODD[case]
    folder = make(tmp_path / "city")
    code, out, err = gems(capsys, "data", "check", folder, "--json")
    assert (code, err) == (0, "")
    counts = json.loads(out)["counts"]
    assert {name: counts[name] for name in expected} == expected
    assert counts["rejected"] == expected.get("rejected", 0)


def test_rejected_rows_are_kept_when_there_are_any(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    code, printed, _ = gems(capsys, "data", "check", write(tmp_path / "bad", with_bad_rows(2)), "--out", out)
    assert code == 0
    assert str(out / "rejected.parquet") in printed
    assert "rejected: 2 rows of interactions.csv, timestamp: negative" in printed
    assert pd.read_parquet(out / "rejected.parquet")["row"].tolist() == [1, 2]
    code, printed, _ = gems(capsys, "data", "check", write(tmp_path / "good", visits()), "--out", out)
    assert code == 0
    assert "rejected.parquet" not in printed
    assert not (out / "rejected.parquet").exists()


def test_too_many_bad_rows_are_kept_to_look_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "city", with_bad_rows(4))
    code, _, err = gems(capsys, "data", "check", folder)
    path = Path(os.environ["GEMS_HOME"]) / "checks" / "city" / "rejected.parquet"
    assert code == 2
    assert err.endswith(f"; all of them are in {path}\n")
    assert len(pd.read_parquet(path)) == 4
    assert gems(capsys, "data", "check", folder, "--max-rejected", "0.02")[0] == 0


def test_a_place_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    folder = write(tmp_path / "city", with_bad_rows(1))
    code, _, err = gems(capsys, "data", "check", folder, "--out", tmp_path / "file")
    assert code == 2
    assert err == f"gems: --out {tmp_path / 'file'} cannot be written: Not a directory\n"


def test_it_prints_counts_what_is_missing_and_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "[red]city", visits(weather="hail", device="phone"), items=factories.items())
    (folder / "dataset.json").write_text('{"simulated": true}')
    code, out, err = gems(capsys, "data", "check", folder, "--timezone", "America/New_York")
    assert (code, err) == (0, "")
    words = " ".join(out.replace("│", " ").replace("┃", " ").split())
    for text in (
        "[red]city (simulated), America/New_York",
        "interactions 200",
        "items.opening_hours closed gems cannot be left out",
        "users people are known by their interactions only",
        "warning: interactions.csv: 1 extra columns are kept and ignored: device.",
        "unknown words of weather are kept as other: hail (200).",
        "[red]city is a dataset.",
    ):
        assert text in words


def test_json_holds_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "city", with_bad_rows(2))
    told = json.loads(gems(capsys, "data", "check", folder, "--json")[1])
    assert told["about"]["name"] == "city"
    assert told["about"]["pseudonym_key"] == Pseudonyms(b"test").key_id
    assert told["counts"]["rejected_share"] == 0.01
    assert {"table": "users", "column": "all", "cost": "people are known by their interactions only"} in told["missing"]
    assert told["warnings"] == []
    assert told["reasons"] == [{"file": "interactions.csv", "column": "timestamp", "reason": "negative", "rows": 2}]
    assert told["rejected_file"] == str(Path(os.environ["GEMS_HOME"]) / "checks" / "city" / "rejected.parquet")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--timezone", "Mars"], "the time zone 'Mars' is not known"),
        (["--max-rejected", "2"], "must lie between 0 and 1, got 2.0"),
    ],
)
def test_wrong_options_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    code, _, err = gems(capsys, "data", "check", write(tmp_path / "city", visits()), *arguments)
    assert code == 2
    assert expected in err
    assert err.count("\n") == 1


def test_as_a_process(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "hidden_gems.cli", "data", "check", str(tmp_path / "nowhere")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"gems: {tmp_path / 'nowhere'} does not exist; expected a folder with interactions")
    assert ran.stderr.count("\n") == 1
    assert ran.stdout == ""
