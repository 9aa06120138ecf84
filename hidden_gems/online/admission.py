"""Which feedback may move live models: signed, once an impression and type, and within a daily cap."""

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

DAILY_CAP = 20
"""Events by which one person may move one item on one day."""

Outcome = Literal["applied", "report", "unsigned", "repeated", "counted", "capped"]
"""Admitted · says nothing of taste · quotes no token · seen before · its impression and type counted · over the cap."""


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

    def allow(self, item_id: str, day: int, cap: int) -> bool:
        """Take one more event of a day, unless the item has had its share; a late day counts as the newest one."""
        if day > self.day:
            self.day, self.items = day, {}
        if self.items.get(item_id, 0) >= cap:
            return False
        self.items[item_id] = self.items.get(item_id, 0) + 1
        return True

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
    """Keys that tell whether the event, and its impression and type, have had their effect."""
    return applied(event.event_id), counted(event.slate_id or "", event.item_id, event.event_type)


def admit(
    events: Sequence[Interaction], marked: AbstractSet[str], moved: Mapping[str, Moved], cap: int = DAILY_CAP
) -> tuple[list[Admitted], list[Outcome]]:
    """Choose the events that move live models.

    Args:
        events: Checked, in the order they came, size B.
        marked: Keys of `marks_of` that are taken.
        moved: Of everyone in the events; counts on.
        cap: Events by which one person may move one item on one day.

    Returns:
        What is admitted, and the outcome of each event, size B.
    """
    taken, admitted, outcomes = set(marked), [], []
    for event in events:
        outcome = _outcome(event, taken, moved, cap)
        outcomes.append(outcome)
        if outcome == "applied":
            taken.update(marks_of(event))
            admitted.append(Admitted(event, reward_of(cast(EventType, event.event_type), event.value)))
    return admitted, outcomes


def _outcome(event: Interaction, taken: AbstractSet[str], moved: Mapping[str, Moved], cap: int) -> Outcome:
    seen, impression = marks_of(event)
    if not KINDS[cast(EventType, event.event_type)].feedback:
        return "report"
    if not event.signed:
        return "unsigned"
    if seen in taken:
        return "repeated"
    if impression in taken:
        return "counted"
    within = moved[event.user_id].allow(event.item_id, int(event.received // DAY_SECONDS), cap)
    return "applied" if within else "capped"


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
