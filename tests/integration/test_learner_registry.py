"""A learner on a cluster where nothing has been materialized yet."""

from pathlib import Path

from hidden_gems.cli.processes import redis_server
from inference.learner.settings import LearnerSettings
from inference.shell.patience import Patience
from tests import factories
from tests.integration.live import FEATURE_REPO, make_release


def test_it_registers_what_nobody_has(tmp_path: Path) -> None:
    from hidden_gems.features.feast_store import FeastSettings, FeastStore
    from inference.learner.start import Standby

    make_release(factories.rich_dataset(events=60), tmp_path / "releases", 86_400.0)
    registry = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    with redis_server(tmp_path / "redis") as redis:
        told = LearnerSettings(home=tmp_path, redis=redis, feast_registry=registry, feature_repo=FEATURE_REPO)
        feast = FeastSettings(redis, tmp_path / "feast", 5.0, FEATURE_REPO, registry)
        assert not FeastStore(feast).registered()
        Standby(told, Patience())
        assert FeastStore(feast).registered()
