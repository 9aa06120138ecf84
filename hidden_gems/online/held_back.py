"""A feature store that reads through and keeps back what is written, until a whole batch can be written at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hidden_gems.features.rows import ItemRow, UserRow
from hidden_gems.features.store import FeatureStore, Stamped


@dataclass
class HeldBackRows:
    """See `features.store.FeatureStore`; whoever writes here must remember what it wrote."""

    store: FeatureStore
    users: dict[str, UserRow] = field(default_factory=dict)
    items: dict[str, ItemRow] = field(default_factory=dict)

    def write_users(self, rows: Mapping[str, UserRow], at: int) -> None:
        """Keep back rows of people."""
        self.users |= rows

    def write_items(self, rows: Mapping[str, ItemRow], at: int) -> None:
        """Keep back rows of gems."""
        self.items |= rows

    def read_users(self, user_ids: Sequence[str]) -> list[Stamped[UserRow] | None]:
        """Rows of people as the store has them."""
        return self.store.read_users(user_ids)

    def read_items(self, item_ids: Sequence[str]) -> list[Stamped[ItemRow] | None]:
        """Rows of gems as the store has them."""
        return self.store.read_items(item_ids)
