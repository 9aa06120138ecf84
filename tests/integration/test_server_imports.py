"""What a server brings into its process before it serves."""

import subprocess
import sys

import pytest

from tests.slowness import slowness

HEAVY = ("torch", "lightning", "lightning_fabric", "mlflow", "feast", "onnx", "lightgbm", "sklearn", "duckdb", "ibis")
SECONDS = 4.0  # of processor time, with warm bytecode; the machine may be busy with others


@pytest.mark.parametrize(
    "module", ["inference.deep.__main__", "inference.ranker.__main__", "inference.transformer.__main__"]
)
def test_servers_import_quickly_and_without_what_trains(module: str) -> None:
    code = (
        f"import sys, time; began = time.process_time(); import {module}; "
        f"print(time.process_time() - began, *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    found = []
    for _ in range(3):  # the first compiles what is new
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        seconds, *heavy = ran.stdout.split()
        assert heavy == []
        found.append(float(seconds))
        if found[-1] <= SECONDS * slowness():
            return
    pytest.fail(f"importing took {found} s of work")


def test_metrics_that_come_after_the_definitions_of_feast_stay_in_the_process() -> None:
    code = (
        "import hidden_gems.features.feast_definitions, inference.shell.metrics as metrics; "
        "metrics.STATE_VERSION.set(7); print(type(metrics.STATE_VERSION._value).__name__)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "MutexValue\n"
