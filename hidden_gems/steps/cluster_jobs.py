"""Jobs that others run on a cluster: an object of the Kubernetes API is made, watched, deleted when nobody waits."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol

from hidden_gems.core.errors import BadInputError, PartUnavailableError, StepFailedError

DONE = "done"


class ClusterJob(Protocol):
    """An object that a controller of the cluster turns into pods."""

    @property
    def name(self) -> str:
        """Of the object."""

    @property
    def namespace(self) -> str:
        """Of the object and its pods."""

    @property
    def deadline_seconds(self) -> int:
        """How long it may take."""

    @property
    def kind(self) -> str:
        """As people call it."""

    @property
    def api(self) -> tuple[str, str, str]:
        """Group, version and plural of its kind."""

    @property
    def pod_label(self) -> str:
        """Label that its pods bear, with its name as the value."""

    @property
    def size(self) -> str:
        """What it consists of, for people."""

    def manifest(self) -> dict[str, Any]:
        """The object that the API is asked to create."""

    def ended(self, found: Mapping[str, Any]) -> str | None:
        """`DONE`, or why it failed; None while it is at work."""

    def progress(self, found: Mapping[str, Any]) -> str:
        """What is at work."""


class ClusterJobs:
    """Jobs of a cluster.

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

    def run(self, job: ClusterJob, tell: Callable[[str], None] = print) -> None:
        """Create a job and wait for its end; whatever ends the waiting early (SIGTERM included) deletes it.

        A job of that name which is still at work is waited for: a step that was started again goes on with it.

        Raises:
            StepFailedError: If the job failed, or was not done by its deadline; says why its pods ended, where they do.
            PartUnavailableError: If the API stays away.
            BadInputError: If the API refuses the job.
        """
        self._create(job, tell)
        try:
            self._wait(job, tell)
        except BaseException:
            self.delete(job)
            raise

    def delete(self, job: ClusterJob) -> None:
        """Delete a job with its pods; it may be gone already."""
        self._call(self._jobs.delete_namespaced_custom_object, job, propagation_policy="Foreground")

    def _create(self, job: ClusterJob, tell: Callable[[str], None]) -> None:
        from kubernetes.client import ApiException

        left = self._call(self._jobs.get_namespaced_custom_object, job)
        if left is not None and job.ended(left) is None:
            tell(f"{job.kind} {job.name} is there already; waiting for it")
            return
        if left is not None:  # of an earlier try
            self.delete(job)
            while self._call(self._jobs.get_namespaced_custom_object, job) is not None:
                time.sleep(self.poll_seconds)
        group, version, plural = job.api
        try:
            self._jobs.create_namespaced_custom_object(group, version, job.namespace, plural, job.manifest())
        except ApiException as error:
            raise BadInputError(f"the cluster refuses {job.kind} {job.name}: {error.body or error.reason}") from error
        tell(f"{job.kind} {job.name} made: {job.size}")

    def _wait(self, job: ClusterJob, tell: Callable[[str], None]) -> None:
        told, began = "", time.monotonic()
        while True:
            found = self._call(self._jobs.get_namespaced_custom_object, job)
            if found is None:
                raise StepFailedError(f"{job.kind} {job.name} was deleted while it ran")
            ended = job.ended(found)
            if ended == DONE:
                return
            if ended is not None:
                raise StepFailedError(f"{job.kind} {job.name} failed: {ended}{self._pod_reasons(job)}")
            now = f"{job.kind} {job.name}: {job.progress(found)}{self._pod_reasons(job)}"
            if now != told:
                tell(now)
                told = now
            if time.monotonic() - began > job.deadline_seconds:
                raise StepFailedError(f"{now}; not done within {job.deadline_seconds} seconds")
            time.sleep(self.poll_seconds)

    def _pod_reasons(self, job: ClusterJob) -> str:
        """Why pods ended or cannot start, in brackets; empty where all is well."""
        from kubernetes.client import ApiException

        try:
            pods = self._pods.list_namespaced_pod(job.namespace, label_selector=f"{job.pod_label}={job.name}").items
        except ApiException as error:
            return f" (its pods cannot be read: {error.reason})"
        reasons = sorted(reason for pod in pods for reason in _reasons(pod))
        return f" ({'; '.join(reasons)})" if reasons else ""

    def _call(self, verb: Callable[..., Any], job: ClusterJob, **more: Any) -> Any:
        """Call the API about a job, again while it is away; None where there is no such job."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        (group, version, plural), began = job.api, time.monotonic()
        while True:
            try:
                return verb(group, version, job.namespace, plural, job.name, _request_timeout=30, **more)
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


@contextmanager
def terminated() -> Iterator[None]:
    """Inside, SIGTERM is an exception, so that what was started can be ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
