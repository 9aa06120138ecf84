import pytest

from hidden_gems.core.redis_access import RedisAccess
from hidden_gems.streaming.kafka_access import KafkaAccess
from inference.archiver.settings import ArchiverSettings
from inference.collector.settings import CollectorSettings
from inference.learner.settings import LearnerSettings
from inference.ranker.settings import RankerSettings
from inference.shell.settings import KafkaSettings, RedisSettings
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


@pytest.mark.parametrize("kind", [TransformerSettings, CollectorSettings, LearnerSettings, ArchiverSettings])
def test_every_process_reaches_kafka_as_a_command_does(
    kind: type[KafkaSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kind().kafka_access() == KafkaAccess.told(kind().kafka)
    monkeypatch.setenv("GEMS_KAFKA", "a:9098,b:9098")
    monkeypatch.setenv("GEMS_KAFKA_IAM", "true")
    assert kind().kafka_access() == KafkaAccess.told("a:9098,b:9098") == KafkaAccess("a:9098,b:9098", iam=True)
