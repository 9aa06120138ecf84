"""The learner of the closed loop: what the city shows and tells becomes messages, and every message is learned."""

import heapq
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from hidden_gems.benchmark.loop_release import TrialRelease
from hidden_gems.core.clock import SimulatedClock
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.core.names import ROW_CHANGES, factors
from hidden_gems.events.records import Interaction, Slate
from hidden_gems.online.admission import check
from hidden_gems.online.history import History, digest
from hidden_gems.online.learning import MAX_MESSAGES, Batch, Learned, OnlineLearning
from hidden_gems.online.learning import World as Known
from hidden_gems.online.votes import Votes
from hidden_gems.recommend.world import World

BATCH_SECONDS = 60
"""A message is learned at the end of its minute: the micro-batch of production."""

Message = Interaction | Slate


class LoopLearner:
    """`OnlineLearning` over stores in memory, with the clock of the city.

    Args:
        release: What it begins with.
        folder: Of the journal; made.
        votes: How much sudden praise of a gem counts.
    """

    def __init__(self, release: TrialRelease, folder: Path, votes: Votes | None) -> None:
        self.keys, self.store = MemoryKeyValue(), release.store()
        self.clock = SimulatedClock(start=float(release.at))
        known = Known(release.tables.columns, release.about.timezone, release.about.order_only)
        folder.mkdir(parents=True)
        self.learning = OnlineLearning(
            self.keys, self.store, release.prior, known, History(folder), self.clock, votes=votes
        )
        self.outcomes: Counter[str] = Counter()
        self.counted: list[Learned] = []  # what took effect, batch by batch
        self._due: list[tuple[float, int, Message]] = []
        self._came = 0
        self._rows_at = 0

    def hear(self, messages: Iterable[Message]) -> None:
        """Take messages that will be learned once their time has come."""
        for message in messages:
            heapq.heappush(self._due, (message.timestamp, self._came, message))
            self._came += 1

    def learn(self, until: float) -> bool:
        """Learn what came before the minute of a second, oldest first; whether there was anything."""
        until -= until % BATCH_SECONDS
        messages: list[Message] = []
        while self._due and self._due[0][0] < until:
            messages.append(heapq.heappop(self._due)[2])
        self.clock.advance(max(0.0, until - self.clock.now()))
        for start in range(0, len(messages), MAX_MESSAGES):
            part = messages[start : start + MAX_MESSAGES]
            events = [check(each) for each in part if isinstance(each, Interaction)]
            slates = [each for each in part if isinstance(each, Slate)]
            learned = self.learning.learn(Batch(events, slates))
            self.outcomes += learned.outcomes
            self.counted.append(learned)
        return bool(messages)

    def digest(self) -> str:
        """Of everything learned; see `online.history.digest`."""
        told = {each.event.user_id for learned in self.counted for each in learned.admitted}
        people = sorted(told | {slate.user_id for learned in self.counted for slate in learned.slates} - {""})
        held = dict(zip(people, self.keys.get([factors(name) for name in people]), strict=True))
        return digest(self.learning.state, {name: packed for name, packed in held.items() if packed is not None})

    def never_had(self, release: TrialRelease, people: Collection[str], folder: Path) -> "LoopLearner":
        """Another learner that is given, in the same batches, what took effect here, but for some people's messages.

        Args:
            release: What it begins with.
            people: Pseudonyms of those who never were.
            folder: Of its journal; made.
        """
        other = LoopLearner(release, folder, None)
        for learned in self.counted:
            events = [each.event for each in learned.admitted if each.event.user_id not in people]
            slates = [slate for slate in learned.slates if slate.user_id not in people]
            other.counted.append(other.learning.learn(Batch(events, slates)))
        return other

    def rows_into(self, world: World) -> World:
        """The world with every row of a gem that has moved since the last time."""
        noted = self.keys.marked_since(ROW_CHANGES, self._rows_at)
        if not noted:
            return world
        names = [name for name, _ in noted]
        self._rows_at = noted[-1][1]
        rows = {name: found.row for name, found in zip(names, self.store.read_items(names), strict=True) if found}
        return replace(world, rows=world.rows.with_rows(rows))
