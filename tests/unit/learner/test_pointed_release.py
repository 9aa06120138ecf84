from dataclasses import replace
from pathlib import Path

import pytest

from hidden_gems.core.errors import PartUnavailableError, ReleaseError
from hidden_gems.export import release as releases
from inference.learner.settings import LearnerSettings
from inference.learner.start import PointedRelease
from tests import factories
from tests.integration.live import make_release


@pytest.fixture
def pointed(tmp_path: Path) -> PointedRelease:
    return PointedRelease(tmp_path, "stable")


def test_it_waits_for_a_release_and_tells_each_one_once(tmp_path: Path, pointed: PointedRelease) -> None:
    with pytest.raises(PartUnavailableError, match="has no pointer 'stable' yet"):
        pointed.first()
    dataset = factories.rich_dataset(events=60)
    one = make_release(dataset, tmp_path, 86_400.0)
    folder, world = pointed.first()
    assert folder == one
    assert (list(world.columns["item_id"]), world.timezone) == (dataset.items["item_id"].tolist(), "Europe/Istanbul")
    assert world.order_only is False
    assert pointed.newer() is None
    two = make_release(replace(dataset, about=replace(dataset.about, order_only=True)), tmp_path, 86_400.0)
    later = pointed.newer()
    assert later is not None
    assert later.order_only is True
    releases.point(tmp_path, "stable", one.name)
    assert pointed.newer() is not None
    assert two.name != one.name


def test_a_release_that_is_not_whole_is_refused(tmp_path: Path, pointed: PointedRelease) -> None:
    release = make_release(factories.rich_dataset(events=60), tmp_path, 86_400.0)
    (release / "policy" / "arms.npz").write_bytes(b"other")
    with pytest.raises(ReleaseError, match=r"arms\.npz is not what"):
        pointed.newer()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = LearnerSettings(home=tmp_path)
    assert (settings.port, settings.daily_cap, settings.batch_messages, settings.half_life) == (8110, 20, 400, None)
    assert settings.release_folder() == tmp_path / "releases"
    monkeypatch.setenv("GEMS_DAILY_CAP", "3")
    monkeypatch.setenv("GEMS_RELEASES", str(tmp_path / "r"))
    told = LearnerSettings()
    assert (told.daily_cap, told.release_folder()) == (3, tmp_path / "r")
    for name, wrong in (("GEMS_DAILY_CAP", "0"), ("GEMS_BATCH_MESSAGES", "401"), ("GEMS_HALF_LIFE", "0")):
        monkeypatch.setenv(name, wrong)
        with pytest.raises(ValueError, match=name.removeprefix("GEMS_").lower()):
            LearnerSettings()
        monkeypatch.delenv(name)
