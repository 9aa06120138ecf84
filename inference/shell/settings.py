"""What every process is told from outside, read once from `GEMS_*` variables."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from hidden_gems.core.clock import Clock, clock_from
from hidden_gems.core.home import gems_home
from hidden_gems.core.redis_access import RedisAccess
from hidden_gems.streaming.kafka_access import KafkaAccess


class Settings(BaseSettings):
    """Settings of any process; each process adds its own in a subclass.

    Addresses are `host:port`. Times are in seconds.
    """

    model_config = SettingsConfigDict(env_prefix="GEMS_", extra="ignore", frozen=True)

    home: Path = gems_home()
    host: str = "127.0.0.1"  # to listen on; on the cluster all addresses
    clock: str = ""  # "start,rate[,origin]", see `core.clock.clock_from`; empty is the machine's own

    def the_clock(self) -> Clock:
        """Clock of this process, the same in every process of a stack."""
        return clock_from(self.clock)


class RedisSettings(Settings):
    """Settings of a process that reads or writes Redis."""

    redis: str = "127.0.0.1:6390"
    redis_tls: bool = False
    redis_username: str = ""
    redis_password: SecretStr = SecretStr("")

    def redis_access(self) -> RedisAccess:
        """Where Redis is and as whom it is asked."""
        return RedisAccess(self.redis, self.redis_tls, self.redis_username, self.redis_password.get_secret_value())


class KafkaSettings(Settings):
    """Settings of a process that reads or writes topics."""

    kafka: str = "127.0.0.1:9092"  # of one broker, or of several with commas between
    kafka_iam: bool = False  # over TLS, as whom AWS says that we are

    def kafka_access(self) -> KafkaAccess:
        """Where Kafka is and as whom it is asked."""
        return KafkaAccess(self.kafka, self.kafka_iam)


class ReleaseSettings(Settings):
    """Settings of a process that reads releases."""

    releases: Path | None = None  # folder of the releases and their pointers; under the home by default
    pointer: str = "stable"
    release: str = ""  # any fsspec address of the one release to answer from; empty: the folder is somebody else's
    starter: bool = False  # while no release is named, answer from the catalogue, with a ranker that learned nothing

    def release_folder(self) -> Path:
        """Folder of the releases and their pointers."""
        return self.releases or self.home / "releases"


class ServerSettings(ReleaseSettings):
    """Settings of a KServe server that follows a release."""

    port: int  # HTTP
    grpc_port: int
    release_poll_seconds: float = 1.0
    environment: str = "local"
    grace_seconds: float = 5.0  # for requests in flight when it is told to stop
