"""Environments as people install them, built from what is pinned."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def make_environment(folder: Path, extra: str = "", compiled: bool = True) -> Path:
    """Install our package, with an extra or alone, into a new environment; gives its Python.

    Uncompiled, each module is compiled when a process first imports it: quicker where most are never imported.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    uv = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--quiet", *["--compile-bytecode"] * compiled]
    environment = os.environ | {"UV_FIND_LINKS": os.environ.get("UV_FIND_LINKS", os.environ.get("PIP_FIND_LINKS", ""))}
    package = f"{ROOT}[{extra}]" if extra else str(ROOT)
    command = [*uv, "--python", str(python), "-c", str(ROOT / "constraints.txt"), package]
    subprocess.run(command, check=True, env=environment)
    return python
