"""What the learner needs, in a process of its own."""

import subprocess
import sys

CODE = """
import sys
for name in ("torch", "lightning", "lightning_fabric", "mlflow", "ibis", "duckdb"):
    sys.modules[name] = None
import inference.learner.__main__, inference.learner.start
"""


def test_it_imports_without_what_only_training_needs() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("Error")) == (0, 0), done.stderr
