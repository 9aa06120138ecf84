import logging
import threading
import time
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from hidden_gems.core.errors import PartUnavailableError, ReleaseError
from hidden_gems.export.release import Release, point
from inference.shell.release import POLL_SECONDS, ReleaseWatcher, local_only, watch
from inference.shell.settings import ServerSettings
from tests.releases import released

FAR = 3600.0


def read(folder: Path, release: Release) -> str:
    assert release.version == folder.name
    return (folder / "number").read_text()


def refused() -> float:
    return REGISTRY.get_sample_value("gems_release_refused_total") or 0.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for _ in range(3):
        released(tmp_path / "releases")
    point(tmp_path / "releases", "stable", "2026-05-04.1")
    return tmp_path / "releases"


def following(folder: Path, poll_seconds: float = FAR) -> ReleaseWatcher[str]:
    return ReleaseWatcher(folder, "stable", read, poll_seconds=poll_seconds).start()


def test_the_pointed_release_is_loaded_at_the_start(folder: Path) -> None:
    watcher = following(folder)
    held = watcher.current
    assert (held.value, held.version, held.folder, held.release.version) == (
        "1", "2026-05-04.1", folder / "2026-05-04.1", "2026-05-04.1",
    )  # fmt: skip
    assert watcher.held == (held,)
    assert REGISTRY.get_sample_value("gems_release_info", {"version": "2026-05-04.1"}) == 1
    assert watcher.check() is False
    assert watcher.current is held
    watcher.stop()


@pytest.mark.parametrize("pointer", [None, "2026-05-04.9"])
def test_without_a_release_it_does_not_start(tmp_path: Path, pointer: str | None) -> None:
    if pointer:
        (tmp_path / "stable").write_text(pointer)
    with pytest.raises(ReleaseError, match=r"names no release|is no release"):
        following(tmp_path)


def test_it_turns_to_another_release_and_keeps_the_one_before(folder: Path) -> None:
    watcher = following(folder)
    first = watcher.current
    point(folder, "stable", "2026-05-04.2")
    assert watcher.check() is True
    second = watcher.current
    assert (second.value, watcher.held) == ("2", (second, first))
    assert REGISTRY.get_sample_value("gems_release_info", {"version": "2026-05-04.2"}) == 1
    assert REGISTRY.get_sample_value("gems_release_info", {"version": "2026-05-04.1"}) == 0
    point(folder, "stable", "2026-05-04.3")
    assert watcher.check() is True
    assert [each.value for each in watcher.held] == ["3", "2"]
    assert watcher.of(None).value == watcher.of("2026-05-04.3").value == "3"
    assert watcher.of("2026-05-04.2") is second
    with pytest.raises(PartUnavailableError, match="does not hold the release"):
        watcher.of("2026-05-04.1")


def test_the_way_back_loads_nothing(folder: Path) -> None:
    loads: list[str] = []

    def counted(path: Path, release: Release) -> str:
        loads.append(release.version)
        return release.version

    watcher = ReleaseWatcher(folder, "stable", counted, poll_seconds=FAR).start()
    first = watcher.current
    point(folder, "stable", "2026-05-04.2")
    watcher.check()
    point(folder, "stable", "2026-05-04.1")
    assert watcher.check() is True
    assert watcher.current is first
    assert [each.version for each in watcher.held] == ["2026-05-04.1", "2026-05-04.2"]
    assert loads == ["2026-05-04.1", "2026-05-04.2"]


def test_a_release_whose_hashes_are_wrong_is_refused_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    watcher, before = following(folder), refused()
    first = watcher.current
    point(folder, "stable", "2026-05-04.2")
    (folder / "2026-05-04.2" / "number").write_text("two")
    with caplog.at_level(logging.ERROR, logger="gems"):
        assert [watcher.check() for _ in range(3)] == [False] * 3
    assert (watcher.current, watcher.held) == (first, (first,))
    assert refused() == before + 1
    assert caplog.text.count("release 2026-05-04.2 is refused, 2026-05-04.1 goes on") == 1
    assert "number is not what release.json lists" in caplog.text
    (folder / "2026-05-04.2" / "number").write_text("2")  # mended, and pointed at again
    time.sleep(0.01)
    point(folder, "stable", "2026-05-04.2")
    assert watcher.check() is True
    assert watcher.current.value == "2"


def test_what_cannot_be_loaded_is_refused_whatever_it_raises(folder: Path) -> None:
    def picky(path: Path, release: Release) -> str:
        if release.version.endswith(".2"):
            raise ZeroDivisionError
        return release.version

    watcher, before = ReleaseWatcher(folder, "stable", picky, poll_seconds=FAR).start(), refused()
    point(folder, "stable", "2026-05-04.2")
    assert watcher.check() is False
    assert (watcher.current.value, refused()) == ("2026-05-04.1", before + 1)
    point(folder, "stable", "2026-05-04.3")
    assert watcher.check() is True


def test_a_release_under_another_name_is_refused(folder: Path) -> None:
    watcher = following(folder)
    (folder / "2026-05-04.2").rename(folder / "2026-05-04.7")
    point(folder, "stable", "2026-05-04.7")
    assert watcher.check() is False
    assert watcher.current.value == "1"


@pytest.mark.parametrize("content", [None, "2026-05-04.9"])
def test_a_pointer_that_is_gone_or_names_nothing_changes_nothing(folder: Path, content: str | None) -> None:
    watcher = following(folder)
    if content is None:
        (folder / "stable").unlink()
    else:
        (folder / "stable").write_text(content)
    assert watcher.check() is False
    assert watcher.current.value == "1"
    point(folder, "stable", "2026-05-04.2")
    assert watcher.check() is True


def test_its_thread_follows_the_pointer(folder: Path) -> None:
    threads = threading.active_count()
    watcher = following(folder, poll_seconds=0.01)
    assert threading.active_count() == threads + 1
    point(folder, "stable", "2026-05-04.2")
    deadline = time.monotonic() + 5
    while watcher.current.value != "2" and time.monotonic() < deadline:
        time.sleep(0.005)
    assert watcher.current.value == "2"
    watcher.stop()
    point(folder, "stable", "2026-05-04.3")
    time.sleep(0.05)
    assert watcher.current.value == "2"
    assert threading.active_count() == threads


def test_asking_for_a_release_it_does_not_hold_makes_it_look_at_once(folder: Path) -> None:
    watcher = following(folder)
    point(folder, "stable", "2026-05-04.2")
    with pytest.raises(PartUnavailableError):
        watcher.of("2026-05-04.2")
    deadline = time.monotonic() + 5
    while watcher.current.value != "2" and time.monotonic() < deadline:
        time.sleep(0.005)
    assert watcher.of("2026-05-04.2").value == "2"
    watcher.stop()


@pytest.mark.parametrize(("environment", "simulated", "fine"), [
    ("local", True, True), ("local", False, True), ("production", False, True), ("production", True, False),
    ("staging", True, False),
])  # fmt: skip
def test_simulated_data_serve_locally_only(tmp_path: Path, environment: str, simulated: bool, fine: bool) -> None:
    released(tmp_path, simulated=simulated)
    point(tmp_path, "canary", "2026-05-04.1")
    settings = ServerSettings(
        port=1, grpc_port=2, releases=tmp_path, pointer="canary", environment=environment, release_poll_seconds=FAR
    )
    if fine:
        assert watch(settings, read).current.value == "1"
    else:
        with pytest.raises(ReleaseError, match=f"trained on simulated data: refused in '{environment}'"):
            watch(settings, read)


def test_a_simulated_release_is_refused_while_another_serves(tmp_path: Path) -> None:
    released(tmp_path)
    released(tmp_path, simulated=True)
    point(tmp_path, "stable", "2026-05-04.1")
    watcher = ReleaseWatcher(tmp_path, "stable", read, poll_seconds=FAR, accept=local_only("production")).start()
    point(tmp_path, "stable", "2026-05-04.2")
    assert watcher.check() is False
    assert watcher.current.version == "2026-05-04.1"


def test_defaults() -> None:
    assert POLL_SECONDS == ServerSettings(port=1, grpc_port=2).release_poll_seconds == 1.0
