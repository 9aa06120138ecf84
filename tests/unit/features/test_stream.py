import pytest

from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.features.event_rows import item_table
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.snapshot import snapshot
from hidden_gems.features.store import MemoryStore
from hidden_gems.features.stream import LiveRows
from tests import factories
from tests.unit.features.replay import batches

KINDS_OF_DATA = pytest.mark.parametrize(
    "dataset",
    [factories.rich_dataset(), factories.plain_dataset(), factories.plain_dataset(order_only=True)],
    ids=["rich", "interactions alone", "order only"],
)


def live(dataset: Dataset, store: MemoryStore, keys: MemoryKeyValue | None = None, people: int = 50_000) -> LiveRows:
    return LiveRows(
        store,
        item_table(dataset.items),
        timezone=dataset.about.timezone,
        order_only=dataset.about.order_only,
        keys=keys or MemoryKeyValue(),
        people=people,
    )


def store_at(dataset: Dataset, at: int) -> MemoryStore:
    store = MemoryStore(overwrite=True)
    users, items = snapshot(dataset.before(at), at)
    store.write_users(users, at)
    store.write_items(items, at)
    return store


def assert_twin(dataset: Dataset, store: MemoryStore, at: int) -> None:
    """Every row of the store is, at this second, what SQL counts at this second."""
    users, items = snapshot(dataset, at)
    people = store.read_users(list(users))
    for (name, row), found in zip(users.items(), people, strict=True):
        assert found is not None
        assert found.row.at(at).pack() == row.pack(), name
    gems = store.read_items(list(items))
    top = ItemRows.of({name: found.row for name, found in zip(items, gems, strict=True) if found}).top_likes(
        at, dataset.about.order_only
    )
    for (name, gem), stamped in zip(items.items(), gems, strict=True):
        assert stamped is not None
        assert stamped.row.at(at).with_top(top).pack() == gem.pack(), name


@KINDS_OF_DATA
@pytest.mark.parametrize("seed", range(3))
def test_the_stream_counts_what_sql_counts(dataset: Dataset, seed: int) -> None:
    times = dataset.interactions["timestamp"]
    start = int(times.iloc[int(0.6 * len(times))])
    store = store_at(dataset, start)
    rows, changed = live(dataset, store, people=7), 0
    for interactions, slates, at in batches(dataset, start, seed):
        found = rows.apply(interactions, slates, at)
        changed += len(found.users)
        touched = list(found.items)
        assert [each and each.row for each in store.read_items(touched)] == list(found.items.values())
    assert changed > 100
    assert_twin(dataset, store, dataset.now)
