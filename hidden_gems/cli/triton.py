"""The real Triton on this machine, out of a wheel and without a container."""

import fcntl
import os
import shutil
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hidden_gems.cli.processes import child, free_port
from hidden_gems.core.errors import HiddenGemsError

PACKAGES = ("nvidia-pytriton==0.7.0", "numpy==1.26.4", "onnxruntime==1.32.0")
"""Triton 2.51 and what our backend needs beside it."""
BACKEND = Path(__file__).with_name("triton_backend.py")
START_SECONDS, INSTALL_SECONDS = 60.0, 600.0


@dataclass(frozen=True)
class Triton:
    """Where a running Triton listens, each `host:port` on loopback."""

    http: str
    grpc: str
    metrics: str


def install_triton(folder: Path) -> Path:
    """Put Triton into an environment of its own under `folder`, 450 MB, unless it is there.

    Returns:
        The Python of that environment.

    Raises:
        HiddenGemsError: If pip cannot install it; says pip's last line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    python, done = folder / "venv" / "bin" / "python", folder / "installed"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists() and done.read_text() == "\n".join(PACKAGES):
            return python
        venv.create(folder / "venv", clear=True, with_pip=True, symlinks=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--only-binary=:all:", *PACKAGES]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise HiddenGemsError(f"Triton could not be installed in {INSTALL_SECONDS:.0f} s") from error
        if ran.returncode:
            said = (ran.stderr.strip() or "pip said nothing").splitlines()[-1]
            raise HiddenGemsError(f"Triton could not be installed: {said}")
        done.write_text("\n".join(PACKAGES))
    return python


@contextmanager
def triton_server(
    repository: Path, folder: Path, ports: tuple[int, int, int] | None = None, log: Path | None = None
) -> Iterator[Triton]:
    """Serve every model of a model repository, as it is, on loopback.

    Args:
        repository: `<name>/config.pbtxt` and `<name>/<version>/model.onnx` for each model.
        folder: Where Triton is, or will be installed.
        ports: HTTP, gRPC, metrics; free ones if not given.
        log: What Triton says; a file under `folder` if not given.

    Raises:
        HiddenGemsError: If it cannot be installed or does not start.
    """
    python = install_triton(folder)
    site = Path(_sitepackages(python))
    root = site / "pytriton" / "tritonserver"
    backends = _lay_out(root, folder / "backends")
    http, grpc, metrics = ports or (free_port(), free_port(), free_port())
    command = [
        str(root / "bin" / "tritonserver"),
        f"--model-repository={repository.absolute()}",
        f"--backend-directory={backends}",
        "--disable-auto-complete-config",
        *(f"--{name}-address=127.0.0.1" for name in ("http", "grpc", "metrics")),
        f"--http-port={http}",
        f"--grpc-port={grpc}",
        f"--metrics-port={metrics}",
    ]
    libraries = f"{site / 'nvidia_pytriton.libs'}:{sysconfig.get_config_var('LIBDIR')}"
    # the stub of the backend finds its interpreter as python3 on PATH and heeds nothing else
    environment = {"LD_LIBRARY_PATH": libraries, "PATH": f"{python.parent}:/usr/bin:/bin"}
    path = log or folder / "triton.log"
    with path.open("w") as output, child(command, output, environment) as process:
        deadline = time.monotonic() + START_SECONDS
        while not _ready(http):
            if process.poll() is not None or time.monotonic() > deadline:
                raise HiddenGemsError(f"Triton did not start; its log is {path}")
            time.sleep(0.1)
        yield Triton(*(f"127.0.0.1:{port}" for port in (http, grpc, metrics)))


def _sitepackages(python: Path) -> str:
    minor = sysconfig.get_python_version()
    return str(python.parent.parent / "lib" / f"python{minor}" / "site-packages")


def _lay_out(root: Path, backends: Path) -> Path:
    """The Python backend, and ours under the name that configurations ask for.

    By rename, file by file: another Triton may be running on the same files.
    """
    stub = root / "python_backend_stubs" / sysconfig.get_python_version() / "triton_python_backend_stub"
    utilities = root / "backends" / "python" / "triton_python_backend_utils.py"
    files = {
        backends / "python": (utilities, stub, root / "backends" / "python" / "libtriton_python.so"),
        backends / "onnxruntime": (utilities, stub, BACKEND),
    }
    for folder, sources in files.items():
        folder.mkdir(parents=True, exist_ok=True)
        for source in sources:
            name = "model.py" if source == BACKEND else source.name
            draft = folder / f".{name}-{os.getpid()}"
            shutil.copy2(source, draft)
            draft.replace(folder / name)
    return backends


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
