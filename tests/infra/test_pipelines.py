import filecmp
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from components.readme import components, described, render
from pipelines.compile import COMPILED, PIPELINES

ROOT = Path(__file__).parents[2]
OUTSIDE = {"validate-data", "materialize-features", "gate-release", "build-release", "register-release"}


@pytest.mark.parametrize("seed", ["1", "2"])
def test_compiling_again_gives_the_committed_bytes_whatever_the_hash_seed(tmp_path: Path, seed: str) -> None:
    command = [sys.executable, "-m", "pipelines.compile", "--out", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, env={"PYTHONHASHSEED": seed, "PATH": ""}, capture_output=True)
    written = sorted(tmp_path.iterdir())
    assert [path.name for path in written] == sorted(f"{name}.yaml" for name in PIPELINES)
    for path in written:
        assert filecmp.cmp(path, COMPILED / path.name, shallow=False), f"run: gems pipelines compile ({path.name})"


@pytest.fixture(scope="module")
def training() -> dict[str, dict]:
    return yaml.safe_load((COMPILED / "training.yaml").read_text())


def test_every_step_runs_in_the_image_of_the_parameter_and_installs_nothing(training: dict) -> None:
    executors = training["deploymentSpec"]["executors"]
    assert len(executors) == 14
    for executor in executors.values():
        assert executor["container"]["image"] == "{{$.inputs.parameters['pipelinechannel--image']}}"
        assert "pip install" not in " ".join(executor["container"]["command"])


def test_what_reads_or_changes_the_outside_is_never_cached(training: dict) -> None:
    tasks = training["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task["cachingOptions"].get("enableCache")}
    assert OUTSIDE.isdisjoint(cached)
    assert cached == set(tasks) - OUTSIDE


def test_every_parameter_has_a_default_and_a_description(training: dict) -> None:
    parameters = training["root"]["inputDefinitions"]["parameters"]
    assert all("defaultValue" in parameter and parameter["description"] for parameter in parameters.values())


@pytest.mark.parametrize("folder", components(), ids=lambda folder: folder.name)
def test_component_readmes_are_made_from_the_docstrings(folder: Path) -> None:
    assert (folder / "README.md").read_text() == render(components()[folder]), "run: python -m components.readme"


@pytest.mark.parametrize("folder", components(), ids=lambda folder: folder.name)
def test_every_port_of_a_component_is_described(folder: Path) -> None:
    specification = components()[folder].component_spec
    told = described(components()[folder])
    assert [
        name for name in {**(specification.inputs or {}), **(specification.outputs or {})} if not told.get(name)
    ] == []
