import pytest

from hidden_gems.core.redis_access import RedisAccess
from inference.archiver.settings import ArchiverSettings
from inference.collector.settings import CollectorSettings
from inference.learner.settings import LearnerSettings
from inference.ranker.settings import RankerSettings
from inference.shell.settings import RedisSettings
from inference.transformer.settings import TransformerSettings

PROCESSES = [RankerSettings, TransformerSettings, CollectorSettings, LearnerSettings, ArchiverSettings]


@pytest.mark.parametrize("kind", PROCESSES)
def test_every_process_reaches_redis_as_a_command_does(
    kind: type[RedisSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kind().redis_access() == RedisAccess.told(kind().redis)
    told = {
        "GEMS_REDIS": "store:6379",
        "GEMS_REDIS_TLS": "true",
        "GEMS_REDIS_USERNAME": "u",
        "GEMS_REDIS_PASSWORD": "p",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert kind().redis_access() == RedisAccess.told("store:6379") == RedisAccess("store:6379", True, "u", "p")
    assert "'p'" not in repr(kind())
