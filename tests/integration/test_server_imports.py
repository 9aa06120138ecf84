"""What a server brings into its process before it serves."""

import subprocess
import sys

import pytest

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
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)  # compiles what is new
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *heavy = ran.stdout.split()
    assert heavy == []
    assert float(seconds) <= SECONDS


@pytest.mark.parametrize("module", ["feast_store", "feast_definitions"])
def test_metrics_that_come_after_feast_stay_in_the_process(module: str) -> None:
    code = (
        f"import hidden_gems.features.{module}, inference.shell.metrics as metrics, os; "
        "metrics.STATE_VERSION.set(7); "
        "print(type(metrics.STATE_VERSION._value).__name__, [n for n in os.environ if n.startswith('PROMETHEUS')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("MutexValue")
    if module == "feast_store":
        assert ran.stdout == "MutexValue []\n"
