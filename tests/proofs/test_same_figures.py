"""The same seed gives the same figures, whatever key made the pseudonyms and whichever process computes them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hidden_gems.benchmark.rolling import evaluate_rolling
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.validation import check_folder
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


def test_another_process_with_another_key_finds_the_same_figures(town: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    command = [sys.executable, "-m", "hidden_gems.cli", "evaluate", "--data", str(town), "--out", str(out)]
    command += ["--models", ",".join(MODELS), "--cutoffs", "1"]
    environment = {**os.environ, "GEMS_PSEUDONYM_KEY": "another", "PYTHONHASHSEED": "7"}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=600)
    told = json.loads(out.read_text())
    dataset = check_folder(town, pseudonyms=Pseudonyms(b"test")).dataset
    mine = evaluate_rolling(dataset, MODELS, tmp_path / "kept", cutoffs=1).as_dict()
    for name in ("seconds", "peak_mb"):
        del told[name], mine[name]
    assert told == json.loads(json.dumps(mine))
    assert not [note for note in told["notes"] if "stands in" in note]
    assert "<svg" in out.with_suffix(".html").read_text()
