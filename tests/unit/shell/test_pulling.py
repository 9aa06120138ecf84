"""What a process has in its folder before it starts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hidden_gems.core.errors import ReleaseError
from hidden_gems.export import depot
from hidden_gems.export.release import pointed
from hidden_gems.export.starter import VERSION
from inference.shell import pulling
from inference.shell.pulling import pulled
from inference.shell.settings import ReleaseSettings
from tests import buckets
from tests.unit.export.test_depot import release


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with buckets.bucket("pulled") as address:
        yield address


def settings(tmp_path: Path, **more: Any) -> ReleaseSettings:
    return ReleaseSettings(releases=tmp_path / "here", **more)


def version(told: ReleaseSettings) -> str | None:
    found = pointed(told.release_folder(), told.pointer)
    return None if found is None else found.name


@pytest.mark.parametrize("pointer", ["stable", "canary"])
def test_the_release_it_is_told_is_pulled_and_named(bucket: str, tmp_path: Path, pointer: str) -> None:
    for name in ("2026-05-04.1", "2026-05-05.1"):
        depot.push(release(tmp_path / "made", name), f"{bucket}/{tmp_path.name}")
        told = settings(tmp_path, release=f"{bucket}/{tmp_path.name}/{name}/", pointer=pointer, starter=True)
        pulled(told)
        assert version(told) == name


def test_a_store_that_is_away_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depot.push(release(tmp_path / "made", "2026-05-04.1"), str(tmp_path / "depot"))
    real, tried = depot.pull, []

    def away_twice(*arguments: Any) -> Path:
        tried.append(arguments)
        if len(tried) < 3:
            raise OSError("timed out")
        return real(*arguments)

    monkeypatch.setattr(depot, "pull", away_twice)
    monkeypatch.setattr(pulling, "AGAIN_SECONDS", 0.0)
    told = settings(tmp_path, release=str(tmp_path / "depot" / "2026-05-04.1"))
    pulled(told)
    assert (version(told), len(tried)) == ("2026-05-04.1", 3)


def test_a_release_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    told = settings(tmp_path, release=str(tmp_path / "depot" / "2026-05-09.1"), starter=True)
    with pytest.raises(ReleaseError, match=r"has no release 2026-05-09\.1"):
        pulled(told)
    assert version(told) is None


def test_an_address_that_is_none_is_not_asked_again(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="gopher"):
        pulled(settings(tmp_path, release="gopher://depot/2026-05-04.1"))


def test_the_starter_answers_where_nothing_is_named_and_steps_back(tmp_path: Path) -> None:
    pulled(settings(tmp_path))
    assert not (tmp_path / "here").exists()
    told = settings(tmp_path, starter=True)
    pulled(told)
    assert version(told) == VERSION
    depot.push(release(tmp_path / "made", "2026-05-04.1"), str(tmp_path / "here"))
    depot.name(str(tmp_path / "here"), "stable", "2026-05-04.1")
    pulled(told)
    assert version(told) == "2026-05-04.1"


def test_servers_begin_with_it(tmp_path: Path) -> None:
    from inference.ranker.service import load_ranking
    from inference.shell.release import watch
    from inference.shell.settings import ServerSettings

    told = ServerSettings(port=1, grpc_port=2, releases=tmp_path, starter=True, environment="production")
    watcher = watch(told, load_ranking)
    assert watcher.current.version == VERSION
    watcher.stop()
