"""Gems that enter or change while a release serves: its item columns, with every change laid over them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hidden_gems.core.kv import KeyValue
from hidden_gems.core.names import ITEM_CHANGES, live_item
from hidden_gems.events.records import ItemChange


def with_changes(columns: Mapping[str, Sequence[Any]], changes: Iterable[ItemChange]) -> dict[str, list[Any]]:
    """Item columns after the changes, None where a changed gem says nothing; a gem that closed keeps its attributes.

    Examples:
        >>> later = ItemChange("g2", 5.0, {"type": "cafe"})
        >>> with_changes({"item_id": ["g1"], "name": ["One"]}, [later])
        {'item_id': ['g1', 'g2'], 'name': ['One', None], 'type': [None, 'cafe']}
    """
    changes = [change for change in changes if change.columns is not None]
    ids = list(columns["item_id"])
    row = {name: number for number, name in enumerate(ids)}
    for change in changes:
        if change.item_id not in row:
            row[change.item_id] = len(ids)
            ids.append(change.item_id)
    names = dict.fromkeys([*columns, *(name for change in changes for name in change.columns or {})])
    blank: list[Any] = [None] * len(ids)
    found = {name: [*columns.get(name, []), *blank][: len(ids)] for name in names}
    for change in changes:
        said = {**(change.columns or {}), "item_id": change.item_id}
        for name, values in found.items():
            values[row[change.item_id]] = said.get(name)
    return found


def live_changes(keys: KeyValue) -> dict[str, ItemChange]:
    """Newest change of every gem that ever entered, changed or closed, by item id.

    Raises:
        PartUnavailableError: If the store does not answer.
    """
    ids = [name for name, _ in keys.marked_since(ITEM_CHANGES, 0)]
    held = keys.get([live_item(name) for name in ids])
    return {name: ItemChange.from_json(value) for name, value in zip(ids, held, strict=True) if value is not None}
