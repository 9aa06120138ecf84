"""`gems train` on odd and on wrong folders, with the whole pipeline."""

import json
import os
import subprocess
import sys
from pathlib import Path

from hidden_gems.evaluation.report import NOTHING_LEARNED
from hidden_gems.export import release as releases
from tests.odd_folders import NO_DATASETS, ODD


def test_training_from_the_command_line(tmp_path: Path) -> None:
    folders = {
        "one-item": ODD["one item"][0](tmp_path / "one-item"),
        "bad-rows": NO_DATASETS["2 % bad rows"][0](tmp_path / "bad-rows"),
    }
    runs = {name: _start_training(folder, tmp_path / name / "home") for name, folder in folders.items()}
    told = {name: (*run.communicate(timeout=180), run.returncode) for name, run in runs.items()}
    out, err, code = told["bad-rows"]
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("gems: interactions.csv in ")
    assert "4 of 200 rows are bad (2.00%" in err.splitlines()[-1]
    assert "Traceback" not in err
    out, err, code = told["one-item"]
    assert code == 0, err
    assert "Traceback" not in err
    ended = json.loads(out)
    assert releases.load(Path(ended["release"])).decision == ended["decision"]
    assert ended["decision"] == {"promote": False, "reasons": [NOTHING_LEARNED.removesuffix(".")]}
    assert len(ended["seconds"]) == 10


def _start_training(folder: Path, home: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "GEMS_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "hidden_gems.cli", "train", "--data", str(folder), "--json"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
