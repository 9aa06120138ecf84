"""What every feature store must do."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hidden_gems.cli.processes import redis_server
from hidden_gems.core.errors import FencedError
from hidden_gems.core.fence import Fence
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.features.hot_store import HotRows, HotStore
from hidden_gems.features.raw import ITEM, USER
from hidden_gems.features.rows import ItemRow, UserRow
from hidden_gems.features.store import FeatureStore, MemoryStore, Stamped

if TYPE_CHECKING:
    from hidden_gems.features.feast_store import FeastSettings, FeastStore

AT = 1_777_852_800


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[FeastSettings]":
    from hidden_gems.features.feast_store import FeastSettings, apply  # takes seconds to import

    with redis_server(tmp_path_factory.mktemp("redis")) as address:
        settings = FeastSettings(address, tmp_path_factory.mktemp("feast"), 5.0, Path("feature_repo"))
        apply(settings)
        yield settings


@pytest.fixture(scope="module")
def feast_store(settings: "FeastSettings") -> "FeastStore":
    from hidden_gems.features.feast_store import FeastStore

    return FeastStore(settings)


@pytest.fixture(scope="module")
def feast_overwriting(settings: "FeastSettings") -> "FeastStore":
    from hidden_gems.features.feast_store import FeastStore

    return FeastStore(settings, overwrite=True)


@pytest.fixture(scope="module")
def hot_store(settings: "FeastSettings") -> HotStore:
    return HotStore(RedisKeyValue(settings.redis, 5.0))


@pytest.fixture(params=["memory", "feast"])
def store(request: pytest.FixtureRequest) -> FeatureStore:
    if request.param == "memory":
        return MemoryStore()
    found: FeastStore = request.getfixturevalue("feast_store")
    return found


@pytest.fixture(params=["memory", "feast", "hot"])
def overwriting(request: pytest.FixtureRequest) -> FeatureStore:
    if request.param == "memory":
        return MemoryStore(overwrite=True)
    fixtures = {"feast": "feast_overwriting", "hot": "hot_store"}
    found: FeatureStore = request.getfixturevalue(fixtures[request.param])
    return found


def user(likes: float) -> UserRow:
    return UserRow(
        (likes,) * len(USER), {"gğ": (likes, 5.0, 1.0)}, {"cafe": (1.0, 2.0, -3.0, 4.0)}, {"Balat": (likes,)},
        (AT - 60, AT - 5), (("gğ", AT - 60), ("g2", AT - 5)),
    )  # fmt: skip


def item(likes: float) -> ItemRow:
    return ItemRow((likes,) * len(ITEM), (AT - 60, AT - 60))


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


def test_a_store_that_overwrites_takes_every_row(overwriting: FeatureStore) -> None:
    for at, likes in ((AT, 1), (AT, 2), (AT - 1, 3)):
        overwriting.write_users({"over": user(likes)}, at)
        overwriting.write_items({"over": item(likes)}, at)
        assert overwriting.read_users(["over"]) == [Stamped(user(likes), at)]
        assert overwriting.read_items(["over"]) == [Stamped(item(likes), at)]


IDS = ["plain", "", "ğüşiöç", "🧭🕌", "a" * 64, "🏛" * 64, "with space", "1", "\u200d", "x:y|z"]


def test_rows_straight_out_of_redis_are_those_that_feast_reads(feast_store: "FeastStore", hot_store: HotStore) -> None:
    for number, name in enumerate(IDS):
        feast_store.write_users({f"hot{name}": user(number / 7)}, AT + number)
        feast_store.write_items({f"hot{name}": item(float("nan") if number % 2 else number)}, 1 + number)
    asked = [word for name in IDS for word in (f"hot{name}", f"missing{name}")]
    assert hot_store.read_users(asked) == feast_store.read_users(asked)
    ours, theirs = hot_store.read_items(asked), feast_store.read_items(asked)
    assert [row and (row.row.pack(), row.timestamp) for row in ours] == [
        row and (row.row.pack(), row.timestamp) for row in theirs
    ]
    assert [row is None for row in ours] == [False, True] * len(IDS)
    assert [row.timestamp for row in hot_store.read_users(asked) if row] == [AT + number for number in range(len(IDS))]


def test_many_rows_come_in_the_order_of_the_ids(feast_overwriting: "FeastStore", hot_store: HotStore) -> None:
    names = [f"many{number}" for number in range(2_100)]
    feast_overwriting.write_items({name: item(number) for number, name in enumerate(names)}, AT)
    found = hot_store.read_items(names[::-1])
    assert [row and row.row.totals[0] for row in found] == list(range(2_099, -1, -1))
    assert hot_store.read_users([]) == hot_store.read_items([]) == []
    assert hot_store.read_users(["many1"]) == [None]  # a gem is no person


def test_one_round_trip_brings_a_person_beside_other_keys(feast_store: "FeastStore", settings: "FeastSettings") -> None:
    feast_store.write_users({"trip": user(4)}, AT)
    keys, hot = RedisKeyValue(settings.redis, 5.0), HotRows()
    keys.put({"beside": b"it"})
    fetched = keys.fetch(["beside"], [hot.user_hash("trip"), hot.item_hash("trip")])
    assert fetched.values == [b"it"]
    assert hot.user_row(fetched.fields[0]) == Stamped(user(4), AT)
    assert hot.item_row(fetched.fields[1]) is None


def test_another_project_has_other_rows(feast_store: "FeastStore", settings: "FeastSettings") -> None:
    feast_store.write_users({"mine": user(4)}, AT)
    other = HotStore(RedisKeyValue(settings.redis, 5.0), HotRows("somebody_else"))
    assert other.read_users(["mine"]) == [None]


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, 70_000])
def test_texts_of_every_length_are_read(length: int, feast_store: "FeastStore", hot_store: HotStore) -> None:
    row = UserRow(user(1).totals, {"g" * length: (1.0, 2.0, 3.0)})
    feast_store.write_users({f"long{length}": row}, AT)
    assert hot_store.read_users([f"long{length}"]) == [Stamped(row, AT)]


def test_rows_straight_into_redis_are_byte_for_byte_those_that_feast_writes(
    feast_overwriting: "FeastStore", hot_store: HotStore, settings: "FeastSettings"
) -> None:
    redis = RedisKeyValue(settings.redis, 5.0)._redis
    random = np.random.default_rng(0)
    odd = [0.0, -0.0, float("nan"), float("inf"), -1e300, 5e-324, 1.0, 1e15]
    for number, name in enumerate(f"in{name}" for name in IDS):
        totals = tuple(odd[k] for k in random.integers(len(odd), size=len(USER)))
        finite = tuple(0.0 if math.isinf(value) else value for value in totals)  # JSON has no infinity
        people, gems = {name: replace(user(number), totals=finite)}, {name: ItemRow(finite[: len(ITEM)])}
        written = []
        for store in (feast_overwriting, hot_store):
            store.write_users(people, AT + number)
            store.write_items(gems, 1 + 130 * number)
            hashes = [HotRows().user_hash(name)[0], HotRows().item_hash(name)[0]]
            written.append([redis.hgetall(key) for key in hashes])
            redis.delete(*hashes)
        assert written[0] == written[1]
        assert len(written[0][0]) == len(USER) + 2


def test_feast_reads_the_totals_of_a_row_straight_into_redis(feast_store: "FeastStore", hot_store: HotStore) -> None:
    hot_store.write_items({"told": item(2.5)}, AT)
    answer = feast_store._feast.get_online_features(["item_rows:item_likes"], {"item_id": ["told"]}).to_dict()
    assert answer["item_likes"] == [2.5]


def test_behind_a_fence_rows_are_written_until_it_is_anothers(settings: "FeastSettings") -> None:
    keys = RedisKeyValue(settings.redis, 5.0)
    fenced, plain = HotStore(keys.behind(Fence("guard", b"7"))), HotStore(keys)
    keys.put({"guard": b"7"})
    fenced.write_users({"f": user(1)}, AT)
    fenced.write_items({"f": item(1)}, AT)
    keys.put({"guard": b"8"})
    with pytest.raises(FencedError):
        fenced.write_users({"f": user(2)}, AT + 1)
    with pytest.raises(FencedError):
        fenced.write_items({"f": item(2)}, AT + 1)
    assert plain.read_users(["f"]) == [Stamped(user(1), AT)]
    assert plain.read_items(["f"]) == [Stamped(item(1), AT)]
