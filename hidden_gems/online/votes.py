"""Sudden votes: how much praise of a gem by strangers counts on a day, seen from what the gem usually gets.

Whoever has liked several gems is believed, within the caps of a person. A crowd that comes for one gem is believed as
far as the gem's usual praise goes; the surplus has no effect on rows, arms and factors, and the archive has it. What is
usual comes out of rows that the learner keeps anyway (the times at which gems were liked in the last 31 days, the gems
a person ever liked); the praise of strangers today is one small value, written with everything else of a batch.
"""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.events.records import Interaction
from hidden_gems.features.stream import LiveRows

KNOWN_FROM = 5
"""Different gems that somebody has liked before they are no stranger."""
USUAL_DAYS = 28
"""Days before the last one over which usual praise is the mean."""


@dataclass(frozen=True)
class Votes:
    """How much praise of strangers counts for a gem on a day: `least` + `times` what is usual."""

    least: float = 2.0  # events
    times: float = 1.0
    baseline: float = 0.1  # likes a day of the mean gem; below it nothing is usual yet, and all praise counts


@dataclass
class Crowd:
    """Praise of each gem by strangers that has counted on one day, UTC, by the collector's clock.

    Examples:
        >>> crowd = Crowd()
        >>> crowd.take("g1", day=7), crowd.told("g1", day=7), crowd.told("g1", day=8)
        (None, 1, 0)
    """

    day: int = 0  # since the epoch
    items: dict[str, int] = field(default_factory=dict)

    def told(self, item_id: str, day: int) -> int:
        """What has counted on a day; a late day counts as the newest one."""
        return self.items.get(item_id, 0) if day <= self.day else 0

    def take(self, item_id: str, day: int) -> None:
        """Count one more."""
        if day > self.day:
            self.day, self.items = day, {}
        self.items[item_id] = self.items.get(item_id, 0) + 1

    def to_json(self) -> bytes:
        """As it is stored."""
        return json.dumps([self.day, self.items], ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes | None) -> "Crowd":
        """What `to_json` wrote; nothing on the first day."""
        return cls(*json.loads(text)) if text else cls()


@dataclass(frozen=True)
class Standing:
    """What is known of the people and gems of a batch before it; goes on as the batch is admitted."""

    liked: Mapping[str, set[str]]  # gems that each person liked, by pseudonym
    room: Mapping[str, float]  # events of strangers that count on a day, by item id
    crowd: Crowd

    @classmethod
    def of(cls, votes: Votes, rows: LiveRows, events: Sequence[Interaction], crowd: Crowd, now: float) -> Self | None:
        """What rows say of who gives signed feedback, and of what; None where nothing is usual yet.

        Args:
            votes: The bounds.
            rows: Of the learner.
            events: Of a batch.
            crowd: Moves on.
            now: Epoch seconds.

        Raises:
            PartUnavailableError: If the store does not answer.
        """
        signed = [event for event in events if event.signed]
        mean = rows.usual_likes(int(now), USUAL_DAYS) if signed else 0.0
        if mean < votes.baseline or not signed:
            return None
        end = int(now) - DAY_SECONDS
        start = end - USUAL_DAYS * DAY_SECONDS
        praised = rows.praised(event.item_id for event in signed)
        young = rows.younger(list(praised), start)
        room = {}
        for name, times in praised.items():
            usual = (bisect_right(times, end) - bisect_right(times, start)) / USUAL_DAYS
            room[name] = votes.least + votes.times * max(usual, mean if name in young else 0.0)
        return cls(rows.liked(event.user_id for event in signed), room, crowd)

    def allow(self, user_id: str, item_id: str, day: int) -> bool:
        """Take one more like of a gem by a person, unless it is part of a surge.

        Args:
            user_id: Pseudonym.
            item_id: Of the gem.
            day: On which the collector took it, since the epoch.
        """
        liked = self.liked[user_id]
        if len(liked) < KNOWN_FROM:
            if self.crowd.told(item_id, day) >= self.room[item_id]:
                return False
            self.crowd.take(item_id, day)
        liked.add(item_id)
        return True
