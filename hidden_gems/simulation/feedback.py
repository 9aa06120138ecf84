"""Draw what people do with a slate: who looks, clicks, stays, saves, shares, goes there, rates, skips, dismisses."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import HOUR_SECONDS
from hidden_gems.events.kinds import MAX_DWELL_SECONDS, EventType, reward_of
from hidden_gems.simulation.parameters import FeedbackParameters
from hidden_gems.simulation.truth import Outcomes

EVENT_TYPES: tuple[EventType, ...] = ("view", "click", "dwell", "save", "share", "visit", "rating", "skip", "dismiss")
CODE = {name: code for code, name in enumerate(EVENT_TYPES)}
_SECONDS_PER_POSITION = 4
_RATED_AFTER_SECONDS = HOUR_SECONDS

Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]
Events = tuple[Rows, Rows, Rows, Rows, NDArray[np.float64]]
"""Row, position, code, timestamp and value (NaN without one) of each event."""


@dataclass(frozen=True)
class Feedback:
    """What B people did with slates of N items."""

    examined: Flags  # B X N
    clicked: Flags  # B X N
    visited: Flags  # B X N
    dwell_seconds: NDArray[np.float64]  # 0 without a click, B X N
    saved: Flags  # B X N
    shared: Flags  # B X N
    rating: NDArray[np.float64]  # 0 without one, B X N
    dismissed: Flags  # B X N
    skipped: Flags  # B X N
    viewed: Flags  # B X N

    def reward(self) -> NDArray[np.float64]:
        """Sum of the rewards of all events of each item, B X N."""
        total = np.zeros(self.clicked.shape)
        for name, flags in self._plain():
            total += reward_of(name) * flags
        for name, values in (("dwell", self.dwell_seconds), ("rating", self.rating)):
            happened = values > 0
            total[happened] += [reward_of(name, value) for value in values[happened].tolist()]
        return total

    def _plain(self) -> tuple[tuple[EventType, Flags], ...]:
        return (
            ("view", self.viewed), ("click", self.clicked), ("save", self.saved), ("share", self.shared),
            ("visit", self.visited), ("skip", self.skipped), ("dismiss", self.dismissed),
        )  # fmt: skip

    def events(self, timestamp: NDArray[np.int64], arrival: NDArray[np.float64]) -> Events:
        """Row, position, code, timestamp and value (NaN without one) of each event.

        Args:
            timestamp: When each slate was shown, epoch seconds, B.
            arrival: When the person would get to each item, epoch seconds, B X N.
        """
        look = timestamp[:, None] + _SECONDS_PER_POSITION * (1 + np.arange(self.clicked.shape[1]))
        leave = look + 1 + self.dwell_seconds
        times = {"view": look, "click": look, "skip": look, "dismiss": look, "dwell": leave, "save": leave}
        times |= {"share": leave + 1, "visit": arrival, "rating": arrival + _RATED_AFTER_SECONDS}
        flags = dict(self._plain()) | {"dwell": self.clicked, "rating": self.rating > 0}
        values = {"dwell": self.dwell_seconds, "rating": self.rating}
        parts = []
        for name in EVENT_TYPES:
            row, position = np.nonzero(flags[name])
            value = values[name][row, position] if name in values else np.full(len(row), np.nan)
            parts.append((row, position, np.full(len(row), CODE[name]), times[name][row, position], value))
        row, position, code, moment, value = (np.concatenate(column) for column in zip(*parts, strict=True))
        return row, position, code, np.floor(moment).astype(np.int64), value


def draw_feedback(of: FeedbackParameters, outcomes: Outcomes, shown: Flags, random: np.random.Generator) -> Feedback:
    """Draw what happens to each item of each slate.

    Args:
        of: How events follow.
        outcomes: Probabilities given a look, B X N; column n is position n.
        shown: False where a slate has no item, B X N.
        random: Source of the draws.
    """
    batch, width = shown.shape
    draws = random.random((9, batch, width))
    look = examination(of, width)
    examined = shown & (draws[0] < look)
    clicked = examined & (draws[1] < outcomes.click)
    left = examined & ~clicked
    dismissed = left & (draws[2] < outcomes.dismiss)
    skipped = left & ~dismissed & (draws[3] < outcomes.skip)
    visited = clicked & (draws[6] < outcomes.visit)
    normal = random.normal(size=(2, batch, width))
    dwell = np.exp(outcomes.dwell_log_mean + of.dwell_spread * normal[0])
    stars = np.clip(np.rint(outcomes.rating_mean + of.rating_spread * normal[1]), 1, 5)
    return Feedback(
        examined=examined,
        clicked=clicked,
        visited=visited,
        dwell_seconds=np.where(clicked, np.clip(dwell, 0.1, MAX_DWELL_SECONDS).round(1), 0.0),
        saved=clicked & (draws[4] < outcomes.save),
        shared=clicked & (draws[5] < outcomes.share),
        rating=np.where(visited & (draws[7] < of.rate), stars, 0.0),
        dismissed=dismissed,
        skipped=skipped,
        viewed=left & ~dismissed & ~skipped & (draws[8] < of.view),
    )


def examination(of: FeedbackParameters, width: int) -> NDArray[np.float64]:
    """Probability that each position is looked at; 1 at position 0, size N."""
    return np.asarray((1.0 + np.arange(width)) ** -of.examine_decay)
