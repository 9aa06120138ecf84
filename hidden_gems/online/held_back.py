"""A feature store that reads and leaves writing to its owner, so that a whole batch can be written at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hidden_gems.features.rows import ItemRow, UserRow
from hidden_gems.features.store import FeatureStore, Stamped


@dataclass(frozen=True)
class HeldBackRows:
    """See `features.store.FeatureStore`; the owner writes what `LiveRows` says it changed."""

    store: FeatureStore

    def write_users(self, rows: Mapping[str, UserRow], at: int) -> None:
        """Leave it to the owner."""

    def write_items(self, rows: Mapping[str, ItemRow], at: int) -> None:
        """Leave it to the owner."""

    def read_users(self, user_ids: Sequence[str]) -> list[Stamped[UserRow] | None]:
        """Rows of people as the store has them."""
        return self.store.read_users(user_ids)

    def read_items(self, item_ids: Sequence[str]) -> list[Stamped[ItemRow] | None]:
        """Rows of gems as the store has them."""
        return self.store.read_items(item_ids)
