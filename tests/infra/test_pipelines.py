import filecmp
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.placing import FEAST, KEYS, REDIS
from components.readme import components, described, render
from pipelines.compile import COMPILED, PIPELINES

ROOT = Path(__file__).parents[2]
OUTSIDE = {
    "validate-data", "materialize-features", "gate-release", "build-release", "register-release", "roll-out",
    "train-distributed", "prepare-at-size",
}  # fmt: skip


def compile_into(folder: Path, *options: str, seed: str) -> list[Path]:
    """In its own process: kfp looks through every module that was imported, several times for each task."""
    command = [sys.executable, "-m", "pipelines.compile", "--out", str(folder), *options]
    subprocess.run(command, check=True, cwd=ROOT, env={"PYTHONHASHSEED": seed, "PATH": ""}, capture_output=True)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("seed", ["1", "2"])
def test_compiling_again_gives_the_committed_bytes_whatever_the_hash_seed(tmp_path: Path, seed: str) -> None:
    written = compile_into(tmp_path, seed=seed)
    assert [path.name for path in written] == sorted(f"{name}.yaml" for name in PIPELINES)
    for path in written:
        assert filecmp.cmp(path, COMPILED / path.name, shallow=False), f"run: gems pipelines compile ({path.name})"


Parts = tuple[dict[str, Any], dict[str, Any]]
every = pytest.mark.parametrize("name", PIPELINES)


@cache
def compiled(name: str) -> Parts:
    """The pipeline, and what only Kubernetes knows of its executors."""
    spec, *more = yaml.load_all((COMPILED / f"{name}.yaml").read_text(), yaml.CSafeLoader)
    [platform] = [each["platforms"]["kubernetes"]["deploymentSpec"]["executors"] for each in more]
    return spec, platform


@every
def test_every_step_runs_in_the_image_of_the_parameter_and_installs_nothing(name: str) -> None:
    executors = compiled(name)[0]["deploymentSpec"]["executors"]
    assert (
        len(executors)
        == {"training": 14, "training_gpu": 14, "distributed": 2, "preparation": 1, "materialization": 2, "rollout": 1}[
            name
        ]
    )
    for executor in executors.values():
        container = executor["container"]
        assert container["image"] == "{{$.inputs.parameters['pipelinechannel--image']}}"
        assert "pip install" not in " ".join(container["command"])
        assert {"cpuLimit", "memoryLimit", "cpuRequest", "memoryRequest"} <= {
            key.removeprefix("resource").replace("Cpu", "cpu").replace("Memory", "memory")
            for key in container["resources"]
        }


@every
def test_what_reads_or_changes_the_outside_is_never_cached(name: str) -> None:
    tasks = compiled(name)[0]["root"]["dag"]["tasks"]
    cached = {task for task, about in tasks.items() if about["cachingOptions"].get("enableCache")}
    assert OUTSIDE.isdisjoint(cached)
    assert cached == set(tasks) - OUTSIDE
    for task in cached:  # and only taken again for the same data
        version = tasks[task]["inputs"]["parameters"]["data_version"]["taskOutputParameter"]
        assert version == {"outputParameterKey": "Output", "producerTask": "validate-data"}


@every
def test_every_step_is_tried_again_and_is_not_root(name: str) -> None:
    spec, platform = compiled(name)
    assert all(task["retryPolicy"]["maxRetryCount"] == 2 for task in spec["root"]["dag"]["tasks"].values())
    assert platform.keys() == spec["deploymentSpec"]["executors"].keys()
    for about in platform.values():
        assert about["securityContext"] == {"runAsGroup": "1000", "runAsNonRoot": True, "runAsUser": "1000"}


@every
def test_secrets_are_named_and_never_written(name: str) -> None:
    spec, platform = compiled(name)
    named = {each["secretName"] for about in platform.values() for each in about.get("secretAsEnv", ())}
    assert named == {"rollout": set(), "preparation": set(), "distributed": {KEYS}}.get(name, {KEYS, REDIS, FEAST})
    assert not any("env" in executor["container"] for executor in spec["deploymentSpec"]["executors"].values())


@every
def test_what_tasks_read_of_the_cluster_is_in_its_config_map(name: str) -> None:
    text = (ROOT / "manifests/apps/base/training/stores.yaml").read_text()
    there = yaml.safe_load(text)
    platform = compiled(name)[1]
    for about in platform.values():
        for each in about["configMapAsEnv"]:
            assert each["configMapName"] == there["metadata"]["name"]
            assert {key["configMapKey"] for key in each["keyToEnv"]} <= there["data"].keys()
    if name == "training":
        asked = {
            key["envVar"] for about in platform.values() for each in about["configMapAsEnv"] for key in each["keyToEnv"]
        }
        assert asked == there["data"].keys()


def test_deep_models_have_a_gpu_in_one_form_of_the_training() -> None:
    (plain, nothing), (spec, platform) = compiled("training"), compiled("training_gpu")
    assert spec["root"]["inputDefinitions"] == plain["root"]["inputDefinitions"]
    executors = plain["deploymentSpec"]["executors"].values()
    assert not any("accelerator" in each["container"]["resources"] for each in executors)
    found = {
        name
        for name, executor in spec["deploymentSpec"]["executors"].items()
        if executor["container"]["resources"].get("accelerator")
    }
    assert len(found) == 5
    assert all(name.startswith("exec-train-model") for name in found)
    for name in found:
        about = platform[name]
        assert about["nodeSelector"] == {"labels": {"nvidia.com/gpu.present": "true"}}
        assert about["tolerations"] == [{"effect": "NoSchedule", "key": "nvidia.com/gpu", "operator": "Exists"}]
        assert about["emptyDirMounts"] == [
            {"medium": "Memory", "mountPath": "/dev/shm", "sizeLimit": "8Gi", "volumeName": "shm"}
        ]
    given = [task["inputs"]["parameters"].get("accelerator") for task in spec["root"]["dag"]["tasks"].values()]
    assert given.count({"runtimeValue": {"constant": "gpu"}}) == 5
    assert "nodeSelector" not in str(nothing)


@every
def test_every_parameter_has_a_default_and_a_description(name: str) -> None:
    parameters = compiled(name)[0]["root"]["inputDefinitions"]["parameters"]
    assert all("defaultValue" in parameter and parameter["description"] for parameter in parameters.values())


def test_objects_for_gitops_hold_the_same_pipelines(tmp_path: Path) -> None:
    written = compile_into(tmp_path, "--namespace", "gems-training", "--version", "0.1.0", seed="3")
    assert [path.name for path in written] == sorted(f"{name}.yaml" for name in PIPELINES)
    for path in written:
        pipeline, version = yaml.load_all(path.read_text(), yaml.CSafeLoader)
        assert (pipeline["kind"], version["kind"]) == ("Pipeline", "PipelineVersion")
        assert {each["metadata"]["namespace"] for each in (pipeline, version)} == {"gems-training"}
        assert version["spec"]["pipelineName"] == pipeline["metadata"]["name"]
        assert version["spec"]["pipelineSpec"]["root"] == compiled(path.stem)[0]["root"]


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
