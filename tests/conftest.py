"""Markers follow folders, every test has a home of its own, and what takes long to build is built once a session."""

import gc
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.chain import Chain
    from tests.stacks import RunningStack

FOLDERS = ("unit", "conformance", "integration", "e2e", "infra", "proofs")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = next((part for part in item.path.parts if part in FOLDERS), None)
        if folder:
            item.add_marker(getattr(pytest.mark, folder))
        shared = "chain" in getattr(item, "fixturenames", ())  # it takes minutes to build: once, in one worker
        item.add_marker(pytest.mark.xdist_group("chain" if shared else str(item.path)))


def pytest_collection_finish() -> None:
    """What was imported stays: no collection needs to look through a million objects of it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Names of homes; who uses one makes it, because a folder for each of thousands of tests takes long."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def _own_home(_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMS_HOME", str(next(_homes)))
    monkeypatch.setenv("GEMS_PSEUDONYM_KEY", "test")


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Chain]":
    """Everything the training pipeline makes of a small simulated city."""
    from tests.integration.chain import built

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GEMS_FEATURE_REPO", str(Path(__file__).parents[1] / "feature_repo"))
        environment.setenv("GEMS_PSEUDONYM_KEY", "test")
        with built(tmp_path_factory.mktemp("chain")) as made:
            yield made


@pytest.fixture(scope="session")
def furnished_home(chain: "Chain", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a release on which nothing runs; copy it before use."""
    from tests.stacks import furnish

    home = tmp_path_factory.mktemp("furnished")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GEMS_FEATURE_REPO", str(Path(__file__).parents[1] / "feature_repo"))
        furnish(chain, home)
    return home


@pytest.fixture(scope="session")
def stack(chain: "Chain", furnished_home: Path, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[RunningStack]":
    """The one stack that integration and e2e tests share."""
    import shutil

    from tests.stacks import people_of, running

    home = tmp_path_factory.mktemp("stack") / "home"
    shutil.copytree(furnished_home, home)
    with running(home, people_of(chain)) as made:
        yield made
