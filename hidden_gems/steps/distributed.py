"""The step that fits one deep model in several processes, here or on a cluster."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hidden_gems.core.addresses import fetch, store
from hidden_gems.core.errors import BadInputError, StepFailedError
from hidden_gems.steps.cluster_jobs import ClusterJobs, terminated
from hidden_gems.steps.fitting import REPORT
from hidden_gems.steps.train_job import TrainJob

_GRACE_SECONDS = 40.0
"""torchrun gives its workers 30."""


@dataclass(frozen=True)
class Place:
    """Where the processes run."""

    where: str  # `local` or `cluster`
    processes: int = 2  # on each machine
    nodes: int = 1  # machines; 1 where it is this one
    gpus: int = 0  # of each node of a cluster
    work: str = ""  # folder for checkpoints; every node of a cluster reaches it and takes the data from there
    namespace: str = ""
    image: str = ""
    service_account: str = ""
    environment: Mapping[str, str] | None = None  # of the pods
    deadline_seconds: int = 21_600


@dataclass(frozen=True)
class Fit:
    """What is fitted; see `fitting.FitConfig`."""

    model: str
    until: str = "test"
    seed: int = 0
    preset: str = "auto"
    loop: str = "{}"  # JSON
    mlflow: str = ""

    def arguments(self, checked: str, out: str, work: str) -> list[str]:
        """Command line of `hidden_gems.steps.fit`."""
        flags = {
            "model": self.model,
            "checked": checked,
            "out": out,
            "until": self.until,
            "seed": str(self.seed),
            "preset": self.preset,
            "loop": self.loop,
        }
        if work:
            flags["checkpoint"] = f"{work}/checkpoints"
        if self.mlflow:
            flags["mlflow"] = self.mlflow
        return ["-m", "hidden_gems.steps.fit", *(part for name, text in flags.items() for part in (f"--{name}", text))]


def train_distributed(
    checked: Path, out: Path, fit: Fit, place: Place, jobs: ClusterJobs | None = None
) -> dict[str, Any]:
    """Fit a model in several processes and put its folder into `out`.

    SIGTERM ends the processes, or deletes the job, before it ends this one.

    Args:
        checked: Folder of the checked dataset.
        out: Folder of the model.
        fit: What is fitted.
        place: Where.
        jobs: Access to the cluster; by default that of the pod this runs in.

    Returns:
        The report of `fitting.fit_deep`.

    Raises:
        StepFailedError: If the processes failed; says where or why.
        BadInputError: If the place is not complete.
    """
    with terminated():
        if place.where == "local":
            _run_here(fit.arguments(str(checked), str(out), place.work), place.processes)
        elif place.where == "cluster":
            _run_there(checked, out, fit, place, jobs or ClusterJobs())
        else:
            raise BadInputError(f"where must be local or cluster, got {place.where!r}")
    report: dict[str, Any] = json.loads((out / REPORT).read_text())
    return report


def _run_here(arguments: list[str], processes: int) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    group = subprocess.Popen([*launcher, *arguments], start_new_session=True, stdout=sys.stderr.fileno())
    try:
        code = group.wait()
    finally:
        _end(group)
    if code:
        raise StepFailedError(f"training in {processes} processes ended with exit code {code}; its log is above")


def _end(group: subprocess.Popen[bytes]) -> None:
    """End a launcher and its workers; nothing happens where they are over."""
    if group.poll() is not None:
        return
    group.terminate()  # torchrun passes it on to its workers
    try:
        group.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(group.pid, signal.SIGKILL)
        group.wait()


def _run_there(checked: Path, out: Path, fit: Fit, place: Place, jobs: ClusterJobs) -> None:
    missing = [name for name in ("work", "namespace", "image") if not getattr(place, name)]
    if missing:
        raise BadInputError(f"a cluster needs {', '.join(missing)}")
    work = place.work.rstrip("/")
    store(checked, f"{work}/checked")
    job = TrainJob(
        name=job_name(fit.model, work),
        namespace=place.namespace,
        image=place.image,
        arguments=tuple(fit.arguments(f"{work}/checked", f"{work}/model", work)),
        nodes=place.nodes,
        processes=place.processes,
        gpus=place.gpus,
        service_account=place.service_account,
        environment=place.environment or {},
        deadline_seconds=place.deadline_seconds,
    )
    jobs.run(job, tell=_tell)
    fetch(f"{work}/model", out)


def job_name(model: str, work: str) -> str:
    """Name of a job in a cluster: the same for the same model and folder, so a step that is tried again finds its job.

    Examples:
        >>> job_name("wide_deep", "s3://bucket/runs/a")
        'gems-wide-deep-de961c69'
    """
    return f"gems-{model.replace('_', '-')}-{hashlib.sha256(work.encode()).hexdigest()[:8]}"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
