"""A small HTTP server that plays the part of the Kubernetes API which jobs of a cluster need."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes.client import ApiClient, Configuration

from hidden_gems.steps.cluster_jobs import ClusterJobs

JOBS = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/team/trainjobs"


def condition(kind: str, reason: str = "JobsCompleted", message: str = "done", status: str = "True") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


class Cluster(ThreadingHTTPServer):
    """The part of the Kubernetes API that a job needs; each look at a job takes the next of `stages`."""

    daemon_threads = True
    path = JOBS

    def __init__(self, *stages: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.stages, self.looks = list(stages), 0
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pods: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.asked: list[str] = []
        self.broken = 0  # how many of the next answers are a 503
        self.refuses = False

    def work(self, job: dict[str, Any]) -> None:
        """What the nodes do."""

    def look(self, name: str) -> dict[str, Any] | None:
        job = self.jobs.get(name)
        if job is not None and "status" not in job:
            self.looks += 1
            return job | {"status": self.stages[min(self.looks, len(self.stages)) - 1]}
        return job


class _Api(BaseHTTPRequestHandler):
    server: "Cluster"

    def _answer(self, code: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _is_broken(self) -> bool:
        if not self.server.broken:
            return False
        self.server.broken -= 1
        self._answer(503, {"message": "etcd has no leader"})
        return True

    def do_GET(self) -> None:
        if self._is_broken():
            return
        if "/pods" in self.path:
            self.server.asked.append(self.path)
            self._answer(200, {"kind": "PodList", "items": self.server.pods})
            return
        job = self.server.look(self.path.rpartition("/")[2])
        self._answer(200, job) if job else self._answer(404, {"reason": "NotFound"})

    def do_POST(self) -> None:
        job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.refuses:
            self._answer(422, {"message": "spec.trainer.numNodes: must be at least 1"})
            return
        assert self.path == self.server.path
        self.server.jobs[job["metadata"]["name"]] = job
        self.server.work(job)
        self._answer(201, job)

    def do_DELETE(self) -> None:
        path, _, query = self.path.partition("?")
        assert query == "propagationPolicy=Foreground"
        name = path.rpartition("/")[2]
        self.server.deleted.append(name)
        self._answer(200, {}) if self.server.jobs.pop(name, None) else self._answer(404, {"reason": "NotFound"})

    def log_message(self, *_: Any) -> None:
        pass


def jobs_of(cluster: Cluster, patience_seconds: float = 5.0) -> ClusterJobs:
    """Access to it, without waiting."""
    configuration = Configuration(host=f"http://127.0.0.1:{cluster.server_address[1]}")
    configuration.retries = 0
    return ClusterJobs(ApiClient(configuration), poll_seconds=0.01, patience_seconds=patience_seconds)
