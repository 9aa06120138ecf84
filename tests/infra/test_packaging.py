import os
import resource
import subprocess
from pathlib import Path

import pytest

from tests.environments import make_environment
from tests.slowness import slowness

ROOT = Path(__file__).parents[2]
NAMES = "import importlib.metadata as m; print(*[each.name for each in m.distributions()])"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that holds the base install and nothing else."""
    return make_environment(tmp_path_factory.mktemp("base")).parent


def test_the_base_install_is_small(base: Path) -> None:
    listing = subprocess.run([base / "python", "-c", NAMES], capture_output=True, text=True, check=True, cwd="/")
    packages = {name.lower().replace("_", "-") for name in listing.stdout.split()}
    assert {"hidden-gems", "httpx", "pydantic", "typer"} <= packages
    assert len(packages) <= 20, sorted(packages)


def test_help_answers_within_a_second_of_work(base: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

    def seconds() -> float:
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        shown = subprocess.run([base / "gems", "--help"], capture_output=True, text=True, check=True, env=kept)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert all(command in shown.stdout for command in ("demo", "simulate", "train", "evaluate", "rank", "data"))
        return ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime

    assert min(seconds() for _ in range(3)) <= slowness()


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo"],
        ["simulate", "--out", "x"],
        ["train", "--data", "x"],
        ["data", "check", "x"],
        ["evaluate", "--data", "x"],
        ["rank", "--data", "x", "--model", "ncf", "--out", "x.csv"],
        ["pipelines", "compile"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_that_needs_more_names_the_extra(base: Path, tmp_path: Path, arguments: list[str]) -> None:
    done = subprocess.run([base / "gems", *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("gems: this needs the package ")
    assert done.stderr.strip().endswith("pip install 'hidden-gems[train]'")


def test_constraints_hold_no_cuda_and_no_address() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert not [line for line in lines if line.startswith(("nvidia", "triton=", "cuda"))]
    assert not [line for line in lines if "://" in line or line.startswith("-")]


def test_what_the_images_copy_is_in_the_context() -> None:
    lines = (ROOT / "images" / "Containerfile").read_text().splitlines()
    copied = {
        name for line in lines if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]
    }
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)
