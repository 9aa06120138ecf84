"""What the learner is told from outside."""

from pathlib import Path

from pydantic import Field

from hidden_gems.core.clock import HOUR_SECONDS
from hidden_gems.online.admission import DAILY_CAP
from hidden_gems.online.learning import MAX_MESSAGES
from hidden_gems.online.lease import LEASE_SECONDS
from hidden_gems.online.watch import RewardWatch
from hidden_gems.streaming.kafka import FETCH_WAIT_MS
from inference.shell.settings import KafkaSettings, RedisSettings, ReleaseSettings


class LearnerSettings(ReleaseSettings, RedisSettings, KafkaSettings):
    """Settings of the learner."""

    port: int = 8110  # of its metrics
    fetch_wait_ms: int = Field(default=FETCH_WAIT_MS, ge=1)  # how long the broker may hold a fetch
    daily_cap: int = Field(default=DAILY_CAP, ge=1)  # events by which one person may move one item on one day
    guard_votes: bool = False  # strangers' praise of a gem counts as far as it is usual, see `online.votes`
    half_life: float | None = Field(default=None, gt=0)  # of the arms, in impressions; used while the store is empty
    batch_messages: int = Field(default=MAX_MESSAGES, ge=1, le=MAX_MESSAGES)
    batch_seconds: float = Field(default=0.1, gt=0)  # longest time that a message waits for others
    journal: Path | None = None  # folder of what was applied; under the home by default
    snapshot_seconds: float = Field(default=60.0, gt=0)
    watch_hours: float = Field(default=24.0, gt=0)  # window in which online is compared with the release alone
    watch_slates: int = Field(default=200, ge=1)  # of each variant before it is judged
    watch_people: int = Field(default=30, ge=2)
    lease_seconds: float = Field(default=LEASE_SECONDS, gt=0)  # without a sign of life another learner takes over
    redis_timeout_seconds: float = Field(default=0.5, gt=0)

    def watch(self) -> RewardWatch:
        """The watch over what online earns."""
        return RewardWatch(self.watch_hours * HOUR_SECONDS, self.watch_slates, self.watch_people)

    def journal_folder(self) -> Path:
        """Folder of journal and snapshots."""
        return self.journal or self.home / "learner"
