"""What is in the images is enough: environments of their install steps train a release, serve it, keep the contract."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from hidden_gems.cli.processes import child, free_port, kafka_broker, redis_server
from hidden_gems.export import depot
from hidden_gems.streaming.kafka import create_topics
from tests.integration.live import eventually

ROOT = Path(__file__).parents[2]
READY_SECONDS = 180.0
CONTRACT = ("test_transformer.py", "test_ranker_server.py", "test_deep_server.py", "test_collector.py")
"""Tests that ask processes over the wire, of `tests/integration`."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("images")
    yield made
    shutil.rmtree(made)  # gigabytes


@pytest.fixture(scope="module")
def online(folder: Path) -> Path:
    return installed(folder, "serve")


def installed(folder: Path, extra: str) -> Path:
    """An environment by the steps that the Containerfile runs, from a copy of what it copies."""
    source = folder / f"source-{extra}"
    for name in ("hidden_gems", "components", "inference", "pipelines", "feature_repo"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    told = {"UV_FIND_LINKS": os.environ.get("UV_FIND_LINKS", os.environ.get("PIP_FIND_LINKS", ""))}
    command = ["sh", str(ROOT / "images" / "install.sh"), extra, str(folder / extra)]
    subprocess.run(command, cwd=source, env=os.environ | told, check=True)
    shutil.rmtree(source)
    return folder / extra


def environment(made: Path, home: Path) -> dict[str, str]:
    """As the Containerfile sets it; nothing of the checkout is in reach."""
    return {
        "PATH": f"{made}/bin:/usr/local/bin:/usr/bin:/bin", "GEMS_FEATURE_REPO": str(made / "feature_repo"),
        "GEMS_HOME": str(home), "HOME": str(home), "OMP_NUM_THREADS": "1", "PYTHONPATH": "",
        "GEMS_PSEUDONYM_KEY": "test", "GEMS_TOKEN_KEYS": "token-key", "GEMS_API_KEYS": "backend:a-key",
    }  # fmt: skip


def test_one_trains_by_the_compiled_pipeline_and_the_other_serves(folder: Path, online: Path) -> None:
    train = installed(folder, "train")
    lists = {made: _packages(made) for made in (train, online)}
    assert {"torch", "kfp", "mlflow"} <= lists[train]
    assert not {"torch", "kfp", "mlflow", "pytest", "moto"} & lists[online]
    home = folder / "home"
    home.mkdir()
    told = environment(train, home)
    simulate = [str(train / "bin" / "gems"), "simulate", "--people", "120", "--days", "12", "--out", str(home / "city")]
    subprocess.run(simulate, env=told, cwd=home, check=True)
    with redis_server(folder / "redis") as redis, kafka_broker(folder / "broker", free_port()) as broker:
        create_topics(broker)
        arguments = {
            "dataset_uri": str(home / "city"), "models": "ncf", "redis": redis, "feast_folder": str(home / "feast"),
            "releases_uri": str(home / "releases"), "mlflow_uri": f"sqlite:///{home}/mlflow.db",
        }  # fmt: skip
        run = [
            str(train / "bin" / "python"), "-m", "pipelines.run", str(ROOT / "pipelines/compiled/training.yaml"),
            "--arguments", json.dumps(arguments), "--root", str(home / "runs"),
        ]  # fmt: skip
        done = subprocess.run(run, env=told, cwd=home, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        [version] = depot.versions(str(home / "releases"))
        _serve(online, home, redis, broker, version)


def test_the_other_keeps_the_contract(online: Path) -> None:
    """The tests of the contract in this environment, of servers that run in the other one."""
    python = str(online / "bin" / "python")
    told = os.environ | {"GEMS_TEST_PYTHON": python, "PYTHONPATH": "", "PYTHONSAFEPATH": "1"}  # nothing of the checkout
    where = [python, "-c", "import hidden_gems, inference; print(hidden_gems.__file__, inference.__file__)"]
    found = subprocess.run(where, env=told, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert all(each.startswith(str(online)) for each in found)
    tests = [str(ROOT / "tests" / "integration" / name) for name in CONTRACT]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, env=told, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def _serve(online: Path, home: Path, redis: str, broker: str, version: str) -> None:
    """Deep, ranker and transformer of the other environment, told the release by its address alone."""
    ports = {name: (free_port(), free_port()) for name in ("deep", "ranker", "transformer")}
    told = environment(online, home) | {
        "GEMS_REDIS": redis, "GEMS_KAFKA": broker, "GEMS_RELEASE": f"{home}/releases/{version}",
        "GEMS_DEEP": f"127.0.0.1:{ports['deep'][1]}", "GEMS_RANKER": f"127.0.0.1:{ports['ranker'][1]}",
        "GEMS_PART_SECONDS": "2", "GEMS_STORE_SECONDS": "2", "GEMS_ANSWER_SECONDS": "6",
    }  # fmt: skip
    with ExitStack() as running:
        for name, (port, grpc) in ports.items():
            mine = told | {
                "GEMS_PORT": str(port), "GEMS_GRPC_PORT": str(grpc), "GEMS_SPOOL": str(home / "spool"),
                "GEMS_RELEASES": str(home / f"served-{name}"),
            }  # fmt: skip
            command = [str(online / "bin" / "python"), "-m", f"inference.{name}"]
            log = running.enter_context((home / f"{name}.log").open("w"))
            running.enter_context(child(command, log, mine))
        for name, (port, _) in ports.items():
            eventually(lambda port=port: _ready(port), READY_SECONDS)  # type: ignore[misc]
            assert "Traceback" not in (home / f"{name}.log").read_text()
        asked = {"instances": [{"user_id": "somebody", "limit": 5, "explain": "full"}]}
        url = f"http://127.0.0.1:{ports['transformer'][0]}/v1/models/hidden-gems:predict"
        [found] = httpx.post(url, json=asked, timeout=30).json()["predictions"]
        assert (found["release"], found["degraded"], len(found["items"])) == (version, [], 5)
        assert all(each["explanation"]["text"] for each in found["items"])


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _packages(made: Path) -> set[str]:
    """Names of everything that is installed."""
    code = "import importlib.metadata as m; print(*{d.metadata['Name'].lower() for d in m.distributions()})"
    found = subprocess.run([str(made / "bin" / "python"), "-c", code], capture_output=True, text=True, check=True)
    return set(found.stdout.split())
