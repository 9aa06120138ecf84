"""What is believed about a person's taste, from which events, and what they took back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hidden_gems.events.kinds import KINDS, reward_of
from hidden_gems.events.records import Interaction
from hidden_gems.features.raw import NEIGHBORHOOD, TYPE
from hidden_gems.features.rows import UserRow

KINDS_OF_BELIEF = ("type", "neighborhood")
BELIEF = r"^(type|neighborhood):.{1,128}$"
_SHOWN_EVENTS = 20
_TYPE_LIKES = TYPE.index("type_likes")
_NEIGHBORHOOD_LIKES = NEIGHBORHOOD.index("neighborhood_likes")


@dataclass(frozen=True)
class Belief:
    """They like gems of a type, or of a neighborhood."""

    belief: str  # kind and name, "type:cafe"
    likes: int
    share: float  # of the likes of all beliefs of its kind, 0-1
    removed: bool  # by the person: it is not used
    events: tuple[Interaction, ...]  # recent ones behind it, newest first, at most 20


def likes(event: Interaction) -> bool:
    """Whether an event counts as a like in the rows of features: feedback with a reward above 0."""
    kind = KINDS.get(event.event_type)  # type: ignore[call-overload]
    return kind is not None and kind.feedback and reward_of(event.event_type, event.value) > 0  # type: ignore[arg-type]


def beliefs_of(
    row: UserRow | None,
    events: Iterable[Interaction],
    columns: Mapping[str, Mapping[str, Any]],
    removed: Iterable[str],
) -> list[Belief]:
    """Beliefs about a person, by kind, the strongest first.

    Args:
        row: Of the feature store; what it counts is what is used. Signed events stand in where it knows nothing yet.
        events: Recent ones of the person, newest first.
        columns: Of the gems of these events.
        removed: Beliefs the person took back; they are listed, as removed.
    """
    behind: dict[str, list[Interaction]] = {}
    for event in filter(likes, events):
        for kind in KINDS_OF_BELIEF:
            if name := columns.get(event.item_id, {}).get(kind):
                behind.setdefault(f"{kind}:{name}", []).append(event)
    counted = {belief: sum(event.signed for event in found) for belief, found in behind.items()}
    counted |= _of_row(row) if row else {}
    gone = set(removed)
    found = []
    for kind in KINDS_OF_BELIEF:
        own = {belief: count for belief, count in counted.items() if belief.startswith(f"{kind}:") and count > 0}
        total = sum(own.values())
        own |= {belief: 0 for belief in gone if belief.startswith(f"{kind}:") and belief not in own}
        for belief, count in sorted(own.items(), key=lambda pair: (-pair[1], pair[0])):
            share = count / total if total else 0.0
            shown = tuple(behind.get(belief, ())[:_SHOWN_EVENTS])
            found.append(Belief(belief, count, share, belief in gone, shown))
    return found


def _of_row(row: UserRow) -> dict[str, int]:
    types = {f"type:{name}": int(values[_TYPE_LIKES]) for name, values in row.types.items()}
    places = {f"neighborhood:{name}": int(values[_NEIGHBORHOOD_LIKES]) for name, values in row.neighborhoods.items()}
    return types | places
