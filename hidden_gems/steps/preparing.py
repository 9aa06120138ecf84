"""The preparation of data at size, here or on a cluster: check a folder, write its training set, at any addresses."""

import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hidden_gems.core.addresses import here, is_local, reading, remove, store
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.contract import DEFAULT_TIMEZONE
from hidden_gems.datasets.door_at_size import DoorConfig, check_to_folder
from hidden_gems.steps.cluster_jobs import ClusterJobs, terminated
from hidden_gems.steps.spark_application import SCRATCH, SparkApplication
from hidden_gems.training import at_size
from hidden_gems.training.at_size import AtSizeConfig

REPORT = "preparation.json"
"""Written last: a folder that has it is complete."""


def prepare(
    data: str, out: str, door: DoorConfig, config: AtSizeConfig, tell: Callable[[str], None] = print
) -> dict[str, Any]:
    """Check a dataset folder of any size and write its training set.

    Args:
        data: Dataset folder, at any fsspec address.
        out: Folder of the training set, at any fsspec address; `checked` in it is the checked dataset. What an engine
            on several machines exchanges with them lies in it meanwhile.
        door: How the folder is checked.
        config: Which rows, and which engine makes them.
        tell: Takes lines for people.

    Returns:
        simulated, engine, counts of `at_size.prepare`, and seconds of both steps; also in `preparation.json`.

    Raises:
        BadInputError: If there is nothing at the address, or a setting is none.
        NotADatasetError: If the folder is no dataset.
        MissingExtraError: If the engine is not installed.
        OutOfMemoryError: If the engine has too little memory.
    """
    begin = time.monotonic()
    remove(f"{out.rstrip('/')}/{REPORT}")
    with tempfile.TemporaryDirectory(prefix="gems-", dir=door.scratch) as name:
        scratch = Path(name)
        folder = here(data, scratch / "data")
        made = Path(out) if is_local(out) else scratch / "out"
        about, warnings = check_to_folder(folder, made / "checked", door)
        checked = time.monotonic()
        simulated = " (simulated)" if about.simulated else ""
        tell(f"{about.name}{simulated} is a dataset; checked in {checked - begin:.0f} s.")
        for warning in warnings:
            tell(f"warning: {warning}")
        shared = "" if is_local(out) else f"{out.rstrip('/')}/exchange"
        engine = replace(config.engine, shared=shared)
        counts = at_size.prepare(made / "checked", made, replace(config, engine=engine))
        seconds = {"check": round(checked - begin, 1), "prepare": round(time.monotonic() - checked, 1)}
        report = {"simulated": about.simulated, "engine": engine.name, "counts": counts, "seconds": seconds}
        (made / REPORT).write_text(json.dumps(report, indent=2) + "\n")
        if not is_local(out):
            store(made, out, last=REPORT)
    return report


@dataclass(frozen=True)
class Preparation:
    """What is prepared; see `gems data prepare`."""

    data: str  # address of a dataset folder
    out: str  # address of the training set
    timezone: str = DEFAULT_TIMEZONE
    max_rejected_share: float = 0.01
    rows: str = "all"

    def arguments(self, memory_gb: int, scratch: str) -> tuple[str, ...]:
        """Command line of `gems` in Spark's driver."""
        flags = {
            "data": self.data,
            "out": self.out,
            "engine": "spark",
            "rows": self.rows,
            "memory": f"{memory_gb}GB",
            "scratch": scratch,
            "timezone": self.timezone,
            "max-rejected": str(self.max_rejected_share),
        }
        return ("data", "prepare", *(part for name, text in flags.items() for part in (f"--{name}", text)))


def prepare_on_cluster(
    preparation: Preparation, application: SparkApplication, jobs: ClusterJobs | None = None
) -> dict[str, Any]:
    """Prepare data on Spark's executors; SIGTERM deletes the application before it ends this process.

    Args:
        preparation: What.
        application: Where, and with how much; its name and arguments are made here.
        jobs: Access to the cluster; by default that of the pod this runs in.

    Returns:
        The report of `prepare`.

    Raises:
        StepFailedError: If the application failed; says why.
        BadInputError: If an address is a folder of this machine, or the cluster refuses the application.
        PartUnavailableError: If the API of the cluster stays away.
    """
    for address in (preparation.data, preparation.out):
        if is_local(address):
            raise BadInputError(
                f"{address} is a folder of one machine; a cluster needs an address, as s3://bucket/folder"
            )
    name = f"gems-prepare-{hashlib.sha256(preparation.out.encode()).hexdigest()[:8]}"  # a step tried again finds it
    arguments = preparation.arguments(application.driver_gb, SCRATCH)
    with terminated():
        (jobs or ClusterJobs()).run(replace(application, name=name, arguments=arguments), tell=_tell)
    with reading(f"{preparation.out.rstrip('/')}/{REPORT}") as file:
        report: dict[str, Any] = json.load(file)
    return report


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
