"""All gems that a request may see: those of the release, and what entered, changed or closed later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.datasets.contract import FILES
from hidden_gems.datasets.interactions import Index, Rows
from hidden_gems.events.records import ItemChange
from hidden_gems.features.item_table import ItemTable
from hidden_gems.features.raw import Raw
from hidden_gems.recommend.candidates import CandidateGenerator
from hidden_gems.recommend.tables import ReleaseTables

Floats = NDArray[np.float64]

_COLUMNS = tuple(column.name for column in FILES["items"])
_NUMBERS = frozenset(column.name for column in FILES["items"] if column.kind in ("number", "time"))


@dataclass(frozen=True, eq=False)
class LiveItems:
    """The catalogue at one moment; never changed, replaced as a whole.

    Notation: R rows of the release with the unknown row 0, I of this catalogue; a gem of the release keeps its row, new
    ones follow in the order in which they came.
    """

    tables: ReleaseTables
    columns: Mapping[str, list[Any]]  # of the item table, None where unknown, I - 1 each
    generator: CandidateGenerator  # over I items
    closed_until: Floats  # epoch seconds, inf for good, -inf for an open gem, I

    @classmethod
    def of(cls, tables: ReleaseTables, changes: Mapping[str, ItemChange]) -> Self:
        """The catalogue after the last change of each gem, by its id."""
        known = set(tables.index.ids)
        came = sorted(changes.values(), key=lambda change: (change.timestamp, change.item_id))
        new = [change for change in came if change.item_id not in known and change.columns is not None]
        columns = _grown(tables.columns, len(new), bool(changes))
        for row, change in enumerate(new, start=len(known) - 1):
            _write(columns, row, change)
        for change in came:
            if change.item_id in known and change.columns is not None:
                _write(columns, int(tables.index.rows([change.item_id])[0]) - 1, change)
        index = Index(columns["item_id"])
        closed = np.full(len(index), -np.inf)
        for change in came:
            [row] = index.rows([change.item_id])
            until = np.inf if change.columns is None else change.closed_until
            closed[row] = -np.inf if until is None else until
        closed[0] = np.inf
        return cls(tables, columns, _generator(tables, columns, new, bool(changes)), closed)

    @cached_property
    def index(self) -> Index:
        """Row of every gem."""
        return Index(self.columns["item_id"])

    @cached_property
    def attributes(self) -> ItemTable:
        """Attributes behind features and filters."""
        return ItemTable(dict(self.columns))

    @cached_property
    def static(self) -> Raw:
        """Raw columns `STATIC` of every row, I each."""
        return self.attributes.columns(np.arange(len(self.index)))

    @cached_property
    def types(self) -> NDArray[np.object_]:
        """Type of each row, None where unknown, I."""
        return np.array(self.attributes.type, dtype=object)

    @cached_property
    def neighborhoods(self) -> NDArray[np.object_]:
        """Neighborhood of each row, None where unknown, I."""
        return np.array(self.attributes.neighborhood, dtype=object)

    @cached_property
    def type_codes(self) -> Rows:
        """Number of each row's type, 0 where unknown, I."""
        return _codes(self.types)

    @cached_property
    def neighborhood_codes(self) -> Rows:
        """Number of each row's neighborhood, 0 where unknown, I."""
        return _codes(self.neighborhoods)

    @cached_property
    def newer_attributes(self) -> NDArray[np.float32]:
        """Attributes of the gems that came after the release, as its models read them, I - R X A."""
        released = len(self.tables.index) - 1
        came = pd.DataFrame({name: values[released:] for name, values in self.columns.items()})
        return self.tables.encoder.encode(came)

    def item(self, row: int) -> dict[str, Any]:
        """All columns of a gem; empty for the unknown one."""
        return {name: values[row - 1] for name, values in self.columns.items()} if row else {}

    def closed(self, now: float) -> NDArray[np.bool_]:
        """Which rows may not be shown at a moment, I; the unknown one never may."""
        return self.closed_until > now

    def deep_rows(self, rows: Rows) -> Rows:
        """Rows of the release's models; 0, the unknown item, for gems that came later."""
        return np.where(rows < len(self.tables.index), rows, 0)

    def collaborative(self, liked: Rows, reward: Floats) -> NDArray[np.float32]:
        """What `ItemKNN` scores for someone who liked these, size I; -inf for gems that came after it learned.

        Args:
            liked: Rows the person liked, each once.
            reward: Best reward they gave each.
        """
        scores = np.full(len(self.index), -np.inf, dtype=np.float32)
        known = liked < len(self.tables.index)
        scores[: len(self.tables.index)] = self.tables.collaborative(liked[known], reward[known])
        return scores

    def followers(self, model: str, liked: Rows) -> Floats:
        """`ReleaseTables.followers` over this catalogue, I; later gems are in no list and have none."""
        scores = np.full(len(self.index), -np.inf)
        known = liked[liked < len(self.tables.index)]
        scores[: len(self.tables.index)] = self.tables.followers(model, known)
        return scores


def _codes(words: NDArray[np.object_]) -> Rows:
    known = {word: code for code, word in enumerate(dict.fromkeys(word for word in words if word is not None), start=1)}
    return np.array([known.get(word, 0) for word in words], dtype=np.int64)


def _grown(columns: Mapping[str, Sequence[Any]], by: int, changed: bool) -> dict[str, list[Any]]:
    count = len(columns["item_id"])
    names = dict.fromkeys((*columns, *(_COLUMNS if changed else ())))
    return {name: [*columns.get(name, [None] * count), *[None] * by] for name in names}


def _write(columns: dict[str, list[Any]], row: int, change: ItemChange) -> None:
    """Put a gem as it is now into a row; what is not said is unknown, but when it was first seen stays."""
    said = dict(change.columns or {})
    said["created_at"] = said.get("created_at") or columns["created_at"][row] or change.timestamp
    for name, values in columns.items():
        value = said.get(name)
        values[row] = float(value) if name in _NUMBERS and isinstance(value, int | float) else value
    columns["item_id"][row] = change.item_id


def _generator(
    tables: ReleaseTables, columns: Mapping[str, list[Any]], new: Sequence[ItemChange], changed: bool
) -> CandidateGenerator:
    if not changed:
        return tables.generator
    place = np.full((len(columns["item_id"]) + 1, 2), np.nan)
    for axis, name in enumerate(("lat", "lon")):
        place[1:, axis] = np.array(columns[name], dtype=np.float64)
    released = tables.generator.place
    place[: len(released)] = np.where(np.isnan(place[: len(released)]), released, place[: len(released)])
    return tables.generator.with_items(place, np.array([change.timestamp for change in new], dtype=np.float64))
