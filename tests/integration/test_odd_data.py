"""Wrong and odd folders through the commands that learn: one sentence and exit code 2, or an answer and exit code 0."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hidden_gems.benchmark.registry import SIMPLE
from tests import factories
from tests.odd_folders import NO_DATASETS, ODD, gems, write

MODELS = (*SIMPLE, "ncf", "lambdamart")
EVALUATED = ("popular", "item_knn", "ncf", "lambdamart")
KNOWN_TO_BE_ODD = ("emoji", "order only", "1 % bad rows", "one user", "one item")


@pytest.mark.parametrize("command", ["rank", "evaluate"])
@pytest.mark.parametrize("case", NO_DATASETS)
def test_no_dataset_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str, command: str
) -> None:
    folder, out = NO_DATASETS[case][0](tmp_path / "city"), tmp_path / ("out.csv" if command == "rank" else "out.json")
    model = ["--model", "lambdamart"] if command == "rank" else []
    code, printed, err = gems(capsys, command, "--data", folder, *model, "--out", out)
    assert (code, printed) == (2, "")
    assert err.startswith("gems: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert not out.exists()


@pytest.mark.parametrize("case", KNOWN_TO_BE_ODD)
def test_odd_but_valid_is_ranked_by_every_model(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    folder = ODD[case][0](tmp_path / "city")
    table = pd.read_csv(folder / "interactions.csv", dtype=str)
    good = table[~table["timestamp"].str.startswith("-")]
    for model in MODELS:
        out = tmp_path / f"{model}.parquet"
        code, printed, _ = gems(
            capsys, "rank", "--data", folder, "--model", model, "--k", 7, "--out", out, "--repeat", "--json"
        )
        assert code == 0, model
        assert json.loads(printed)["people"] == good["user_id"].nunique()
        found = pd.read_parquet(out)
        assert set(found["user_id"]) == set(good["user_id"])
        assert set(found["item_id"]) <= set(good["item_id"])
        assert np.isfinite(found["score"]).all()
        places = list(range(1, min(7, good["item_id"].nunique()) + 1))
        assert all(ranks == places for ranks in found.groupby("user_id")["rank"].agg(list))


@pytest.mark.parametrize("case", KNOWN_TO_BE_ODD)
def test_odd_but_valid_is_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    out = tmp_path / "report.json"
    chosen = ["--models", ",".join(EVALUATED), "--cutoffs", "1"]
    code, printed, _ = gems(capsys, "evaluate", "--data", ODD[case][0](tmp_path / "city"), *chosen, "--out", out)
    assert code == 0
    assert "lambdamart" in printed
    told = json.loads(out.read_text())
    assert {figure["model"] for figure in told["figures"]} - {"chosen before the test"} == {*EVALUATED, "random"}
    stand_in = any("nothing to learn from" in note for note in told["notes"])
    assert stand_in == (case in ("emoji", "one item"))  # one item leaves nothing to order
    assert out.with_suffix(".html").is_file()


# --- the file that `gems rank` writes


@pytest.fixture
def town(tmp_path: Path) -> Path:
    table = factories.interactions(users=12, items=20, events=150)
    numbered = table.assign(user_id=table["user_id"].str[1:], item_id=table["item_id"].str[1:].astype(int) + 500)
    return write(tmp_path / "town", numbered.astype({"user_id": int}))


def pairs(table: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(table["user_id"].astype(str), table["item_id"].astype(str), strict=True))


def test_the_file_of_rank(town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known, out = pairs(pd.read_csv(town / "interactions.csv")), tmp_path / "recs.parquet"
    code, printed, _ = gems(capsys, "rank", "--data", town, "--model", "item_knn", "--k", 30, "--out", out)
    assert code == 0
    found = pd.read_parquet(out)
    assert printed == f"12 people, {len(found)} rows by item_knn: {out}\n"
    assert list(found.columns) == ["user_id", "rank", "item_id", "score"]
    assert [str(kind) for kind in found.dtypes] == ["object", "int64", "object", "float64"]
    assert set(found["user_id"]) == {str(user) for user in range(12)}
    assert set(found["item_id"]) <= {str(item) for item in range(500, 520)}
    assert not pairs(found) & known
    assert len(found) == 12 * 20 - len(known)  # a list ends where nothing new is left
    for _, mine in found.groupby("user_id"):
        assert mine["rank"].tolist() == list(range(1, len(mine) + 1))
        assert mine["score"].is_monotonic_decreasing
    gems(capsys, "rank", "--data", town, "--model", "item_knn", "--k", 30, "--out", out, "--repeat")
    assert len(pairs(pd.read_parquet(out))) == 12 * 20
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["recs.csv", "recs.csv.gz"])
def test_csv_says_the_same_as_parquet(
    town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    for out in (tmp_path / name, tmp_path / "recs.parquet"):
        assert gems(capsys, "rank", "--data", town, "--model", "popular", "--k", 3, "--out", out)[0] == 0
    text = pd.read_csv(tmp_path / name, dtype={"user_id": str, "item_id": str})
    pd.testing.assert_frame_equal(text, pd.read_parquet(tmp_path / "recs.parquet"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--model", "magic", "--out", "recs.csv"],
            "there is no model 'magic'; the shelf has popular, recent_popular",
        ),
        (["--model", "ncf", "--out", "nowhere/recs.csv"], "nowhere is not there"),
        (["--model", "ncf", "--out", "recs.txt"], "must end with .parquet, .csv, .csv.gz"),
        (["--model", "ncf", "--out", "a.csv"], "a.csv is a folder; expected a file to write"),
    ],
)
def test_wrong_options_of_rank_are_one_sentence(
    town: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").mkdir()
    code, printed, err = gems(capsys, "rank", "--data", town, *arguments)
    assert (code, printed) == (2, "")
    assert err.startswith("gems: ")
    assert expected in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--models", "popular,magic"], "there is no model 'magic'"),
        (["--out", "nowhere/report.json"], "nowhere is not there"),
        (["--out", "report.html"], "must end with .json"),
    ],
)
def test_wrong_options_of_evaluate_are_one_sentence(
    town: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    code, printed, err = gems(capsys, "evaluate", "--data", town, *arguments)
    assert (code, printed) == (2, "")
    assert expected in err
    assert err.count("\n") == 1
