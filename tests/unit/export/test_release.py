import json
from dataclasses import replace
from pathlib import Path

import pytest

from hidden_gems.core.errors import ReleaseError
from hidden_gems.datasets.dataset import About
from hidden_gems.export import release as releases

MAY_4 = 1_777_905_000.0  # 2026-05-04 14:30 UTC


def describe(version: str, created: str) -> releases.Release:
    about = About("city", "Europe/Istanbul", "abc", simulated=True)
    return releases.Release(
        version, created, "", about, 0, "ranker_v1", ("ncf",), {"ndcg": 0.5}, {"promote": True, "reasons": []}
    )


def fill(folder: Path) -> None:
    (folder / "tables").mkdir()
    (folder / "tables" / "items.txt").write_text("balat")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "releases"


def test_a_release_is_named_by_day_and_counter_and_reads_back(folder: Path) -> None:
    first, second = (releases.publish(folder, fill, describe, MAY_4) for _ in range(2))
    assert [first.name, second.name] == ["2026-05-04.1", "2026-05-04.2"]
    loaded = releases.load(first)
    assert loaded.created == "2026-05-04T14:30:00+00:00"
    assert loaded.dataset.simulated is True
    assert loaded.models == ("ncf",)
    assert list(loaded.files) == ["tables/items.txt"]


@pytest.mark.parametrize("harm", ["change", "remove", "add"])
def test_a_changed_missing_or_unlisted_file_is_refused(folder: Path, harm: str) -> None:
    path = releases.publish(folder, fill, describe, MAY_4)
    table = path / "tables" / "items.txt"
    if harm == "change":
        table.write_text("moda!")
    elif harm == "remove":
        table.unlink()
    else:
        (path / "extra.bin").write_text("x")
    with pytest.raises(ReleaseError, match=r"2026-05-04\.1: .* is not what release\.json lists \(1 in all\)"):
        releases.load(path)


def test_a_failed_build_leaves_nothing(folder: Path) -> None:
    def break_off(path: Path) -> None:
        fill(path)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        releases.publish(folder, break_off, describe, MAY_4)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", '{"version": "1"}', json.dumps({"dataset": {}})])
def test_an_unreadable_manifest_is_one_sentence(folder: Path, content: str) -> None:
    folder.mkdir()
    (folder / "release.json").write_text(content)
    with pytest.raises(ReleaseError, match=r"release\.json cannot be read"):
        releases.load(folder)


def test_no_manifest_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="is no release"):
        releases.load(tmp_path)


def test_a_pointer_names_whole_releases_only(folder: Path) -> None:
    path = releases.publish(folder, fill, describe, MAY_4)
    assert releases.pointed(folder) is None
    releases.point(folder, "stable", path.name)
    assert releases.pointed(folder) == path
    assert releases.pointed(folder, "canary") is None
    with pytest.raises(ReleaseError, match="no pointer 'latest'"):
        releases.point(folder, "latest", path.name)
    (path / "tables" / "items.txt").write_text("changed")
    with pytest.raises(ReleaseError):
        releases.point(folder, "stable", path.name)


def test_the_manifest_is_sorted_and_indented_for_people_who_compare_two(folder: Path) -> None:
    text = (releases.publish(folder, fill, describe, MAY_4) / releases.MANIFEST).read_text()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"


def test_a_figure_that_is_no_json_is_refused_and_nothing_is_left(folder: Path) -> None:
    def undefined(version: str, created: str) -> releases.Release:
        return replace(describe(version, created), metrics={"ndcg": float("nan")})

    with pytest.raises(ValueError, match="not JSON compliant"):
        releases.publish(folder, fill, undefined, MAY_4)
    assert list(folder.iterdir()) == []


def test_the_estimate_of_its_policy_reads_back_and_older_releases_have_none(folder: Path) -> None:
    estimate = {"estimator": "DR", "value": 0.07, "snips": {"value": 0.06}, "logged_policies": ["ranker+thompson"]}
    path = releases.publish(folder, fill, lambda *made: replace(describe(*made), policy_estimate=estimate), MAY_4)
    assert releases.load(path).policy_estimate == estimate
    content = json.loads((path / releases.MANIFEST).read_text())
    del content["policy_estimate"]
    (path / releases.MANIFEST).write_text(json.dumps(content))
    assert releases.load(path).policy_estimate == {}
