"""`gems data prepare`: a folder in, a training set out, and one sentence where that cannot be."""

import json
from pathlib import Path

import pytest

from hidden_gems.cli import extras
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.training.training_set import TrainingSet
from tests import factories
from tests.odd_folders import gems


@pytest.fixture
def city(tmp_path: Path) -> Path:
    told = factories.interactions(events=300)
    tables = {"interactions": told, "items": factories.items(), "impressions": factories.impressions(told)}
    return factories.write_folder(tmp_path / "city", **tables)


def test_a_folder_becomes_a_checked_one_and_a_training_set(
    city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, scratch = tmp_path / "set", tmp_path / "scratch"
    scratch.mkdir()
    settings = ("--memory", "500MB", "--threads", "1", "--scratch", scratch)
    code, printed, err = gems(capsys, "data", "prepare", "--data", city, "--out", out, *settings, "--json")
    assert (code, err) == (0, "")
    told = json.loads(printed)
    made = TrainingSet.read(out)
    assert told["counts"]["rows"] == len(made.marks) > 100
    assert told["engine"] == "duckdb"
    assert not told["simulated"]
    assert set(told["seconds"]) == {"check", "prepare"}
    assert made.fingerprint == Dataset.read(out / "checked").about.fingerprint
    assert not made.marks["user_id"].str.startswith("u").all()  # pseudonyms
    assert not list(scratch.iterdir())
    code, printed, err = gems(capsys, "data", "prepare", "--data", city, "--out", out, "--rows", "ranker")
    assert code == 0
    assert f"slates by duckdb in {out}" in printed.replace("\n", "")
    assert "city is a dataset; checked in" in err
    assert 0 < len(TrainingSet.read(out).marks) < len(made.marks)


def test_what_cannot_be_is_one_sentence(
    city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "pyspark" else object())
    for arguments, expected in (
        (("data", "prepare", "--out", tmp_path / "set", "--engine", "spark"), "pip install 'hidden-gems[scale]'"),
        (
            ("data", "prepare", "--out", tmp_path / "set", "--scratch", tmp_path / "no"),
            "is not a folder",
        ),
        (("data", "prepare", "--out", tmp_path / "set", "--memory", "lots"), "DuckDB cannot start with memory lots"),
    ):
        code, out, err = gems(capsys, *arguments, "--data", city)
        assert (code, out) == (2, "")
        assert expected in err
        assert "Traceback" not in err


def test_training_on_spark_without_it_names_the_extra(
    city: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "pyspark" else object())
    code, out, err = gems(capsys, "train", "--data", city, "--engine", "spark")
    assert (code, out) == (2, "")
    assert "'pyspark', which comes with: pip install 'hidden-gems[scale]'" in err
