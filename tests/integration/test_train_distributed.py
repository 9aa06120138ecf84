"""The component on this machine: two real processes under torchrun."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kfp import dsl

from components.training.train_distributed.component import train_distributed
from hidden_gems.training.ncf import NCFRecommender
from tests import tables


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("component") / "checked"
    tables.rich_dataset(users=60, events=4_000, days=80).write(folder)
    return folder


def test_the_component_fits_in_two_processes(checked: Path, tmp_path: Path) -> None:
    model, metrics = dsl.Model(uri=str(tmp_path / "model")), dsl.Metrics(uri=str(tmp_path / "metrics"))
    validation = train_distributed.python_func(
        dsl.Dataset(uri=str(checked)), "ncf", "test", 0, model, metrics, loop='{"epochs": 2, "batch": 256}'
    )
    assert NCFRecommender.load(tmp_path / "model").settings.loop.epochs == 2
    assert metrics.metadata["processes"] == 2
    assert metrics.metadata["validation"] == validation > 0.2
    assert set(metrics.metadata) == {"epochs", "loss", "validation", "seconds", "peak_bytes", "processes"}


def test_sigterm_ends_the_processes_too(checked: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from hidden_gems.steps.distributed import Fit, Place, train_distributed;"
        "train_distributed(Path(sys.argv[1]), Path(sys.argv[2]), Fit('ncf', loop=sys.argv[3]), Place('local'))"
    )
    loop = json.dumps({"epochs": 100_000, "patience": 100_000, "batch": 64})
    command = [sys.executable, "-c", code, str(checked), str(tmp_path / "model"), loop]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    step = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert step.stderr is not None
    for line in step.stderr:
        if line.startswith("search: epoch 1,"):
            break
    started = _descendants(step.pid)
    assert len(started) >= 3  # torchrun and two workers
    step.send_signal(signal.SIGTERM)
    step.communicate(timeout=180)
    assert step.returncode == 128 + signal.SIGTERM
    until = time.monotonic() + 10.0
    while any(Path(f"/proc/{pid}").exists() for pid in started) and time.monotonic() < until:
        time.sleep(0.1)
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
    assert not (tmp_path / "model").exists()


def _descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [each for child in children for each in _descendants(child)]
