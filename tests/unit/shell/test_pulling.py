"""A folder of releases that is kept like an address, whatever happens there."""

import threading
from pathlib import Path
from typing import Any

import pytest

from hidden_gems.export import depot
from hidden_gems.export.release import pointed
from hidden_gems.export.starter import VERSION
from inference.shell.pulling import Pulling, pulled
from inference.shell.settings import ReleaseSettings
from tests.integration.live import eventually
from tests.unit.export.test_depot import release


def settings(tmp_path: Path, **more: Any) -> ReleaseSettings:
    given = {"releases": tmp_path / "here", "releases_from": str(tmp_path / "depot"), "pull_seconds": 0.02}
    return ReleaseSettings(**(given | more))


def version(told: ReleaseSettings) -> str | None:
    found = pointed(told.release_folder(), told.pointer)
    return None if found is None else found.name


def push(tmp_path: Path, name: str) -> None:
    depot.push(release(tmp_path / "made", name), str(tmp_path / "depot"))
    depot.name(str(tmp_path / "depot"), "stable", name)


def test_it_waits_for_the_first_release_and_follows(tmp_path: Path) -> None:
    told = settings(tmp_path)
    begun = threading.Thread(target=lambda: made.append(Pulling(told).start()), daemon=True)
    made: list[Pulling] = []
    begun.start()
    begun.join(0.2)
    assert begun.is_alive()
    push(tmp_path, "2026-05-04.1")
    begun.join(10)
    assert version(told) == "2026-05-04.1"
    push(tmp_path, "2026-05-05.1")
    eventually(lambda: version(told) == "2026-05-05.1", 10)
    made[0].stop()


def test_the_starter_answers_until_a_release_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = settings(tmp_path, starter=True)
    pulling = Pulling(told).start()
    assert version(told) == VERSION
    push(tmp_path, "2026-05-04.1")
    eventually(lambda: version(told) == "2026-05-04.1", 10)
    pulling.stop()
    with caplog.at_level("WARNING"):
        (tmp_path / "depot" / "stable").write_text("2026-05-09.1\n")  # nobody pushed it
        again = Pulling(told).start()  # the release that is here goes on
        again.stop()
    assert version(told) == "2026-05-04.1"
    assert "has no release 2026-05-09.1" in caplog.text


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    pulled(settings(tmp_path, releases_from=""))
    assert not (tmp_path / "here").exists()
    pulled(settings(tmp_path, releases_from="", starter=True))
    assert version(settings(tmp_path)) == VERSION
