import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hidden_gems.core.errors import StepFailedError
from hidden_gems.steps.spark_application import MAIN, SPARK_VERSION, SparkApplication
from tests.train_jobs import Cluster, jobs_of

ROOT = Path(__file__).parents[3]
APPLICATION = SparkApplication("team", "hidden-gems/scale:1", "gems-prepare-1", ("data", "prepare", "--json"))


def state(name: str, **more: Any) -> dict[str, Any]:
    return {"applicationState": {"state": name, **more}}


class Operator(Cluster):
    path = "/apis/sparkoperator.k8s.io/v1beta2/namespaces/team/sparkapplications"


@pytest.fixture
def cluster() -> Iterator[Operator]:
    running = state("RUNNING") | {"executorState": {"exec-1": "RUNNING", "exec-2": "PENDING"}}
    with Operator(state(""), state("SUBMITTED"), running, state("SUCCEEDING"), state("COMPLETED")) as it:
        threading.Thread(target=it.serve_forever, daemon=True).start()
        yield it
        it.shutdown()


def test_the_manifest() -> None:
    made = APPLICATION.manifest()
    spec = made["spec"]
    assert (made["apiVersion"], made["kind"]) == ("sparkoperator.k8s.io/v1beta2", "SparkApplication")
    assert made["metadata"]["name"] == "gems-prepare-1"
    assert made["metadata"]["namespace"] == "team"
    assert (spec["type"], spec["mode"], spec["restartPolicy"]) == ("Python", "cluster", {"type": "Never"})
    assert spec["image"] == "hidden-gems/scale:1"
    assert spec["mainApplicationFile"].startswith("local:///opt/gems/lib/python3.11/site-packages/hidden_gems/")
    assert spec["arguments"] == ["data", "prepare", "--json"]
    driver, executor = spec["driver"], spec["executor"]
    assert (driver["serviceAccount"], executor["serviceAccount"]) == ("preparer", "trainer")
    assert (driver["memory"], driver["memoryOverhead"], driver["coreLimit"]) == ("4g", "10g", "4")
    assert (executor["instances"], executor["cores"], executor["memory"]) == (4, 4, "16g")
    assert "nodeSelector" not in driver
    assert "template" not in {**driver, **executor}  # or the webhook leaves the pods alone


def test_sizes_places_and_variables_are_those_of_the_caller() -> None:
    spec = SparkApplication(
        "team", "i", executors=7, cores=2, memory_gb=3, driver_gb=1, disk_gb=9, pool="batch",
        driver_account="a", executor_account="b", environment={"B": "2", "A": "1"},
    ).manifest()["spec"]  # fmt: skip
    driver, executor = spec["driver"], spec["executor"]
    assert (executor["instances"], executor["coreLimit"], executor["memory"]) == (7, "2", "3g")
    assert driver["memoryOverhead"] == "3g"
    assert spec["volumes"][0] == {"name": "spark-local-dir-1", "emptyDir": {"sizeLimit": "9Gi"}}
    assert (driver["serviceAccount"], executor["serviceAccount"]) == ("a", "b")
    for pod in (driver, executor):
        assert pod["nodeSelector"] == {"pool": "batch"}
        assert pod["env"][-2:] == [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]


def test_every_pod_is_held_in() -> None:
    spec = APPLICATION.manifest()["spec"]
    assert all("sizeLimit" in volume["emptyDir"] for volume in spec["volumes"])
    for pod in (spec["driver"], spec["executor"]):
        inner, outer = pod["securityContext"], pod["podSecurityContext"]
        assert inner["runAsNonRoot"]
        assert inner["readOnlyRootFilesystem"]
        assert inner["allowPrivilegeEscalation"] is False
        assert inner["capabilities"] == {"drop": ["ALL"]}
        assert outer["seccompProfile"] == {"type": "RuntimeDefault"}
        assert {mount["name"] for mount in pod["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}
    assert "GEMS_PSEUDONYM_KEY" not in str(spec["executor"])


def test_what_it_names_is_in_the_image() -> None:
    [pinned] = re.findall(r"^pyspark==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned == SPARK_VERSION
    assert (ROOT / MAIN).is_file()
    assert 'python3.11 -m venv "$2"' in (ROOT / "images" / "install.sh").read_text()
    assert "images/install.sh scale /opt/gems" in (ROOT / "images" / "Containerfile").read_text()


def test_it_is_made_and_waited_for(cluster: Operator) -> None:
    told: list[str] = []
    jobs_of(cluster).run(APPLICATION, told.append)
    assert cluster.jobs == {"gems-prepare-1": APPLICATION.manifest()}
    assert cluster.deleted == []
    assert told == [
        "SparkApplication gems-prepare-1 made: a driver and 4 executors with 4 cores each",
        "SparkApplication gems-prepare-1: new, 0 executors at work",
        "SparkApplication gems-prepare-1: submitted, 0 executors at work",
        "SparkApplication gems-prepare-1: running, 1 executors at work",
        "SparkApplication gems-prepare-1: succeeding, 0 executors at work",
    ]
    assert cluster.asked[0].endswith("/pods?labelSelector=sparkoperator.k8s.io%2Fapp-name%3Dgems-prepare-1")


@pytest.mark.parametrize(
    ("about", "why"), [({"errorMessage": "driver: exit code 2"}, "driver: exit code 2"), ({}, "it")]
)
def test_a_failure_says_why_and_leaves_nothing(cluster: Operator, about: dict[str, str], why: str) -> None:
    cluster.stages = [{}, state("FAILING"), state("FAILED", **about)]
    with pytest.raises(StepFailedError, match=f"SparkApplication gems-prepare-1 failed: {why}"):
        jobs_of(cluster).run(APPLICATION, lambda _: None)
    assert (cluster.deleted, cluster.jobs) == (["gems-prepare-1"], {})


def test_nobody_waits_and_it_is_deleted(cluster: Operator) -> None:
    cluster.stages = [state("RUNNING")]

    def end(line: str) -> None:
        if "running" in line:
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        jobs_of(cluster).run(APPLICATION, end)
    assert (cluster.deleted, cluster.jobs) == (["gems-prepare-1"], {})


def test_after_its_deadline_it_is_deleted(cluster: Operator) -> None:
    cluster.stages = [state("RUNNING")]
    late = SparkApplication("team", "i", "gems-late", deadline_seconds=0)
    with pytest.raises(StepFailedError, match=r"gems-late: running, 0 executors at work; not done within 0 seconds"):
        jobs_of(cluster).run(late, lambda _: None)
    assert (cluster.deleted, cluster.jobs) == (["gems-late"], {})
