"""What a batch still has to write after its one atomic stroke, so that a restart finishes it without counting twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.kv import KeyValue
from hidden_gems.core.names import ITEM_CHANGES, ITEM_COUNTER, LEARNER_REDO, ROW_CHANGES
from hidden_gems.features.rows import ItemRow, UserRow
from hidden_gems.features.store import FeatureStore

MARK_SECONDS = 8 * DAY_SECONDS
"""How long it is known what has counted: a day longer than the longest life of a token."""


@dataclass(frozen=True)
class Redo:
    """Rows, marks and notes of one batch, all of them absolute: writing them twice is writing them once."""

    version: int  # of the online state after the batch
    at: int  # second at which the rows are true
    users: Mapping[str, UserRow] = field(default_factory=dict)  # by pseudonym
    items: Mapping[str, ItemRow] = field(default_factory=dict)  # by item id
    marks: Mapping[str, str] = field(default_factory=dict)  # keys of what has counted, with their values
    changed: tuple[str, ...] = ()  # items that entered, changed or closed

    def finish(self, keys: KeyValue, store: FeatureStore) -> None:
        """Write everything, then forget it.

        Args:
            keys: Where marks and feeds are.
            store: Takes every row it is given, whatever it holds.

        Raises:
            PartUnavailableError: If a store does not answer; finish again.
        """
        store.write_users(self.users, self.at)
        store.write_items(self.items, self.at)
        keys.claim({key: value.encode() for key, value in self.marks.items()}, MARK_SECONDS)
        keys.mark(ROW_CHANGES, list(self.items), self.version)
        if self.changed:
            keys.mark(ITEM_CHANGES, self.changed, keys.count(ITEM_COUNTER))
        keys.delete([LEARNER_REDO])

    def to_json(self) -> bytes:
        """As it is stored until it is done."""
        rows = [{name: row.pack() for name, row in part.items()} for part in (self.users, self.items)]
        return orjson.dumps([self.version, self.at, *rows, dict(self.marks), self.changed])

    @classmethod
    def from_json(cls, text: bytes) -> "Redo":
        """What `to_json` wrote."""
        version, at, users, items, marks, changed = orjson.loads(text)
        return cls(
            version,
            at,
            {name: UserRow.unpack(row) for name, row in users.items()},
            {name: ItemRow.unpack(row) for name, row in items.items()},
            marks,
            tuple(changed),
        )
