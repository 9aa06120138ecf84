"""Slates and feedback as the state learns them: what places looked like, and what of a slate was really seen."""

from collections.abc import Mapping, Sequence

from hidden_gems.core.names import applied
from hidden_gems.drift.kinds import kind_of
from hidden_gems.events.records import Interaction, Slate
from hidden_gems.features.item_table import ItemTable
from hidden_gems.online.admission import Admitted, marks_of_seen
from hidden_gems.online.entries import Shown, Told, recalled
from hidden_gems.online.seen import Seen

MOST_SEEN = 50
"""Gems of a `shown` event that are looked at."""


def shown_of(slates: Sequence[Slate], table: ItemTable) -> tuple[Shown, ...]:
    """Slates as they count.

    Args:
        slates: That have not counted before.
        table: Of the gems.
    """
    found = []
    for slate in slates:
        items = tuple(dict.fromkeys(place.item_id for place in slate.places))
        seen = Seen.of(slate) if len(items) == len(slate.places) else None
        look = "" if seen is None else seen.to_text()
        found.append(Shown(slate.slate_id, slate.user_id, items, _kinds(items, table), look, slate.timestamp))
    return tuple(found)


def told_of(
    admitted: Sequence[Admitted], shown: Sequence[Shown], marked: Mapping[str, bytes], table: ItemTable
) -> tuple[Told, ...]:
    """Feedback with what it is about looked like, as far as the slate is known.

    Args:
        admitted: Feedback that counts.
        shown: Slates of the batch.
        marked: Marks that there are, with their values; that of an earlier slate says how it looked.
        table: Of the gems.
    """
    slates = _looks(shown, [event for event, _ in admitted], marked)
    found = []
    for event, reward in admitted:
        slate_id = event.slate_id or ""
        items, seen = slates[slate_id]
        place = _part(seen, [items.index(event.item_id)]) if event.item_id in items else ""
        [kind] = _kinds([event.item_id], table)
        found.append(
            Told(event.event_id, event.user_id, event.item_id, event.event_type, slate_id, reward, kind, place)
        )
    return tuple(found)


def corrected(
    events: Sequence[Interaction], shown: Sequence[Shown], marked: Mapping[str, bytes], table: ItemTable
) -> tuple[Shown, ...]:
    """What `shown` events of the batch, and earlier ones about its slates, make of impressions.

    The first event about a slate takes back what it leaves out; a later one gives again what it adds (ADR-0076).

    Args:
        events: Signed, in order.
        shown: Slates of the batch.
        marked: Marks that there are, with their values.
        table: Of the gems.
    """
    slates, seen = _looks(shown, events, marked), dict[str, set[str]]()
    found = []
    for event in events:
        slate_id, items = event.slate_id or "", event.items[:MOST_SEEN]
        told, *known = marks_of_seen(slate_id, items)
        if told in marked:
            before = {item for item, mark in zip(items, known, strict=True) if mark in marked}
            seen[slate_id] = seen.get(slate_id, set()) | before
        again = slate_id in seen
        fresh = [item for item in dict.fromkeys(items) if item not in seen.get(slate_id, ())]
        seen[slate_id] = {*seen.get(slate_id, ()), *fresh}
        places = [at for at, item in enumerate(slates[slate_id][0]) if (item in fresh) == again]
        change = _some(slate_id, slates[slate_id], places, table, 1.0 if again else -1.0)
        found.append(
            change._replace(user_id=event.user_id, at=event.timestamp, event_id=event.event_id, saw=tuple(fresh))
        )
    for slate in shown:
        told, *known = marks_of_seen(slate.slate_id, slate.items)
        if told in marked:
            places = [at for at, mark in enumerate(known) if mark not in marked]
            change = _some(slate.slate_id, slates[slate.slate_id], places, table, -1.0)
            found.append(change._replace(user_id=slate.user_id, at=slate.at))
    return tuple(found)


def _some(slate_id: str, slate: tuple[list[str], str], places: Sequence[int], table: ItemTable, times: float) -> Shown:
    """Some gems of a slate, once more or taken back."""
    items, look = slate
    names = tuple(items[place] for place in places)
    return Shown(slate_id, "", names, _kinds(names, table), _part(look, places), 0.0, times, tuple(places))


def _looks(
    shown: Sequence[Shown], events: Sequence[Interaction], marked: Mapping[str, bytes]
) -> dict[str, tuple[list[str], str]]:
    """Items and looks of slates that are shown or spoken of; none of one that is not known yet."""
    known = {event.slate_id or "": recalled(marked.get(applied(event.slate_id or ""), b"null")) for event in events}
    return known | {slate.slate_id: (list(slate.items), slate.seen) for slate in shown}


def _part(seen: str, places: Sequence[int]) -> str:
    """How some places of a slate looked; nothing where nobody knows how it looked."""
    return Seen.from_text(seen).places(places).to_text() if seen and places else ""


def _kinds(items: Sequence[str], table: ItemTable) -> tuple[int, ...]:
    return tuple(kind_of(table.type[row] or "") for row in table.rows(items).tolist())
