"""`gems` on Spark's executors: a SparkApplication of the Kubeflow Spark operator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hidden_gems.steps.cluster_jobs import DONE

GROUP, VERSION = "sparkoperator.k8s.io", "v1beta2"
SPARK_VERSION = "4.0.5"
"""Of the image: pyspark in constraints.txt."""
MAIN = "hidden_gems/cli/__main__.py"
_PACKAGES = "/opt/gems/lib/python3.11/site-packages"
SCRATCH = "/scratch"
_SPARK = {
    # Its objects belong to the driver's pod and go with it: so the driver needs no right but on pods.
    "spark.kubernetes.driver.service.deleteOnTermination": "false",
    "spark.kubernetes.driver.ownPersistentVolumeClaim": "false",
    "spark.kubernetes.executor.disableConfigMap": "true",
}
_HELD = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
}
_POD_HELD = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "runAsGroup": 1000,
    "fsGroup": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_REGION = {
    "name": "AWS_REGION",
    "valueFrom": {"configMapKeyRef": {"name": "stores", "key": "AWS_REGION", "optional": True}},
}
_PSEUDONYMS = {"name": "GEMS_PSEUDONYM_KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "pseudonym-key"}}}
_SAFE = {"name": "PYTHONSAFEPATH", "value": "1"}  # or the neighbours of the main file hide packages of their names


@dataclass(frozen=True)
class SparkApplication:
    """A driver that runs `gems`, and executors that it asks for.

    The operator's webhook puts into the pods what is not Spark's own, and makes the driver's pod the application's: a
    pod template would keep the webhook away, and the pods would outlive their application (spark-operator#2492).
    """

    kind: ClassVar[str] = "SparkApplication"
    api: ClassVar[tuple[str, str, str]] = (GROUP, VERSION, "sparkapplications")
    pod_label: ClassVar[str] = "sparkoperator.k8s.io/app-name"

    namespace: str
    image: str
    name: str = "gems"
    arguments: tuple[str, ...] = ("--help",)  # of `gems`
    executors: int = 4
    cores: int = 4  # of each executor
    memory_gb: int = 16  # heap of each executor; beside it Python has two fifths of that
    driver_gb: int = 8  # what `gems` holds in the driver, beside 4 of heap and 2 of its own
    disk_gb: int = 100  # of each pod, for what does not fit into memory
    driver_account: str = "preparer"  # may make pods
    executor_account: str = "trainer"  # may not
    pool: str = ""  # of nodes; empty: any
    environment: Mapping[str, str] = field(default_factory=dict)  # of all pods
    deadline_seconds: int = 21_600

    @property
    def size(self) -> str:
        """See `ClusterJob`."""
        return f"a driver and {self.executors} executors with {self.cores} cores each"

    def manifest(self) -> dict[str, Any]:
        """See `ClusterJob`."""
        return {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": self.kind,
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {"app.kubernetes.io/part-of": "hidden-gems"},
            },
            "spec": {
                "type": "Python",
                "mode": "cluster",
                "sparkVersion": SPARK_VERSION,
                "image": self.image,
                "mainApplicationFile": f"local://{_PACKAGES}/{MAIN}",
                "arguments": list(self.arguments),
                "sparkConf": dict(_SPARK),
                "memoryOverheadFactor": "0.4",
                "restartPolicy": {"type": "Never"},  # the step is tried again
                "timeToLiveSeconds": 86_400,
                "volumes": [
                    {"name": "spark-local-dir-1", "emptyDir": {"sizeLimit": f"{self.disk_gb}Gi"}},
                    {"name": "tmp", "emptyDir": {"sizeLimit": "4Gi"}},
                    {"name": "home", "emptyDir": {"sizeLimit": "1Gi"}},
                ],
                "driver": {
                    **self._pod(4, self.driver_account, [_PSEUDONYMS, _SAFE]),
                    "memory": "4g",
                    "memoryOverhead": f"{self.driver_gb + 2}g",
                },
                "executor": {
                    **self._pod(self.cores, self.executor_account, []),
                    "instances": self.executors,
                    "memory": f"{self.memory_gb}g",
                },
            },
        }

    def _pod(self, cores: int, account: str, more: list[dict[str, Any]]) -> dict[str, Any]:
        """What driver and executors have alike."""
        given = [{"name": name, "value": value} for name, value in sorted(self.environment.items())]
        return {
            "cores": cores,
            "coreLimit": str(cores),
            "serviceAccount": account,
            "env": [_REGION, *more, *given],
            "priorityClassName": "gems-batch",
            **({"nodeSelector": {"pool": self.pool}} if self.pool else {}),
            "podSecurityContext": dict(_POD_HELD),
            "securityContext": dict(_HELD),
            "volumeMounts": [
                {"name": "spark-local-dir-1", "mountPath": SCRATCH},
                {"name": "tmp", "mountPath": "/tmp"},
                {"name": "home", "mountPath": "/var/lib/gems"},
            ],
        }

    def ended(self, found: Mapping[str, Any]) -> str | None:
        """See `ClusterJob`."""
        state = _state(found)
        if state["state"] == "COMPLETED":
            return DONE
        if state["state"] == "FAILED":
            return state.get("errorMessage") or "it does not say why"
        return None

    def progress(self, found: Mapping[str, Any]) -> str:
        """See `ClusterJob`."""
        executors = found.get("status", {}).get("executorState", {}).values()
        running = sum(state == "RUNNING" for state in executors)
        return f"{_state(found)['state'].lower() or 'new'}, {running} executors at work"


def _state(found: Mapping[str, Any]) -> Mapping[str, str]:
    state: Mapping[str, str] = found.get("status", {}).get("applicationState", {"state": ""})
    return state
