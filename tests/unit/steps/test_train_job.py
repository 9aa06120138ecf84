import threading
from collections.abc import Iterator
from typing import Any

import pytest

from hidden_gems.core.errors import BadInputError, PartUnavailableError, StepFailedError
from hidden_gems.steps.train_job import TrainJob
from tests.train_jobs import Cluster, condition, jobs_of

JOB = TrainJob("gems-ncf-1", "team", "hidden-gems/train:1", ("-m", "a.b", "--x", "1"))


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster({}, {"jobsStatus": [{"name": "node", "active": 2}]}, {"conditions": [condition("Complete")]}) as it:
        threading.Thread(target=it.serve_forever, daemon=True).start()
        yield it
        it.shutdown()


def _pod(name: str, reason: str | None = None, **state: Any) -> dict[str, Any]:
    container = {"name": "node", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}
    return {"metadata": {"name": name}, "status": {"reason": reason, "containerStatuses": [container]}}


def test_the_manifest() -> None:
    assert JOB.manifest() == {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {
            "name": "gems-ncf-1",
            "namespace": "team",
            "labels": {"app.kubernetes.io/part-of": "hidden-gems"},
        },
        "spec": {
            "runtimeRef": {
                "apiGroup": "trainer.kubeflow.org",
                "kind": "ClusterTrainingRuntime",
                "name": "torch-distributed",
            },
            "activeDeadlineSeconds": 21_600,
            "trainer": {
                "image": "hidden-gems/train:1",
                "command": ["torchrun"],
                "args": ["-m", "a.b", "--x", "1"],
                "env": [],
                "numNodes": 2,
                "numProcPerNode": 1,
                "resourcesPerNode": {
                    "requests": {"cpu": "4", "memory": "16Gi"},
                    "limits": {"cpu": "4", "memory": "16Gi"},
                },
            },
        },
    }


def test_gpus_and_an_account_are_patches_of_the_runtime() -> None:
    job = TrainJob(
        "n", "team", "i", (), gpus=2, service_account="reader", environment={"B": "2", "A": "1"}, deadline_seconds=60
    )
    spec = job.manifest()["spec"]
    assert spec["activeDeadlineSeconds"] == 60
    assert spec["trainer"]["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    assert spec["trainer"]["resourcesPerNode"]["limits"] == {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "2"}
    pod = {
        "serviceAccountName": "reader",
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }
    node = {"name": "node", "template": {"spec": {"template": {"spec": pod}}}}
    assert spec["runtimePatches"] == [
        {"manager": "hidden-gems/pipeline", "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [node]}}}}
    ]


def test_makes_a_job_and_waits_for_its_end(cluster: Cluster) -> None:
    told: list[str] = []
    jobs_of(cluster).run(JOB, told.append)
    assert cluster.jobs == {JOB.name: JOB.manifest()}
    assert cluster.deleted == []
    assert told == [
        "TrainJob gems-ncf-1 made: 2 nodes with 1 processes each",
        "TrainJob gems-ncf-1: 0 nodes at work",
        "TrainJob gems-ncf-1: 2 nodes at work",
    ]
    assert cluster.asked[0].endswith("/pods?labelSelector=jobset.sigs.k8s.io%2Fjobset-name%3Dgems-ncf-1")


def test_a_failure_says_what_the_pods_say_and_leaves_nothing(cluster: Cluster) -> None:
    cluster.stages = [
        {"conditions": [condition("Suspended"), condition("Failed", status="False")]},
        {"conditions": [condition("Failed", "FailedJobs", "jobset failed")]},
    ]
    cluster.pods = [
        _pod("node-0", terminated={"exitCode": 137, "reason": "OOMKilled"}),
        _pod("node-1", terminated={"exitCode": 0, "reason": "Completed"}),
        _pod("node-2", reason="Evicted", terminated={"exitCode": 1, "reason": "Error", "message": "disk is full\n"}),
        _pod("node-3", waiting={"reason": "ContainerCreating"}),
        _pod("node-4", waiting={"reason": "ImagePullBackOff"}),
        _pod("node-5", running={}),
    ]
    told: list[str] = []
    with pytest.raises(StepFailedError) as failed:
        jobs_of(cluster).run(JOB, told.append)
    reasons = (
        "(node-0: OOMKilled, exit code 137; node-2: Error, exit code 1, disk is full; node-2: Evicted; "
        "node-4: ImagePullBackOff)"
    )
    assert str(failed.value) == f"TrainJob gems-ncf-1 failed: FailedJobs: jobset failed {reasons}"
    assert told[1] == f"TrainJob gems-ncf-1: 0 nodes at work {reasons}"
    assert (cluster.deleted, cluster.jobs) == ([JOB.name], {})


def test_nobody_waits_and_the_job_is_deleted(cluster: Cluster) -> None:
    cluster.stages = [{}]

    def end(line: str) -> None:
        if "at work" in line:
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        jobs_of(cluster).run(JOB, end)
    assert (cluster.deleted, cluster.jobs) == ([JOB.name], {})


def test_a_job_that_is_at_work_is_waited_for(cluster: Cluster) -> None:
    cluster.jobs[JOB.name] = {"metadata": {"name": JOB.name}, "spec": "of an earlier try"}
    told: list[str] = []
    jobs_of(cluster).run(JOB, told.append)
    assert told[0] == "TrainJob gems-ncf-1 is there already; waiting for it"
    assert cluster.jobs[JOB.name]["spec"] == "of an earlier try"


def test_a_job_that_is_over_gives_way_to_a_new_one(cluster: Cluster) -> None:
    cluster.jobs[JOB.name] = {"status": {"conditions": [condition("Failed", "DeadlineExceeded", "late")]}}
    jobs_of(cluster).run(JOB, lambda _: None)
    assert cluster.deleted == [JOB.name]
    assert cluster.jobs == {JOB.name: JOB.manifest()}


def test_the_api_may_be_away_for_a_while(cluster: Cluster) -> None:
    cluster.broken = 3
    jobs_of(cluster).run(JOB, lambda _: None)
    assert cluster.jobs == {JOB.name: JOB.manifest()}
    cluster.broken = 10_000
    with pytest.raises(PartUnavailableError, match="the Kubernetes API is unavailable: 503"):
        jobs_of(cluster, patience_seconds=0.05).run(JOB, lambda _: None)


def test_what_the_api_refuses(cluster: Cluster) -> None:
    cluster.refuses = True
    with pytest.raises(BadInputError, match=r"refuses TrainJob gems-ncf-1: .*numNodes: must be at least 1"):
        jobs_of(cluster).run(JOB, lambda _: None)
    assert cluster.deleted == []


def test_a_job_that_somebody_deletes_is_a_failure(cluster: Cluster) -> None:
    def somebody(line: str) -> None:
        if "at work" in line:
            cluster.jobs.clear()

    with pytest.raises(StepFailedError, match="was deleted while it ran"):
        jobs_of(cluster).run(JOB, somebody)
