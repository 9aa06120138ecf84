"""What the collector is told from outside."""

from pydantic import Field, SecretStr

from inference.collector.limits import MAX_EVENTS
from inference.shell.settings import KafkaSettings, RedisSettings, ReleaseSettings


class CollectorSettings(ReleaseSettings, RedisSettings, KafkaSettings):
    """Settings of the collector; addresses are `host:port`, times are in seconds."""

    port: int = 8090
    api_keys: SecretStr = SecretStr("")  # "scope:key,scope:sha256:HEX,..."; a file under the home when empty
    cors_origins: str = ""  # comma-separated; a browser of another origin is refused
    events_a_minute: int = Field(default=120_000, ge=MAX_EVENTS)  # of one key; any other call counts as one event
    person_events_a_minute: int = Field(default=3_000, ge=1)  # of one person, over all keys
    redis_timeout_seconds: float = Field(default=0.25, gt=0)
    silent_seconds: float = Field(default=0.2, gt=0)  # a broker that acknowledges nothing for so long is away: 503
    send_timeout_seconds: float = Field(default=2.0, gt=0)  # until the broker has acknowledged a group of events

    def origins(self) -> list[str]:
        """Origins that browsers may call from."""
        return [each.strip() for each in self.cors_origins.split(",") if each.strip()]
