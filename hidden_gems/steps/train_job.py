"""Several processes on a cluster: a TrainJob of Kubeflow Trainer v2, made, watched, and deleted when nobody waits."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hidden_gems.core.errors import BadInputError, PartUnavailableError, StepFailedError

GROUP, VERSION, PLURAL = "trainer.kubeflow.org", "v1alpha1", "trainjobs"
_MANAGER = "hidden-gems/pipeline"
_GPU = "nvidia.com/gpu"
_JOB_LABEL = "jobset.sigs.k8s.io/jobset-name"  # of the pods; a TrainJob gives its JobSet its own name


@dataclass(frozen=True)
class TrainJob:
    """What runs where."""

    name: str
    namespace: str
    image: str
    arguments: tuple[str, ...]  # of torchrun, as ("-m", "package.module", …)
    runtime: str = "torch-distributed"  # a ClusterTrainingRuntime
    nodes: int = 2
    processes: int = 1  # on each node
    gpus: int = 0  # of each node
    cpu: str = "4"  # of each node
    memory: str = "16Gi"  # of each node
    service_account: str = ""  # of the pods, where the runtime's own may not read the bucket
    environment: Mapping[str, str] = field(default_factory=dict)
    deadline_seconds: int = 21_600

    def manifest(self) -> dict[str, Any]:
        """The object that the API is asked to create.

        torchrun learns from the environment that the runtime sets how many nodes there are and which one this is.
        """
        resources = {"cpu": self.cpu, "memory": self.memory} | ({_GPU: str(self.gpus)} if self.gpus else {})
        spec: dict[str, Any] = {
            "runtimeRef": {"apiGroup": GROUP, "kind": "ClusterTrainingRuntime", "name": self.runtime},
            "activeDeadlineSeconds": self.deadline_seconds,
            "trainer": {
                "image": self.image,
                "command": ["torchrun"],
                "args": list(self.arguments),
                "env": [{"name": name, "value": value} for name, value in sorted(self.environment.items())],
                "numNodes": self.nodes,
                "numProcPerNode": self.processes,
                "resourcesPerNode": {"requests": resources, "limits": resources},
            },
        }
        pod = self._pod()
        if pod:
            node = {"name": "node", "template": {"spec": {"template": {"spec": pod}}}}
            patch = {"template": {"spec": {"replicatedJobs": [node]}}}
            spec["runtimePatches"] = [{"manager": _MANAGER, "trainingRuntimeSpec": patch}]
        return {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "TrainJob",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {"app.kubernetes.io/part-of": "hidden-gems"},
            },
            "spec": spec,
        }

    def _pod(self) -> dict[str, Any]:
        """What the pods have beyond the runtime's template."""
        pod: dict[str, Any] = {"serviceAccountName": self.service_account} if self.service_account else {}
        if self.gpus:
            pod["tolerations"] = [{"key": _GPU, "operator": "Exists", "effect": "NoSchedule"}]
        return pod


class TrainJobs:
    """TrainJobs of a cluster.

    Args:
        client: `kubernetes.client.ApiClient`; by default that of the pod this runs in, or of the kubeconfig.
        poll_seconds: Between two looks.
        patience_seconds: How long the API may be away.
    """

    def __init__(self, client: Any = None, poll_seconds: float = 5.0, patience_seconds: float = 300.0) -> None:
        from kubernetes import client as api
        from kubernetes import config

        if client is None:
            config.load_config()
        self._jobs, self._pods = api.CustomObjectsApi(client), api.CoreV1Api(client)
        self.poll_seconds, self.patience_seconds = poll_seconds, patience_seconds

    def run(self, job: TrainJob, tell: Callable[[str], None] = print) -> None:
        """Create a job and wait for its end; whatever ends the waiting early (SIGTERM included) deletes it.

        A job of that name which is still at work is waited for: a step that was started again goes on with it.

        Raises:
            StepFailedError: If the job failed; says why its pods ended, where they say so.
            PartUnavailableError: If the API stays away.
            BadInputError: If the API refuses the job.
        """
        self._create(job, tell)
        try:
            self._wait(job, tell)
        except BaseException:
            self.delete(job)
            raise

    def delete(self, job: TrainJob) -> None:
        """Delete a job with its pods; it may be gone already."""
        self._call(self._jobs.delete_namespaced_custom_object, job, propagation_policy="Foreground")

    def _create(self, job: TrainJob, tell: Callable[[str], None]) -> None:
        from kubernetes.client import ApiException

        left = self._call(self._jobs.get_namespaced_custom_object, job)
        if left is not None and _ended(left) is None:
            tell(f"TrainJob {job.name} is there already; waiting for it")
            return
        if left is not None:  # of an earlier try
            self.delete(job)
            while self._call(self._jobs.get_namespaced_custom_object, job) is not None:
                time.sleep(self.poll_seconds)
        try:
            self._jobs.create_namespaced_custom_object(GROUP, VERSION, job.namespace, PLURAL, job.manifest())
        except ApiException as error:
            raise BadInputError(f"the cluster refuses TrainJob {job.name}: {error.body or error.reason}") from error
        tell(f"TrainJob {job.name} made: {job.nodes} nodes with {job.processes} processes each")

    def _wait(self, job: TrainJob, tell: Callable[[str], None]) -> None:
        told = ""
        while True:
            found = self._call(self._jobs.get_namespaced_custom_object, job)
            if found is None:
                raise StepFailedError(f"TrainJob {job.name} was deleted while it ran")
            ended = _ended(found)
            if ended == "Complete":
                return
            if ended is not None:
                raise StepFailedError(f"TrainJob {job.name} failed: {ended}{self._pod_reasons(job)}")
            now = f"TrainJob {job.name}: {_active(found)} nodes at work{self._pod_reasons(job)}"
            if now != told:
                tell(now)
                told = now
            time.sleep(self.poll_seconds)

    def _pod_reasons(self, job: TrainJob) -> str:
        """Why pods ended or cannot start, in brackets; empty where all is well."""
        from kubernetes.client import ApiException

        try:
            pods = self._pods.list_namespaced_pod(job.namespace, label_selector=f"{_JOB_LABEL}={job.name}").items
        except ApiException as error:
            return f" (its pods cannot be read: {error.reason})"
        reasons = sorted(reason for pod in pods for reason in _reasons(pod))
        return f" ({'; '.join(reasons)})" if reasons else ""

    def _call(self, verb: Callable[..., Any], job: TrainJob, **more: Any) -> Any:
        """Call the API about a job, again while it is away; None where there is no such job."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        began = time.monotonic()
        while True:
            try:
                return verb(GROUP, VERSION, job.namespace, PLURAL, job.name, _request_timeout=30, **more)
            except ApiException as error:
                if error.status == 404:
                    return None
                if error.status < 500 and error.status != 429:
                    raise PartUnavailableError("the Kubernetes API", f"{error.status} {error.reason}") from error
                reason = f"{error.status} {error.reason}"
            except HTTPError as error:
                reason = str(error)
            if time.monotonic() - began > self.patience_seconds:
                raise PartUnavailableError("the Kubernetes API", reason)
            time.sleep(self.poll_seconds)


def _ended(found: Mapping[str, Any]) -> str | None:
    """`Complete`, or why the job failed; None while it is at work."""
    for condition in found.get("status", {}).get("conditions", []):
        if condition["status"] == "True" and condition["type"] == "Complete":
            return "Complete"
        if condition["status"] == "True" and condition["type"] == "Failed":
            return f"{condition['reason']}: {condition['message']}"
    return None


def _active(found: Mapping[str, Any]) -> int:
    return sum(job.get("active", 0) for job in found.get("status", {}).get("jobsStatus", []))


def _reasons(pod: Any) -> list[str]:
    """Why a pod ended badly or cannot start."""
    name, status = pod.metadata.name, pod.status
    found = [f"{name}: {status.reason}"] if status.reason else []
    for container in status.container_statuses or []:
        ended, waiting = container.state.terminated, container.state.waiting
        if ended is not None and ended.exit_code:
            why = f", {ended.message.strip()}" if ended.message else ""
            found.append(f"{name}: {ended.reason}, exit code {ended.exit_code}{why}")
        if waiting is not None and waiting.reason not in (None, "ContainerCreating", "PodInitializing"):
            found.append(f"{name}: {waiting.reason}")
    return found
