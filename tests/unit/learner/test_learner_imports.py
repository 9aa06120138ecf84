"""What the learner needs, in a process of its own; one process answers all, because Feast takes seconds to import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import os, sys
for name in ("torch", "lightning", "lightning_fabric", "mlflow", "ibis", "duckdb"):
    sys.modules[name] = None
import hidden_gems.features.feast_store, prometheus_client
print([value for name, value in os.environ.items() if name.startswith("PROMETHEUS_MULTIPROC")])
gauge = prometheus_client.Gauge("g", "h")
gauge.set(3)
print(type(gauge._value).__name__)
import inference.learner.__main__, inference.learner.start
import inference.shell.metrics as metrics
metrics.STATE_VERSION.set(7)
print(type(metrics.STATE_VERSION._value).__name__)
"""


@pytest.mark.parametrize(("given", "kind"), [(False, "MutexValue"), (True, "MmapedValue")])
def test_it_imports_without_what_only_trains_and_feast_leaves_its_metrics_alone(
    tmp_path: Path, given: bool, kind: str
) -> None:
    own = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)} if given else {}
    told = {name: value for name, value in os.environ.items() if not name.startswith("PROMETHEUS")} | own
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, env=told)
    assert (done.returncode, done.stderr.count("Error")) == (0, 0), done.stderr
    assert done.stdout.splitlines() == [str(list(own.values())), kind, kind]
