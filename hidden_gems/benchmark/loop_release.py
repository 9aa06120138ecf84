"""A release as the closed loop holds it: opened in this process, with the rows that were true on its day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hidden_gems.datasets.dataset import About
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.raw import Raw
from hidden_gems.features.rows import ItemRow, UserRow
from hidden_gems.features.store import MemoryStore
from hidden_gems.online.state import OnlineState
from hidden_gems.recommend.answering import Ranker
from hidden_gems.recommend.deep import DeepModels
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.recommend.world import World


@dataclass(frozen=True)
class TrialRelease:
    """What a release knows, and what the feature store knew on its day."""

    version: str
    about: About
    tables: ReleaseTables
    deep: DeepModels | None  # None where only neighbours and trees were trained
    ranker: Ranker
    prior: Callable[[], OnlineState]  # a new one each time, for it moves
    embeddings: Mapping[str, int]  # row of each person that the models know, by pseudonym
    users: Mapping[str, UserRow]  # by pseudonym
    items: Mapping[str, ItemRow]  # by item id
    at: int  # second at which the rows are true, epoch seconds

    def store(self) -> MemoryStore:
        """A feature store as it was on the day of the release."""
        store = MemoryStore(overwrite=True)
        store.write_users(self.users, self.at)
        store.write_items(self.items, self.at)
        return store

    def world(self, still: bool) -> World:
        """What a request sees on the day of the release.

        Args:
            still: The rows never move, so their windows are those of that day for good.
        """
        models = () if self.deep is None else tuple(self.deep.names)
        rows = ItemRows.of(self.items)
        world = World.of(self.version, self.about, models, self.tables)
        rows = StillRows(**(vars(rows) | {"at": self.at})) if still else rows
        return World(world.release, world.about, world.models, world.items, rows, self.prior())


@dataclass(frozen=True)
class StillRows(ItemRows):
    """Rows that say for ever what was true at one second: kinder to a release than windows that run empty."""

    at: int = 0  # epoch seconds

    def columns(self, item_ids: list[str], timestamp: int, order_only: bool = False) -> Raw:  # type: ignore[override]
        """Raw columns as of the second of the rows; see `ItemRows.columns`."""
        return super().columns(item_ids, self.at, order_only)
