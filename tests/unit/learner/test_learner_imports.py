"""What the learner needs, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys
for name in ("torch", "lightning", "lightning_fabric", "mlflow", "ibis", "duckdb"):
    sys.modules[name] = None
import inference.learner.__main__, inference.learner.start
"""


def test_it_imports_without_what_only_training_needs() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("Error")) == (0, 0), done.stderr


@pytest.mark.parametrize("given", [False, True])
def test_feast_leaves_the_metrics_of_the_process_and_its_children_alone(tmp_path: Path, given: bool) -> None:
    own = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)} if given else {}
    code = """
import os
import hidden_gems.features.feast_store
print([value for name, value in os.environ.items() if name.startswith("PROMETHEUS_MULTIPROC")])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **own}
    )
    assert done.stdout.splitlines()[-1] == str(list(own.values())), done.stderr


def test_metrics_of_a_process_that_uses_feast_live_in_the_process() -> None:
    code = (
        "import hidden_gems.features.feast_store, prometheus_client; "
        "gauge = prometheus_client.Gauge('g', 'h'); gauge.set(3); print(type(gauge._value).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["MutexValue"], done.stderr
