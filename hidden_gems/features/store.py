"""Where rows live between the stream that makes them and the request that reads them: the protocol and its twin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from hidden_gems.features.rows import ItemRow, UserRow

USER_VIEW, ITEM_VIEW = "user_rows", "item_rows"
"""Views of the feature store."""
USER_KEY, ITEM_KEY = "user_id", "item_id"
"""What each is looked up by."""
PACKED = "packed"
"""Field that holds the whole row of a view."""

Row = TypeVar("Row", UserRow, ItemRow, covariant=True)


@dataclass(frozen=True)
class Stamped(Generic[Row]):
    """A row and the second it was true at; how old is too old is for the reader to judge."""

    row: Row
    timestamp: int  # epoch seconds, or an order

    def age(self, now: float) -> float:
        """Seconds since the row was true."""
        return now - self.timestamp


class RowReader(Protocol):
    """Rows of people and gems by id, to read."""

    def read_users(self, user_ids: Sequence[str]) -> list[Stamped[UserRow] | None]:
        """Row of each person in the order of the ids; None where there is none."""
        ...

    def read_items(self, item_ids: Sequence[str]) -> list[Stamped[ItemRow] | None]:
        """Row of each gem in the order of the ids; None where there is none."""
        ...


class FeatureStore(RowReader, Protocol):
    """Rows of people and gems by id.

    A row is taken when it is newer than the one held: a late row never undoes a fresh one, and of two rows of the same
    second the first stays. A store that overwrites takes every row: for the one writer that knows what is newest.
    """

    def write_users(self, rows: Mapping[str, UserRow], at: int) -> None:
        """Write what is true of people at a second after the epoch (1 or later)."""
        ...

    def write_items(self, rows: Mapping[str, ItemRow], at: int) -> None:
        """Write what is true of gems at a second after the epoch (1 or later)."""
        ...


@dataclass
class MemoryStore:
    """Rows in this process: for tests, and for one machine without Redis."""

    overwrite: bool = False  # take every row that is written, also one that is not newer than the one held
    _users: dict[str, Stamped[UserRow]] = field(default_factory=dict)
    _items: dict[str, Stamped[ItemRow]] = field(default_factory=dict)

    def write_users(self, rows: Mapping[str, UserRow], at: int) -> None:
        """Write what is true of people at a second after the epoch (1 or later)."""
        check_second(at)
        for name, row in rows.items():
            if self.overwrite or name not in self._users or self._users[name].timestamp < at:
                self._users[name] = Stamped(row, at)

    def write_items(self, rows: Mapping[str, ItemRow], at: int) -> None:
        """Write what is true of gems at a second after the epoch (1 or later)."""
        check_second(at)
        for name, row in rows.items():
            if self.overwrite or name not in self._items or self._items[name].timestamp < at:
                self._items[name] = Stamped(row, at)

    def read_users(self, user_ids: Sequence[str]) -> list[Stamped[UserRow] | None]:
        """Row of each person in the order of the ids; None where there is none."""
        return [self._users.get(name) for name in user_ids]

    def read_items(self, item_ids: Sequence[str]) -> list[Stamped[ItemRow] | None]:
        """Row of each gem in the order of the ids; None where there is none."""
        return [self._items.get(name) for name in item_ids]


def check_second(at: int) -> None:
    """Refuse a second that means "never seen" in a store.

    Raises:
        ValueError: If `at` is below 1.
    """
    if at < 1:
        raise ValueError(f"rows must be true at second 1 or later, got {at}")
