"""Micro-batches out of the broker into everything that learns; nothing is committed before it has had its effect."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hidden_gems.core.clock import Clock
from hidden_gems.core.errors import FencedError, PartUnavailableError, ReleaseError
from hidden_gems.core.kv import KeyValue
from hidden_gems.drift.kinds import word_of
from hidden_gems.events.records import BadRecordError, DriftEvent, Interaction, ItemChange, Slate
from hidden_gems.events.topics import DRIFT, IMPRESSIONS, INTERACTIONS, ITEMS
from hidden_gems.online.admission import check
from hidden_gems.online.learning import MAX_MESSAGES, Batch, OnlineLearning, World
from hidden_gems.online.orders import answer_order, obey, take_order
from hidden_gems.online.state import Drifted
from hidden_gems.streaming.batches import next_batch
from hidden_gems.streaming.broker import Consumer, Message, Producer, Received
from hidden_gems.streaming.dead_letters import dead_letter
from inference.learner import metrics
from inference.learner.watching import Watching
from inference.shell.metrics import READY
from inference.shell.patience import Patience, StoppedError

GROUP = "learner"
TOPICS = (INTERACTIONS, IMPRESSIONS, ITEMS)
LOOK_SECONDS = 1.0
_log = logging.getLogger("gems")

Record = Interaction | Slate | ItemChange
Read = tuple[Received, Record]


@dataclass
class Learner:
    """One member of the group `learner`; one at a time, see `online.lease`, for it keeps rows and state in memory."""

    learning: OnlineLearning
    keys: KeyValue  # where orders come from
    consumer: Consumer
    producer: Producer  # of dead letters
    clock: Clock
    patience: Patience
    newer_world: Callable[[], World | None]  # what the pointed release says, if another one is pointed at now
    watching: Watching
    check: Callable[[], None] = lambda: None  # raises FencedError once another learner has taken over
    batch_messages: int = MAX_MESSAGES
    batch_seconds: float = 0.1  # longest time that a message waits for others
    snapshot_seconds: float = 60.0
    forget_seconds: float = 3_600.0  # between two passes that let the files forget who was erased
    monotonic: Callable[[], float] = time.monotonic
    _snapshot_at: float = field(init=False)
    _forget_at: float = field(init=False)
    _looked_at: float = field(init=False, default=-LOOK_SECONDS)

    def __post_init__(self) -> None:
        self._snapshot_at = self.monotonic() + self.snapshot_seconds
        self._forget_at = self.monotonic()

    def run(self) -> None:
        """Learn until told to stop; a batch that has begun is finished while its parts answer.

        Raises:
            FencedError: If another learner has taken over.
        """
        metrics.STATE_VERSION.set(self.learning.state.version)
        metrics.DAMAGED_SNAPSHOTS.set(self.learning.history.damaged)
        try:
            while not self.patience.stopping.is_set():
                self.step()
                READY.set(self.consumer.assigned())
            self._snapshot()
        except StoppedError:
            _log.warning("stopped in the middle of a batch; the broker gives it again")
        finally:
            READY.set(False)
            self.consumer.close()
            self.producer.close()

    def step(self) -> int:
        """Take what came into effect, then commit; how many messages there were.

        Raises:
            FencedError: If another learner has taken over.
        """
        self.patience.persist(self.check)
        received = next_batch(self.consumer, self.batch_messages, self.batch_seconds)
        if received:
            began = time.monotonic()
            self._follow_release()
            self._take(received)
            self._commit()
            metrics.BATCH_SECONDS.observe(time.monotonic() - began)
        if self.monotonic() - self._looked_at >= LOOK_SECONDS:
            self._look()
            self._looked_at = self.monotonic()
        if self.monotonic() >= self._snapshot_at:
            self._snapshot()
            self._snapshot_at = self.monotonic() + self.snapshot_seconds
        if self.monotonic() >= self._forget_at:
            self.patience.persist(self.check)  # these are files as well
            self.patience.persist(self.learning.forget)
            self._forget_at = self.monotonic() + self.forget_seconds
        return len(received)

    def _look(self) -> None:
        """Forget who was erased, and do what was ordered."""
        self._learn([])
        order = self.patience.persist(lambda: take_order(self.keys))
        if order is not None:
            answer = self.patience.persist(lambda: obey(order, self.learning))
            self.patience.persist(lambda: answer_order(self.keys, answer))
        self.watching.look(self.learning, self.patience, self.check)
        metrics.STATE_VERSION.set(self.learning.state.version)

    def _snapshot(self) -> None:
        self.patience.persist(self.check)  # snapshots are files, which no fence protects
        self.patience.persist(self.learning.snapshot)
        metrics.SNAPSHOT_VERSION.set(self.learning.state.version)
        metrics.DAMAGED_SNAPSHOTS.set(self.learning.history.damaged)

    def _follow_release(self) -> None:
        try:
            if (world := self.newer_world()) is not None:
                self.learning.serve(world)
        except ReleaseError as error:
            _log.warning("the gems of the release before stay: %s", error)

    def _take(self, received: Sequence[Received]) -> None:
        read: list[Read] = []
        bad: list[tuple[Received, str]] = []
        for each in received:
            try:
                read.append((each, parse(each)))
            except BadRecordError as error:
                bad.append((each, str(error)))
        self._bury(bad)
        if read:
            self._learn(read)

    def _learn(self, read: Sequence[Read]) -> None:
        """Learn messages together; where that fails for a reason nobody foresaw, each half on its own."""
        batch = batch_of([record for _, record in read])
        try:
            learned = self.patience.persist(lambda: self.learning.plan(batch))
        except (StoppedError, FencedError):
            raise
        except Exception as error:
            self.patience.persist(self.learning.resume)
            if not read:
                raise
            if len(read) == 1:
                self._bury([(read[0][0], f"cannot be learned from: {type(error).__name__}: {error}")])
                return
            half = len(read) // 2
            self._learn(read[:half])
            self._learn(read[half:])
            return
        self.patience.persist(self.learning.finish)
        self.watching.took(learned)
        self._tell(learned.drifted)
        for outcome, count in learned.outcomes.items():
            metrics.MESSAGES.labels(outcome).inc(count)
        for received in learned.received:
            metrics.EFFECT_SECONDS.observe(max(0.0, self.clock.now() - received))
        if learned.newest is not None:
            metrics.AGE.set(self.clock.now() - learned.newest)
        metrics.STATE_VERSION.set(self.learning.state.version)

    def _tell(self, drifted: Sequence[Drifted]) -> None:
        """Log whose taste was found to have changed; a crash between the effect and this line loses the line alone."""
        now = self.clock.now()
        events = [
            DriftEvent(
                each.user_id, now, each.score, each.outcomes,
                tuple(map(word_of, each.before)), tuple(map(word_of, each.after)),
            )
            for each in drifted
        ]  # fmt: skip
        if events:
            messages = [Message(DRIFT, event.user_id, event.to_json()) for event in events]
            self.patience.persist(lambda: self.producer.send(messages))
            metrics.DRIFT_EVENTS.inc(len(events))

    def _bury(self, bad: Sequence[tuple[Received, str]]) -> None:
        """Send what cannot be learned from to the dead letters, each with its reason."""
        for each, reason in bad:
            _log.warning(
                "dead letter: %s, partition %d, offset %d: %s", each.topic, each.partition, each.offset, reason
            )
        if bad:
            letters = [dead_letter(each, reason, self.clock.now()) for each, reason in bad]
            self.patience.persist(lambda: self.producer.send(letters))
            metrics.MESSAGES.labels("dead_letter").inc(len(bad))

    def _commit(self) -> None:
        """A commit that fails is no loss: the messages come again, and find their marks."""
        try:
            self.consumer.commit()
            metrics.LAG.set(self.consumer.lag())
        except PartUnavailableError as error:
            _log.warning("not committed: %s", error)


def parse(received: Received) -> Record:
    """What a message says.

    Raises:
        BadRecordError: If it cannot be read, or cannot be worth anything.
    """
    if received.topic == INTERACTIONS:
        return check(Interaction.from_json(received.value))
    kind: type[Slate] | type[ItemChange] = Slate if received.topic == IMPRESSIONS else ItemChange
    return kind.from_json(received.value)


def batch_of(records: Sequence[Record]) -> Batch:
    """Messages by kind."""
    return Batch(
        [each for each in records if isinstance(each, Interaction)],
        [each for each in records if isinstance(each, Slate)],
        [each for each in records if isinstance(each, ItemChange)],
    )
