"""The parts of the learner, opened as soon as each of them is there."""

import logging
from dataclasses import dataclass
from pathlib import Path

from hidden_gems.core.errors import FencedError, PartUnavailableError
from hidden_gems.core.fence import Fence
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.export import release as releases
from hidden_gems.features.hot_store import HotStore
from hidden_gems.online.history import History
from hidden_gems.online.learning import OnlineLearning, World
from hidden_gems.online.lease import BEATS, Lease
from hidden_gems.online.state import prior_state
from hidden_gems.online.votes import Votes
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.streaming.kafka import KafkaConsumer, KafkaProducer
from inference.learner import metrics
from inference.learner.service import GROUP, TOPICS, Learner
from inference.learner.settings import LearnerSettings
from inference.learner.watching import Watching
from inference.shell.patience import Patience, StoppedError

_log = logging.getLogger("gems")


@dataclass
class PointedRelease:
    """The release that a pointer names, and whether it names another one by now."""

    folder: Path  # of the releases and their pointers
    pointer: str
    _held: Path | None = None

    def newer(self) -> World | None:
        """What the release says, if it is another one than at the last call."""
        found = releases.pointed(self.folder, self.pointer)
        if found is None or found == self._held:
            return None
        about = releases.load(found).dataset
        self._held = found
        _log.info("learning on the gems of release %s", found.name)
        return World(ReleaseTables.load(found / "tables").columns, about.timezone, about.order_only)

    def first(self) -> tuple[Path, World]:
        """Folder of the release, and what it says.

        Raises:
            PartUnavailableError: If there is none yet.
        """
        world = self.newer()
        if world is None or self._held is None:
            raise PartUnavailableError("release", f"{self.folder} has no pointer {self.pointer!r} yet")
        return self._held, world


class Standby:
    """A learner that has loaded what it can without writing, and waits for its turn.

    Args:
        settings: Of this process.
        patience: With parts that are away.

    Raises:
        ReleaseError: If the release is not whole.
        StoppedError: If the process is told to stop while it waits for a release.
    """

    def __init__(self, settings: LearnerSettings, patience: Patience) -> None:
        self._settings, self._patience, self._clock = settings, patience, settings.the_clock()
        self._pointed = PointedRelease(settings.release_folder(), settings.pointer)
        self._release, self._world = patience.persist(self._pointed.first)
        self._keys = RedisKeyValue(settings.redis_access(), settings.redis_timeout_seconds)
        self._lease = Lease(self._keys, settings.lease_seconds)

    def run(self) -> None:
        """Learn whenever it is our turn, until told to stop.

        Raises:
            StoppedError: If the process is told to stop before it is our turn.
        """
        while not self._patience.stopping.is_set():
            fence = self._turn()
            metrics.ACTIVE.set(1)
            _log.info("learning as generation %s", fence.token.decode())
            try:
                with self._lease.held(fence):
                    self._learner(fence).run()
            except FencedError as error:
                _log.warning("another learner has taken over: %s; standing by", error)
            metrics.ACTIVE.set(0)

    def _turn(self) -> Fence:
        """Wait until no other learner shows life, and take its place."""
        pause = self._settings.lease_seconds / BEATS
        while True:
            if self._patience.persist(self._lease.free):
                known = History(self._settings.journal_folder()).journal.newest_generation()
                fence = self._patience.persist(lambda: self._lease.take(known))  # noqa: B023
                if fence is not None:
                    return fence
            if self._patience.stopping.wait(pause):
                raise StoppedError

    def _learner(self, fence: Fence) -> Learner:
        """Everything that writes, behind the fence; the broker may come later."""
        settings, keys = self._settings, self._keys.behind(fence)
        history = History(settings.journal_folder(), int(fence.token))
        learning = self._patience.persist(
            lambda: OnlineLearning(
                keys,
                HotStore(keys),
                lambda: prior_state(self._release, settings.half_life),
                self._world,
                history,
                self._clock,
                settings.daily_cap,
                Votes() if settings.guard_votes else None,
            )
        )
        return Learner(
            learning=learning,
            keys=keys,
            consumer=KafkaConsumer(settings.kafka_access(), GROUP, TOPICS, fetch_wait_ms=settings.fetch_wait_ms),
            producer=KafkaProducer(settings.kafka_access()),
            clock=self._clock,
            patience=self._patience,
            newer_world=self._newer,
            watching=Watching(settings.watch(), settings.journal_folder(), self._clock),
            check=lambda: self._lease.check(fence),
            batch_messages=settings.batch_messages,
            batch_seconds=settings.batch_seconds,
            snapshot_seconds=settings.snapshot_seconds,
        )

    def _newer(self) -> World | None:
        """See `PointedRelease.newer`; remembered for the next turn."""
        if (found := self._pointed.newer()) is not None:
            self._world = found
        return found
