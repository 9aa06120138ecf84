"""The same seed gives the same figures, whatever key made the pseudonyms and whichever process computes them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hidden_gems.benchmark.evaluate import evaluate
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.validation import check_folder
from hidden_gems.evaluation.report import Evaluation
from tests import factories

MODELS = ["popular", "item_knn", "ncf", "lambdamart"]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    visits = factories.interactions(users=40, events=900, days=80)
    return factories.write_folder(
        tmp_path_factory.mktemp("data") / "town",
        interactions=factories.feedback(visits),
        items=factories.items(),
        impressions=factories.impressions(visits).sort_values("timestamp", ignore_index=True),
    )


def figures(town: Path, key: bytes) -> dict:
    found: Evaluation = evaluate(check_folder(town, pseudonyms=Pseudonyms(key)).dataset, MODELS)
    assert not [note for note in found.notes if "stands in" in note]
    return {name: value for name, value in found.as_dict().items() if name != "seconds"}


@pytest.fixture(scope="module")
def mine(town: Path) -> dict:
    return figures(town, b"test")


def test_another_key_of_the_pseudonyms_changes_no_figure(town: Path, mine: dict) -> None:
    assert mine == figures(town, b"another")


def test_another_process_finds_the_same_figures(town: Path, mine: dict, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    command = [sys.executable, "-m", "hidden_gems.cli", "evaluate", "--data", str(town), "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    told = json.loads(out.read_text())
    del told["seconds"]
    assert told == mine
    assert "<svg" in out.with_suffix(".html").read_text()
