"""The kinds of feedback, what each is worth, and which label it becomes: the one table of rewards and labels."""

from dataclasses import dataclass
from typing import Literal

from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS

EventType = Literal[
    "impression", "shown", "view", "click", "dwell", "save", "share", "visit", "rating", "skip", "dismiss",
    "relevance_rating", "explanation_rating", "trust_answer",
]  # fmt: skip

ALIASES: dict[str, EventType] = {"like": "save", "favourite": "save", "dislike": "dismiss", "scroll": "view"}

MAX_DWELL_SECONDS = 3600.0
LONG_DWELL_SECONDS = 60.0
FULL_DWELL_SECONDS = 120.0
"""Dwell time that earns the whole reward of 0.5."""


@dataclass(frozen=True)
class Kind:
    """What one type of event means."""

    reward: float  # without a value
    label: int  # 0-5, without a value
    window_seconds: int  # a label may still come this long after the impression
    needs_value: bool = False
    low: float = 0.0  # smallest value
    high: float = 1.0  # largest value
    feedback: bool = True  # counts as an interaction; the others are for reports only


KINDS: dict[EventType, Kind] = {
    "impression": Kind(0.0, 0, 0, feedback=False),
    "shown": Kind(0.0, 0, 0, feedback=False),
    "view": Kind(0.1, 1, HOUR_SECONDS // 2),
    "click": Kind(0.3, 2, HOUR_SECONDS // 2),
    "dwell": Kind(0.0, 1, HOUR_SECONDS, needs_value=True, high=float("inf")),
    "save": Kind(0.7, 4, DAY_SECONDS),
    "share": Kind(0.8, 4, DAY_SECONDS),
    "visit": Kind(1.0, 5, 7 * DAY_SECONDS),
    "rating": Kind(0.0, 0, 7 * DAY_SECONDS, needs_value=True, low=1.0, high=5.0),
    "skip": Kind(-0.1, 0, HOUR_SECONDS // 2),
    "dismiss": Kind(-0.5, 0, HOUR_SECONDS // 2),
    "relevance_rating": Kind(0.0, 0, 0, needs_value=True, low=1.0, high=5.0, feedback=False),
    "explanation_rating": Kind(0.0, 0, 0, needs_value=True, low=1.0, high=5.0, feedback=False),
    "trust_answer": Kind(0.0, 0, 0, needs_value=True, feedback=False),
}

CONVERSIONS: frozenset[EventType] = frozenset({"save", "share", "visit"})
MAX_LABEL = 5


def reward_of(event_type: EventType, value: float | None = None) -> float:
    """Reward of one event, -0.5 to 1.

    Examples:
        >>> reward_of("visit"), reward_of("rating", 3), reward_of("dwell", 60)
        (1.0, 0.5, 0.25)
    """
    if event_type == "rating" and value is not None:
        return (value - 1.0) / 4.0
    if event_type == "dwell" and value is not None:
        return 0.5 * min(value / FULL_DWELL_SECONDS, 1.0)
    return KINDS[event_type].reward


def label_of(event_type: EventType, value: float | None = None) -> int:
    """Label 0-5 that one event earns an impression (contract §2); 30 to 60 s of dwell count as a click.

    Examples:
        >>> label_of("visit"), label_of("rating", 4), label_of("dwell", 10), label_of("dwell", 90), label_of("skip")
        (5, 4, 1, 3, 0)
    """
    if event_type == "rating" and value is not None:
        return {3: 3, 4: 4, 5: 5}.get(round(value), 0)
    if event_type == "dwell" and value is not None:
        if value >= LONG_DWELL_SECONDS:
            return 3
        return 2 if value >= LONG_DWELL_SECONDS / 2 else 1
    return KINDS[event_type].label
