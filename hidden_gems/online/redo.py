"""What a batch still has to write after its one atomic stroke, so that a restart can finish it without counting twice."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hidden_gems.core.kv import KeyValue
from hidden_gems.core.names import ITEM_CHANGES, ITEM_COUNTER, LEARNER_REDO, ROW_CHANGES
from hidden_gems.features.rows import ItemRow, UserRow
from hidden_gems.features.store import FeatureStore, Stamped

MARK_SECONDS = 8 * 86_400
"""How long marks of what has counted are kept: a day longer than the longest life of a token."""

Written = tuple[Mapping[str, Any], int]
"""Rows by id, and the second they are true at."""


@dataclass
class Redo:
    """Rows, marks and notes of one batch; all are absolute, so that writing them twice is writing them once."""

    version: int  # of the online state after the batch
    users: list[Written] = field(default_factory=list)
    items: list[Written] = field(default_factory=list)
    marks: tuple[str, ...] = ()  # keys of what has counted
    live: tuple[str, ...] = ()  # items that entered, changed or closed

    def finish(self, keys: KeyValue, store: FeatureStore) -> None:
        """Write everything, then forget it.

        Args:
            keys: Where marks and feeds are.
            store: Takes every row it is given, whatever it holds.

        Raises:
            PartUnavailableError: If a store does not answer; finish again.
        """
        for rows, at in self.users:
            store.write_users(rows, at)
        for rows, at in self.items:
            store.write_items(rows, at)
        keys.claim(dict.fromkeys(self.marks, b"1"), MARK_SECONDS)
        keys.mark(ROW_CHANGES, [name for rows, _ in self.items for name in rows], self.version)
        if self.live:
            keys.mark(ITEM_CHANGES, self.live, keys.count(ITEM_COUNTER))
        keys.delete([LEARNER_REDO])

    def to_json(self) -> bytes:
        """As it is stored."""
        rows = [[[{name: row.pack() for name, row in rows.items()}, at] for rows, at in part] for part in self._parts()]
        return json.dumps([self.version, *rows, self.marks, self.live], ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Redo":
        """What `to_json` wrote."""
        version, users, items, marks, live = json.loads(text)
        return cls(
            version,
            [({name: UserRow.unpack(packed) for name, packed in rows.items()}, at) for rows, at in users],
            [({name: ItemRow.unpack(packed) for name, packed in rows.items()}, at) for rows, at in items],
            tuple(marks),
            tuple(live),
        )

    def _parts(self) -> tuple[list[Written], list[Written]]:
        return self.users, self.items


@dataclass
class RowBuffer:
    """A feature store that reads through and keeps back what is written, see `features.store.FeatureStore`."""

    store: FeatureStore
    users: list[Written] = field(default_factory=list)
    items: list[Written] = field(default_factory=list)

    def write_users(self, rows: Mapping[str, UserRow], at: int) -> None:
        """Keep back rows of people."""
        if rows:
            self.users.append((dict(rows), at))

    def write_items(self, rows: Mapping[str, ItemRow], at: int) -> None:
        """Keep back rows of gems."""
        if rows:
            self.items.append((dict(rows), at))

    def read_users(self, user_ids: Sequence[str]) -> list[Stamped[UserRow] | None]:
        """Rows of people as the store has them."""
        return self.store.read_users(user_ids)

    def read_items(self, item_ids: Sequence[str]) -> list[Stamped[ItemRow] | None]:
        """Rows of gems as the store has them."""
        return self.store.read_items(item_ids)
