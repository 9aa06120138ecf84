"""Which feedback may move live models: signed, once an impression and type, within daily caps, and no surge."""

import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, cast

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.names import applied, counted
from hidden_gems.events.kinds import KINDS, EventType, reward_of
from hidden_gems.events.records import BadRecordError, Interaction
from hidden_gems.online.votes import Standing

SHOWN: EventType = "shown"
DAILY_CAP = 20
"""Events by which one person may move one item on one day."""
PERSON_CAPS = 5
"""So many times the cap of one item may one person move all items together on one day."""

Outcome = Literal["applied", "seen", "report", "unsigned", "repeated", "counted", "capped", "surge"]
"""Admitted · says what of a slate was seen · says nothing of taste · quotes no token · seen before · its impression and
type counted · over a cap · more praise of a gem by strangers than may count on a day."""


class Admitted(NamedTuple):
    """Feedback that counts, and what it is worth."""

    event: Interaction
    reward: float  # -0.5 to 1


@dataclass
class Moved:
    """How often a person has moved each item on one day, UTC, by the collector's clock.

    Not by the time the event names: that one lies up to a week back where its sender likes.
    """

    day: int = 0  # since the epoch
    items: dict[str, int] = field(default_factory=dict)

    def room(self, item_id: str, day: int, cap: int) -> bool:
        """Whether one more event of a day counts; a late day counts as the newest one."""
        if day > self.day:
            self.day, self.items = day, {}
        return self.items.get(item_id, 0) < cap and sum(self.items.values()) < PERSON_CAPS * cap

    def take(self, item_id: str) -> None:
        """Count one more event of the newest day."""
        self.items[item_id] = self.items.get(item_id, 0) + 1

    def to_json(self) -> bytes:
        """As it is stored."""
        return json.dumps([self.day, self.items], ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes | None) -> "Moved":
        """What `to_json` wrote; nothing for someone new."""
        return cls(*json.loads(text)) if text else cls()


def check(event: Interaction) -> Interaction:
    """The event itself.

    Raises:
        BadRecordError: If it cannot be worth anything: no known type, no value in range, or signed without a slate.
    """
    kind = KINDS.get(cast(EventType, event.event_type))
    if kind is None:
        raise BadRecordError(f"event {event.event_id!r} has the type {event.event_type!r}, which is not known")
    if kind.needs_value and not (_number(event.value) and kind.low <= cast(float, event.value) <= kind.high):
        raise BadRecordError(
            f"event {event.event_id!r} has the value {event.value!r} outside {kind.low} to {kind.high}"
        )
    if event.signed and not event.slate_id:
        raise BadRecordError(f"event {event.event_id!r} is signed and names no slate")
    return event


def marks_of(event: Interaction) -> tuple[str, str]:
    """Keys that tell whether the event, and its impression and type, have had their effect; `shown` is of a slate."""
    item = "" if event.event_type == SHOWN else event.item_id
    return applied(event.event_id), counted(event.slate_id or "", item, event.event_type)


def marks_of_seen(slate_id: str, items: Sequence[str]) -> list[str]:
    """Keys that tell whether anything is known of what of a slate was seen, and for each item whether it was."""
    return [counted(slate_id, item, SHOWN) for item in ("", *items)]


def admit(
    events: Sequence[Interaction],
    marked: AbstractSet[str],
    moved: Mapping[str, Moved],
    cap: int = DAILY_CAP,
    standing: Standing | None = None,
) -> tuple[list[Admitted], list[Outcome]]:
    """Choose the events that move live models.

    Args:
        events: Checked, in the order they came, size B.
        marked: Keys of `marks_of` that are taken.
        moved: Of everyone in the events; counts on.
        cap: Events by which one person may move one item on one day.
        standing: Of everyone and everything in the events; counts on. None lets every surge through.

    Returns:
        What is admitted, and the outcome of each event, size B; one with the outcome `seen` is no feedback.
    """
    taken, admitted, outcomes = set(marked), [], []
    for event in events:
        reward = reward_of(cast(EventType, event.event_type), event.value)
        outcome = _refused(event, taken) or _held(event, reward, moved[event.user_id], cap, standing)
        outcomes.append(outcome)
        if outcome in ("applied", "seen"):
            taken.update(marks_of(event))
        if outcome == "applied":
            admitted.append(Admitted(event, reward))
    return admitted, outcomes


def _refused(event: Interaction, taken: AbstractSet[str]) -> Outcome | None:
    """Why an event never counts, None where it may."""
    seen, impression = marks_of(event)
    if not KINDS[cast(EventType, event.event_type)].feedback and event.event_type != SHOWN:
        return "report"
    if not event.signed:
        return "unsigned"
    if seen in taken:
        return "repeated"
    if impression in taken and event.event_type != SHOWN:  # more of a slate may be seen later
        return "counted"
    return None


def _held(event: Interaction, reward: float, moved: Moved, cap: int, standing: Standing | None) -> Outcome:
    """Count an event, unless today there is no room for it."""
    if event.event_type == SHOWN:
        return "seen"
    day = int(event.received // DAY_SECONDS)
    if not moved.room(event.item_id, day, cap):
        return "capped"
    if standing is not None and reward > 0 and not standing.allow(event.user_id, event.item_id, day):
        return "surge"
    moved.take(event.item_id)
    return "applied"


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
