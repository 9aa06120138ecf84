"""Real processes of ours, and ways to ask them."""

import asyncio
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
from numpy.typing import NDArray

from hidden_gems.cli.processes import child, free_port
from hidden_gems.features.context import CONTEXT_NAMES
from inference.shell.client import Predictor

T = TypeVar("T")
ATTRIBUTES = 88  # of a gem of the small city
PYTHON = os.environ.get("GEMS_TEST_PYTHON", sys.executable)  # of the servers; another environment than the tests'
READY_SECONDS = 120.0  # on a busy machine; what a start may take is measured where it is the point


@dataclass(frozen=True)
class Server:
    """A process that answers."""

    process: "subprocess.Popen[str]"
    port: int
    grpc_port: int
    log: Path
    start_seconds: float  # of processor time until it was ready: the machine may be busy with others

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def metric(self, name: str) -> float:
        """Value of a metric without labels, or of its first line."""
        text = httpx.get(f"{self.url}/metrics").text
        found = re.search(rf"^{name}(\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
        assert found, f"{name} is not among the metrics"
        return float(found[2])

    def addresses(self) -> set[str]:
        """Every address the process listens on, `host:port`."""
        lines = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
        return {line.split()[3] for line in lines if f"pid={self.process.pid}," in line}


@contextmanager
def running(
    module: str,
    releases: Path,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    ports: tuple[int, int] | None = None,
    arguments: tuple[str, ...] = (),
) -> Iterator[Server]:
    """Run `python -m module` until it is ready; it ends with the block."""
    port, grpc_port = ports or (free_port(), free_port())
    told = {
        "GEMS_RELEASES": str(releases), "GEMS_PORT": str(port), "GEMS_GRPC_PORT": str(grpc_port),
        "GEMS_RELEASE_POLL_SECONDS": "0.1", "OMP_NUM_THREADS": "1", **(environment or {}),
    }  # fmt: skip
    path = folder / f"{module}-{time.monotonic_ns()}.log"
    began = time.monotonic()
    with path.open("w") as log, child([PYTHON, "-m", module, *arguments], log, told) as process:
        while not ready(port):
            assert process.poll() is None, path.read_text()
            assert time.monotonic() < began + READY_SECONDS, path.read_text()
            time.sleep(0.02)
        yield Server(process, port, grpc_port, path, _processor_seconds(process.pid))


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def asking(address: str | Server, name: str, use: Callable[[Predictor], Awaitable[T]], **how: Any) -> T:
    """Run `use` with a client in a loop of its own; calls have a second unless told otherwise."""

    async def run() -> T:
        where = address if isinstance(address, str) else f"127.0.0.1:{address.grpc_port}"
        predictor = Predictor(where, name, **{"timeout_seconds": 1.0, **how})
        try:
            return await use(predictor)
        finally:
            await predictor.close()

    return asyncio.run(run())


def request(rows: int, user: int = 1, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Inputs of the served graph."""
    random = np.random.default_rng(seed)
    return {
        "user": np.array([user]),
        "rows": random.integers(30, size=rows),
        "context": random.normal(size=(1, len(CONTEXT_NAMES))).astype(np.float32),
        "history": random.integers(30, size=(1, 20)),
        "ages": np.linspace(9e5, 60.0, 20, dtype=np.float32)[None],
        "new": np.zeros((0, ATTRIBUTES), dtype=np.float32),
    }


def as_json(inputs: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Inputs as the body of a v2 request."""
    kinds = {"i": "INT64", "f": "FP32", "O": "BYTES"}
    tensors = [
        {
            "name": name,
            "shape": list(values.shape),
            "datatype": kinds[values.dtype.kind],
            "data": values.ravel().tolist(),
        }
        for name, values in inputs.items()
    ]
    return {"inputs": tensors}
