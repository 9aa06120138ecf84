"""The learner under watch: when its models earn less than the release alone, it goes back to a version that did not."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from hidden_gems.core.assignment import VARIANTS
from hidden_gems.core.clock import Clock
from hidden_gems.core.errors import BadInputError, PartUnavailableError
from hidden_gems.online.learning import Learned, OnlineLearning
from hidden_gems.online.watch import LOOKS, VERDICTS, Comparison, RewardWatch
from hidden_gems.online.watched import Return, Watched
from inference.learner import metrics
from inference.shell.patience import Patience

_NOTHING = float("nan")
_log = logging.getLogger("gems")


@dataclass
class Watching:
    """Feeds the watch, looks at it now and then, and acts on what it says.

    Its window is in memory: a learner that starts again fills a new one before it judges. What was good is in a file.
    """

    watch: RewardWatch
    folder: Path  # of the learner
    clock: Clock
    watched: Watched = field(init=False)
    _next: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.watched = Watched.load(self.folder)

    def took(self, learned: Learned) -> None:
        """Take what a batch came to."""
        self.watch.show(learned.slates, self.clock.now())
        self.watch.tell(learned.admitted)
        self.watch.forget(learned.erased)

    def look(self, learning: OnlineLearning, patience: Patience) -> None:
        """Judge the state, if it is time, and take back what made it worse than the release.

        Raises:
            StoppedError: If the process is told to stop meanwhile.
        """
        now = self.clock.now()
        if now < self._next:
            return
        self._next = now + self.watch.window_seconds / LOOKS
        comparison = self.watch.compare(now)
        _export(comparison)
        self.watched.judged(comparison, learning.state.version)
        if comparison.verdict == "below":
            self._return(comparison, learning, patience)
        patience.persist(self._save)

    def _return(self, comparison: Comparison, learning: OnlineLearning, patience: Patience) -> None:
        below = learning.state.version
        target = self.watched.target(self.watch.led(), min(learning.history.versions()))
        less, least = -comparison.difference, -comparison.highest
        said = f"online earns {less:.3f} a slate less than the release, {least:.3f} at least"
        if target is None:
            _log.error("%s, and no good version can be reached: `gems online versions` shows what there is", said)
            metrics.RETURNS.labels("nowhere").inc()
            return
        try:
            patience.persist(lambda: learning.take_back(back_to=target))
        except BadInputError as error:
            _log.error("%s, and it cannot go back to version %d: %s", said, target, error)
            metrics.RETURNS.labels("nowhere").inc()
            return
        version = learning.state.version
        _log.error("%s: back from version %d to what was known at version %d, now %d", said, below, target, version)
        metrics.RETURNS.labels("done").inc()
        self.watched.returned(Return(comparison.at, below, target, version))
        self.watch.start_again(version)

    def _save(self) -> None:
        try:
            self.watched.save(self.folder)
        except OSError as error:
            raise PartUnavailableError("journal", str(error)) from error


def _export(comparison: Comparison) -> None:
    for verdict in VERDICTS:
        metrics.VERDICT.labels(verdict).set(verdict == comparison.verdict)
    for variant in VARIANTS:
        side = comparison.sides.get(variant)
        metrics.WINDOW_SLATES.labels(variant).set(side.slates if side else 0)
        metrics.REWARD.labels(variant).set(side.reward if side else _NOTHING)
        metrics.CTR.labels(variant).set(side.ctr if side else _NOTHING)
        metrics.ANSWERED.labels(variant).set(side.answered if side else _NOTHING)
