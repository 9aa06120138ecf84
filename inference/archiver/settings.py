"""What the archiver is told from outside."""

from pydantic import Field

from hidden_gems.streaming.kafka import FETCH_WAIT_MS
from inference.shell.settings import KafkaSettings, RedisSettings


class ArchiverSettings(RedisSettings, KafkaSettings):
    """Settings of the archiver."""

    port: int = 8120  # of its metrics
    fetch_wait_ms: int = Field(default=FETCH_WAIT_MS, ge=1)  # how long the broker may hold a fetch
    redis_timeout_seconds: float = Field(default=0.5, gt=0)
    history: str = ""  # folder of the archive, any fsspec address; under the home by default
    flush_seconds: float = Field(default=10.0, gt=0)  # longest time that a row waits in memory
    flush_rows: int = Field(default=5_000, ge=1)  # rows in memory that are written at once

    runs: str = ""  # folder of the training runs, any fsspec address; under the home by default
    feast_folder: str = ""  # offline rows of the feature store, any fsspec address; under the home by default
    compact_seconds: float = Field(default=3_600.0, gt=0)  # between two passes that forget who was erased

    def training_folders(self) -> tuple[str, str]:
        """Addresses where training keeps copies of people's rows."""
        return self.runs or str(self.home / "runs"), self.feast_folder or str(self.home / "feast")

    def history_folder(self) -> str:
        """Address of the archive."""
        return self.history or str(self.home / "history")
