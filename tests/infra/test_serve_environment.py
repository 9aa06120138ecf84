"""What the online image holds: everything the processes need, and none of what only training needs."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.environments import make_environment
from tests.slowness import slowness

TRAINING_ONLY = ("torch", "lightning", "lightning_fabric", "mlflow", "kfp")
SECONDS = dict.fromkeys(("deep", "ranker", "transformer", "collector", "archiver", "learner"), 4.0)
PROBE = """
import json, sys, time
began = time.process_time()
__import__(sys.argv[1])
print(json.dumps({"seconds": time.process_time() - began, "modules": sorted({m.split(".")[0] for m in sys.modules})}))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the extra `serve` alone."""
    return make_environment(tmp_path_factory.mktemp("serve"), "serve", compiled=False)


def test_it_holds_nothing_that_only_trains(python: Path) -> None:
    probe = "import importlib.util, sys; print([n for n in sys.argv[1:] if importlib.util.find_spec(n)])"
    done = subprocess.run([python, "-c", probe, *TRAINING_ONLY], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", SECONDS)
def test_each_process_is_imported_with_seconds_of_work(python: Path, name: str, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    seconds = []
    for _ in range(4):  # the first compiles what is new
        done = subprocess.run(
            [python, "-c", PROBE, f"inference.{name}.service"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout.splitlines()[-1])
        assert not set(TRAINING_ONLY) & set(found["modules"])
        assert "feast" not in found["modules"]
        seconds.append(found["seconds"])
        if seconds[-1] <= SECONDS[name] * slowness():
            return
    pytest.fail(f"importing took {seconds} s of work")
