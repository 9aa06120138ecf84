"""What every feature store must do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hidden_gems.cli.processes import redis_server
from hidden_gems.features.feast_store import FeastSettings, FeastStore, apply
from hidden_gems.features.raw import ITEM, USER
from hidden_gems.features.rows import ItemRow, UserRow
from hidden_gems.features.store import FeatureStore, MemoryStore

AT = 1_777_852_800


@pytest.fixture(scope="module")
def feast_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeastStore]:
    with redis_server(tmp_path_factory.mktemp("redis")) as address:
        settings = FeastSettings(address, tmp_path_factory.mktemp("feast"), 5.0, Path("feature_repo"))
        apply(settings)
        yield FeastStore(settings)


@pytest.fixture(params=["memory", "feast"])
def store(request: pytest.FixtureRequest) -> FeatureStore:
    if request.param == "memory":
        return MemoryStore()
    found: FeastStore = request.getfixturevalue("feast_store")
    return found


def user(likes: float) -> UserRow:
    return UserRow(
        (likes,) * len(USER), {"gğ": (likes, 5.0, 1.0)}, {"cafe": (1.0, 2.0, -3.0, 4.0)}, {"Balat": (likes,)}
    )


def item(likes: float) -> ItemRow:
    return ItemRow((likes,) * len(ITEM))


def test_a_row_comes_back_with_its_second(store: FeatureStore) -> None:
    store.write_users({"a": user(1), "": user(2)}, AT)
    store.write_items({"g": item(3)}, AT + 1)
    found, new = store.read_users(["a", ""])
    assert found is not None
    assert new is not None
    assert (found.row, found.timestamp, found.age(AT + 2.5)) == (user(1), AT, 2.5)
    assert new.row == user(2)
    [gem] = store.read_items(["g"])
    assert gem is not None
    assert (gem.row, gem.timestamp) == (item(3), AT + 1)


def test_rows_come_back_in_the_order_of_the_ids(store: FeatureStore) -> None:
    store.write_items({f"order{n}": item(n) for n in range(5)}, AT)
    found = store.read_items(["order3", "never-seen", "order0", "order3"])
    assert [row and row.row.totals[0] for row in found] == [3.0, None, 0.0, 3.0]
    assert store.read_users(["never-seen"]) == [None]


def test_a_newer_row_replaces_and_a_late_one_does_not(store: FeatureStore) -> None:
    store.write_users({"late": user(1)}, AT)
    store.write_users({"late": user(2)}, AT + 1)
    store.write_users({"late": user(3)}, AT)
    assert [found and found.row for found in store.read_users(["late"])] == [user(2)]


def test_of_two_rows_of_one_second_the_first_stays(store: FeatureStore) -> None:
    store.write_items({"same": item(1)}, AT)
    store.write_items({"same": item(2)}, AT)
    assert [found and found.row for found in store.read_items(["same"])] == [item(1)]


def test_people_and_gems_of_one_name_are_two(store: FeatureStore) -> None:
    store.write_users({"twin": user(1)}, AT)
    assert store.read_items(["twin"]) == [None]


def test_nothing_to_write_and_nothing_to_read(store: FeatureStore) -> None:
    store.write_users({}, AT)
    assert store.read_users([]) == store.read_items([]) == []


def test_the_second_that_means_never_is_refused(store: FeatureStore) -> None:
    with pytest.raises(ValueError, match="second 1 or later, got 0"):
        store.write_users({"a": user(1)}, 0)
    with pytest.raises(ValueError, match="got -5"):
        store.write_items({"g": item(1)}, -5)
    store.write_items({"first": item(1)}, 1)
    assert [found and found.timestamp for found in store.read_items(["first"])] == [1]
