"""Several processes on a cluster: a TrainJob of Kubeflow Trainer v2."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hidden_gems.steps.cluster_jobs import DONE

GROUP, VERSION = "trainer.kubeflow.org", "v1alpha1"
_MANAGER = "hidden-gems/pipeline"
_GPU = "nvidia.com/gpu"


@dataclass(frozen=True)
class TrainJob:
    """What runs where."""

    kind: ClassVar[str] = "TrainJob"
    api: ClassVar[tuple[str, str, str]] = (GROUP, VERSION, "trainjobs")
    pod_label: ClassVar[str] = "jobset.sigs.k8s.io/jobset-name"  # a TrainJob gives its JobSet its own name

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

    @property
    def size(self) -> str:
        """See `ClusterJob`."""
        return f"{self.nodes} nodes with {self.processes} processes each"

    def manifest(self) -> dict[str, Any]:
        """See `ClusterJob`.

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

    def ended(self, found: Mapping[str, Any]) -> str | None:
        """See `ClusterJob`."""
        for condition in found.get("status", {}).get("conditions", []):
            if condition["status"] == "True" and condition["type"] == "Complete":
                return DONE
            if condition["status"] == "True" and condition["type"] == "Failed":
                return f"{condition['reason']}: {condition['message']}"
        return None

    def progress(self, found: Mapping[str, Any]) -> str:
        """See `ClusterJob`."""
        return f"{sum(job.get('active', 0) for job in found.get('status', {}).get('jobsStatus', []))} nodes at work"
