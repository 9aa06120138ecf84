"""The parts of the learner, opened as soon as each of them is there."""

import logging
from dataclasses import dataclass
from pathlib import Path

from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.export import release as releases
from hidden_gems.features.feast_store import FeastSettings, FeastStore
from hidden_gems.online.history import History
from hidden_gems.online.learning import OnlineLearning, World
from hidden_gems.online.state import prior_state
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.streaming.kafka import KafkaConsumer, KafkaProducer
from inference.learner.service import GROUP, TOPICS, Learner
from inference.learner.settings import LearnerSettings
from inference.learner.watching import Watching
from inference.shell.patience import Patience

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


def open_learner(settings: LearnerSettings, patience: Patience) -> Learner:
    """Wait for a release and for Redis; the broker may come later.

    Raises:
        ReleaseError: If the release is not whole.
        StoppedError: If the process is told to stop meanwhile.
    """
    pointed = PointedRelease(settings.release_folder(), settings.pointer)
    folder, world = patience.persist(pointed.first)
    feast = FeastSettings(
        settings.redis, settings.registry_folder(), settings.redis_timeout_seconds, settings.feature_repo
    )
    store, clock = FeastStore(feast, overwrite=True), settings.the_clock()
    keys = RedisKeyValue(settings.redis, settings.redis_timeout_seconds)
    history = History(settings.journal_folder())
    learning = patience.persist(
        lambda: OnlineLearning(
            keys, store, lambda: prior_state(folder, settings.half_life), world, history, clock, settings.daily_cap
        )
    )
    return Learner(
        learning=learning,
        keys=keys,
        consumer=KafkaConsumer(settings.kafka, GROUP, TOPICS),
        producer=KafkaProducer(settings.kafka),
        clock=clock,
        patience=patience,
        newer_world=pointed.newer,
        watching=Watching(settings.watch(), settings.journal_folder(), clock),
        batch_messages=settings.batch_messages,
        batch_seconds=settings.batch_seconds,
        snapshot_seconds=settings.snapshot_seconds,
    )
