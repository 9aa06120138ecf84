"""Sudden votes: how much praise of a gem may count within a day, seen from what it usually gets.

What is held back has no effect on rows, arms and factors; the archive has it. Everything is read from rows that the
learner keeps anyway (the times at which a gem was liked in the last 31 days, the gems a person ever liked), so the
guard has no state of its own, does not depend on how messages are cut into batches, and outlives a restart.
"""

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.events.records import Interaction
from hidden_gems.features.stream import LiveRows

KNOWN_FROM = 5
"""Different gems that somebody has liked before they are no stranger."""
USUAL_DAYS = 28
"""Days before the last one over which a gem's usual praise is the mean."""


@dataclass(frozen=True)
class Bound:
    """Praise of a gem within a day beyond which more is a surge."""

    least: float  # events, however little is usual
    times: float  # of what is usual in a day

    def of(self, usual: float) -> float:
        """Events that count within a day."""
        return self.least + self.times * usual


@dataclass(frozen=True)
class Votes:
    """How much praise counts: everybody's is added up, and each group stops at its own bound."""

    strangers: Bound = Bound(2.0, 1.0)  # people without a history
    known: Bound = Bound(20.0, 4.0)  # all others


@dataclass
class Praise:
    """When one gem was liked, and how much more of it counts.

    Args:
        votes: The bounds.
        times: Of likes in the last 31 days, epoch seconds, oldest first.

    Examples:
        >>> praise = Praise(Votes(strangers=Bound(2.0, 1.0)))
        >>> [praise.allow(1_000.0 + at, stranger=True) for at in range(4)]
        [True, True, False, False]
        >>> praise.allow(1_004.0, stranger=False)
        True
    """

    votes: Votes
    times: Sequence[int] = ()
    _new: list[int] = field(default_factory=list, init=False)

    def allow(self, at: float, stranger: bool) -> bool:
        """Take one more like, unless the day before it has had its share.

        Args:
            at: When it happened, epoch seconds.
            stranger: Whether the person has no history.
        """
        second = int(at)
        bound = (self.votes.strangers if stranger else self.votes.known).of(self._usual(second))
        if self._between(second - DAY_SECONDS, second) >= bound:
            return False
        insort(self._new, second)
        return True

    def _usual(self, second: int) -> float:
        """Likes a day in the weeks before the last day."""
        end = second - DAY_SECONDS
        return self._between(end - USUAL_DAYS * DAY_SECONDS, end) / USUAL_DAYS

    def _between(self, since: int, until: int) -> int:
        """Likes in (since, until]."""
        return sum(bisect_right(times, until) - bisect_right(times, since) for times in (self.times, self._new))


@dataclass(frozen=True)
class Standing:
    """What is known of the people and gems of a batch before it; goes on as the batch is admitted."""

    liked: Mapping[str, set[str]]  # gems that each person liked, by pseudonym
    praise: Mapping[str, Praise]  # by item id

    @classmethod
    def of(cls, votes: Votes, rows: LiveRows, events: Sequence[Interaction]) -> Self:
        """What rows say of who gives signed feedback, and of what.

        Raises:
            PartUnavailableError: If the store does not answer.
        """
        signed = [event for event in events if event.signed]
        praised = rows.praised(event.item_id for event in signed)
        praise = {name: Praise(votes, times) for name, times in praised.items()}
        return cls(rows.liked(event.user_id for event in signed), praise)

    def allow(self, user_id: str, item_id: str, at: float) -> bool:
        """Take one more like of a gem by a person, unless it is part of a surge."""
        liked = self.liked[user_id]
        if not self.praise[item_id].allow(at, len(liked) < KNOWN_FROM):
            return False
        liked.add(item_id)
        return True
