"""Releases in a bucket: whole or not there, pulled once, followed by a pointer."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hidden_gems.core.addresses import filesystem
from hidden_gems.core.errors import ReleaseError
from hidden_gems.datasets.dataset import About
from hidden_gems.export import depot
from hidden_gems.export.release import MANIFEST, Release, hash_files, load, write_manifest
from tests import buckets


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with buckets.bucket("releases") as address:
        yield address


@pytest.fixture(params=["s3", "folder"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "depot")
    found: str = request.getfixturevalue("bucket")
    return f"{found}/{tmp_path.name}"


ESTIMATE = {
    "reward": "a click or more", "estimator": "DR", "value": 0.07, "low": 0.05, "high": 0.09, "logged_value": 0.05,
    "logged_low": 0.04, "logged_high": 0.06, "difference_value": 0.02, "difference_low": -0.01, "difference_high": 0.05,
}  # fmt: skip
WORSE = ESTIMATE | {"value": 0.02, "difference_value": -0.03, "difference_low": -0.04, "difference_high": -0.01}
NONE = {"why_none": "no slate of the log has propensities"}


def release(folder: Path, version: str, text: str = "one", estimate: Mapping[str, Any] = ESTIMATE) -> Path:
    """A small whole release."""
    made = folder / version
    (made / "tables").mkdir(parents=True)
    (made / "tables" / "items.json").write_text(text)
    about = About("town", "Europe/Istanbul", "f")
    write_manifest(Release(version, "", "", about, 0, "s", (), {}, {}, hash_files(made), estimate), made)
    return made


def test_what_was_pushed_is_pulled(address: str, tmp_path: Path) -> None:
    made = release(tmp_path / "made", "2026-05-04.1")
    assert depot.versions(address) == []
    assert depot.push(made, address) == f"{address}/2026-05-04.1"
    assert depot.versions(address) == ["2026-05-04.1"]
    back = depot.pull(address, "2026-05-04.1", tmp_path / "here")
    assert load(back) == load(made)
    assert depot.push(made, address)  # again is the same
    with pytest.raises(ReleaseError, match="is there already and is another release"):
        depot.push(release(tmp_path / "other", "2026-05-04.1", "two"), address)


def test_a_push_that_was_cut_off_is_no_release(address: str, tmp_path: Path) -> None:
    depot.push(release(tmp_path / "made", "2026-05-04.2"), address)
    files, root = filesystem(address)
    files.rm_file(f"{root}/2026-05-04.2/{MANIFEST}")
    assert depot.versions(address) == []
    with pytest.raises(ReleaseError, match="has no release"):
        depot.name(address, "stable", "2026-05-04.2") if "://" in address else depot.name(address, "stable", "nothing")
    with pytest.raises(ReleaseError):
        depot.pull(address, "2026-05-04.2", tmp_path / "here")
    assert not (tmp_path / "here" / "2026-05-04.2").exists()


def test_versions_of_a_day_are_in_the_order_of_their_counters(address: str, tmp_path: Path) -> None:
    for version in ("2026-05-04.10", "2026-05-04.9", "2026-05-03.11"):
        depot.push(release(tmp_path / "made", version), address)
    assert depot.versions(address) == ["2026-05-03.11", "2026-05-04.9", "2026-05-04.10"]


def test_a_pointer_names_a_release_that_is_there(address: str, tmp_path: Path) -> None:
    assert depot.named(address) is None
    for version in ("2026-05-04.1", "2026-05-05.1"):
        depot.push(release(tmp_path / "made", version), address)
        depot.name(address, "stable", version)
        assert depot.named(address) == version
    with pytest.raises(ReleaseError, match="no pointer 'latest'"):
        depot.name(address, "latest", "2026-05-05.1")


def test_a_file_that_changed_on_the_way_is_refused(address: str, tmp_path: Path) -> None:
    here = tmp_path / "here"
    depot.push(release(tmp_path / "made", "2026-05-04.1"), address)
    files, root = filesystem(address)
    files.pipe_file(f"{root}/2026-05-04.1/tables/items.json", b"torn")
    with pytest.raises(ReleaseError, match=r"items\.json is not what"):
        depot.pull(address, "2026-05-04.1", here)
    assert not (here / "2026-05-04.1").exists()
    files.pipe_file(f"{root}/2026-05-04.1/tables/items.json", b"one")
    assert depot.pull(address, "2026-05-04.1", here).name == "2026-05-04.1"


@pytest.mark.parametrize("estimate", [NONE, {}])
def test_a_canary_without_an_estimate_needs_a_word_and_stable_needs_none(
    address: str, tmp_path: Path, estimate: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    depot.push(release(tmp_path / "made", "2026-05-04.3", estimate=estimate), address)
    with pytest.raises(ReleaseError, match=r"2026-05-04\.3 may not become a canary: it has no estimate.*without"):
        depot.name(address, "canary", "2026-05-04.3")
    assert depot.named(address, "canary") is None
    depot.name(address, "canary", "2026-05-04.3", without_estimate=True)
    assert "2026-05-04.3 may become a canary without an estimate" in caplog.text
    depot.name(address, "stable", "2026-05-04.3")
    assert depot.named(address, "canary") == depot.named(address) == "2026-05-04.3"


def test_a_canary_that_is_surely_worse_is_refused_whatever_is_said(address: str, tmp_path: Path) -> None:
    for version, estimate in (("2026-05-04.4", ESTIMATE), ("2026-05-04.5", WORSE)):
        depot.push(release(tmp_path / "made", version, estimate=estimate), address)
    depot.name(address, "canary", "2026-05-04.4")
    for said in (False, True):
        with pytest.raises(
            ReleaseError, match=r"surely worse .* earned 0\.0500 .* 0\.0200 .* must not lie below -0\.0010"
        ):
            depot.name(address, "canary", "2026-05-04.5", said)
    assert depot.named(address, "canary") == "2026-05-04.4"
