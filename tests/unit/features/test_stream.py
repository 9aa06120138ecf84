import math
from collections.abc import Mapping
from typing import Any

import pytest

from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.events.records import Interaction, Place, Slate
from hidden_gems.features.event_rows import item_table
from hidden_gems.features.item_table import ItemTable
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.raw import ITEM, NEEDS_TIME, USER
from hidden_gems.features.rows import NEW, NEW_ITEM, NEW_USER, PATH_LENGTH, ItemRow
from hidden_gems.features.snapshot import snapshot
from hidden_gems.features.store import MemoryStore, Stamped
from hidden_gems.features.stream import Changed, LiveRows, remember_answers
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
    users, items = snapshot(dataset, at)
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


def test_a_stream_may_begin_before_everything() -> None:
    dataset = factories.rich_dataset(users=5, count=6, events=60)
    store = store_at(dataset, factories.MONDAY - 100)
    rows = live(dataset, store)
    for interactions, slates, at in batches(dataset, 0, seed=1):
        rows.apply(interactions, slates, at)
    assert_twin(dataset, store, dataset.now)


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


AT = 1_777_900_000
GEMS: dict[str, Any] = {
    "item_id": ["g1", "g2"], "type": ["cafe", None], "neighborhood": ["Balat", None], "lat": [41.0, None],
    "lon": [29.0, None],
}  # fmt: skip


class Broken(MemoryStore):
    """A store whose items cannot be written for a while."""

    broken = False

    def write_items(self, rows: Mapping[str, ItemRow], at: int) -> None:
        if self.broken:
            raise PartUnavailableError("features", "away")
        super().write_items(rows, at)


def event(kind: str = "visit", item: str = "g1", user: str = "u", **more: Any) -> Interaction:
    content = {"event_id": "e", "timestamp": AT - 10.0, "received": AT - 9.0} | more
    return Interaction(user_id=user, item_id=item, event_type=kind, **content)


def slate(*items: str, user: str = "u") -> Slate:
    places = tuple(Place(name, number, 1.0, 0.0, (), ()) for number, name in enumerate(items))
    return Slate("s", user, AT - 20.5, "p", "r", "f", 0, places)


def small(
    store: MemoryStore | None = None, keys: MemoryKeyValue | None = None, **more: Any
) -> tuple[LiveRows, MemoryStore]:
    store = store or MemoryStore(overwrite=True)
    settings = {"timezone": "Europe/Istanbul", "keys": keys or MemoryKeyValue()} | more
    return LiveRows(store, ItemTable(GEMS), **settings), store


def user_of(changed: Changed, name: str = "u") -> dict[str, float]:
    return dict(zip(USER, changed.users[name].totals, strict=True))


def item_of(changed: Changed, name: str = "g1") -> dict[str, float]:
    return dict(zip(ITEM, changed.items[name].totals, strict=True))


def test_nothing_to_count_changes_nothing() -> None:
    rows, store = small()
    assert rows.apply([], [], AT) == Changed()
    ignored = [
        event(kind) for kind in ("shown", "impression", "trust_answer", "relevance_rating", "of a later version")
    ]
    assert rows.apply(ignored, [], AT) == Changed()
    assert store == MemoryStore(overwrite=True)


def test_one_visit_by_somebody_new() -> None:
    rows, store = small()
    changed = rows.apply([event(timestamp=AT - 0.5, context={"lat": 41.5, "lon": 29.25})], [], AT)
    user, item = user_of(changed), item_of(changed)
    told = {name: value for name, value in user.items() if value}
    assert told == {
        "user_interactions": 1, "user_likes": 1, "user_items": 1, "user_type_likes": 1, "user_type_squares": 1,
        "user_neighborhood_likes": 1, "user_neighborhood_squares": 1, "user_conversions": 1, "user_located": 1,
        "user_lat_sum": 41_500_000, "user_lon_sum": 29_250_000, "user_first_time": AT - 1, "user_last_time": AT - 1,
        "user_likes_7d": 1, "user_likes_30d": 1, "user_last_lat": 41.5, "user_last_lon": 29.25,
    }  # fmt: skip
    assert {name: value for name, value in item.items() if value} == {
        "item_interactions": 1, "item_likes": 1, "item_users": 1, "item_conversions": 1, "item_reward_sum": 1_000_000,
        "item_first_time": AT - 1, "item_last_time": AT - 1, "item_likes_7d": 1, "item_likes_30d": 1,
    }  # fmt: skip
    row = changed.users["u"]
    assert (row.own, row.types) == ({"g1": (1.0, AT - 1, 1.0)}, {"cafe": (1.0, 1.0, 1e6, 0.0)})
    assert (row.neighborhoods, row.recent) == ({"Balat": (1.0,)}, (AT - 1,))
    assert store.read_users(["u"]) == [Stamped(row, AT)]
    assert store.read_items(["g1"]) == [Stamped(changed.items["g1"], AT)]


def test_a_dislike_is_feedback_and_no_like() -> None:
    changed = small()[0].apply([event("dismiss")], [], AT)
    row, user, item = changed.users["u"], user_of(changed), item_of(changed)
    assert (row.own, row.neighborhoods, row.recent) == ({}, {}, ())
    assert row.types == {"cafe": (1.0, 0.0, -500_000.0, 0.0)}
    assert (user["user_negatives"], user["user_likes"], user["user_located"]) == (1, 0, 0)
    assert (item["item_negatives"], item["item_users"], item["item_reward_sum"]) == (1, 0, -500_000)
    assert math.isnan(user["user_last_lat"])


def test_a_gem_nobody_described_counts_without_attributes() -> None:
    for name in ("g2", "entered this minute"):
        changed = small()[0].apply([event(item=name)], [slate(name)], AT)
        row = changed.users["u"]
        assert (row.types, row.neighborhoods, list(row.own)) == ({}, {}, [name])
        assert user_of(changed)["user_type_squares"] == user_of(changed)["user_located"] == 0
        assert item_of(changed, name)["item_impressions"] == item_of(changed, name)["item_likes"] == 1


def test_gems_that_enter_get_their_attributes_with_the_next_table() -> None:
    rows, _ = small()
    rows.apply([event(item="g9")], [], AT)
    rows.items = ItemTable({"item_id": ["g9"], "type": ["bar"]})
    row = rows.apply([event(item="g9")], [], AT + 1).users["u"]
    assert row.types == {"bar": (1.0, 1.0, 1e6, 0.0)}
    assert row.own["g9"][0] == 2.0


def test_impressions_count_for_the_gem_and_for_the_type() -> None:
    changed = small()[0].apply([], [slate("g1", "g2"), slate("g1")], AT)
    assert changed.users["u"].types == {"cafe": (0.0, 0.0, 0.0, 2.0)}
    assert user_of(changed)["user_interactions"] == 0
    assert math.isnan(user_of(changed)["user_first_time"])
    item = item_of(changed)
    assert (item["item_impressions"], item["item_first_time"]) == (2, AT - 21)
    assert math.isnan(item["item_last_time"])


def test_the_first_impression_makes_impressions_known() -> None:
    blank = dict(zip(ITEM, NEW_ITEM.totals, strict=True)) | {"item_impressions": math.nan, "item_answers": math.nan}
    store = MemoryStore(overwrite=True)
    store.write_items({NEW: ItemRow(tuple(blank.values()))}, 1)
    rows, _ = small(store)
    item = item_of(rows.apply([event("click", slate_id="s")], [], AT))
    assert math.isnan(item["item_impressions"])
    assert math.isnan(item["item_answers"])
    item = item_of(rows.apply([event("click", slate_id="t", event_id="f")], [slate("g1")], AT))
    assert (item["item_impressions"], item["item_answers"]) == (1, 1)


def test_one_answer_is_counted_for_a_gem_of_a_slate() -> None:
    rows, _ = small()
    clicks = [
        event("view", slate_id="s", event_id="0"), event("click", event_id="1"),
        event("click", slate_id="s", event_id="2"), event("save", slate_id="s", event_id="3"),
        event("click", "g2", slate_id="s", event_id="4"),
    ]  # fmt: skip
    changed = rows.apply(clicks, [], AT)
    assert (item_of(changed)["item_answers"], item_of(changed, "g2")["item_answers"]) == (1, 1)
    changed = rows.apply(
        [event("visit", slate_id="s", event_id="5"), event("visit", slate_id="t", event_id="6")], [], AT
    )
    assert item_of(changed)["item_answers"] == 2


def test_answers_of_the_history_are_not_answered_again() -> None:
    keys = MemoryKeyValue()
    remember_answers([("s", "g1")] * 3 + [(f"s{n}", "g1") for n in range(2_500)], keys)
    rows, _ = small(keys=keys)
    asked = [event("click", slate_id=name, event_id=name) for name in ("s", "s2499", "s2500")]
    assert item_of(rows.apply(asked, [], AT))["item_answers"] == 1


def test_a_batch_whose_rows_were_not_written_can_be_applied_again() -> None:
    store, keys = Broken(overwrite=True), MemoryKeyValue()
    rows, _ = small(store, keys)
    rows.apply([event(event_id="0")], [], AT)
    batch = [event("click", slate_id="s"), event("visit", "g2", event_id="f")], [slate("g1", "g2")]
    store.broken = True
    with pytest.raises(PartUnavailableError):
        rows.apply(*batch, AT)
    store.broken = False
    again = rows.apply(*batch, AT)
    other, _ = small()
    other.apply([event(event_id="0")], [], AT)
    assert again == other.apply(*batch, AT)
    assert item_of(again)["item_answers"] == 1


def test_an_older_like_does_not_move_the_last_place() -> None:
    rows, _ = small()
    here, there = {"lat": 41.5, "lon": 29.5}, {"lat": 40.0, "lon": 28.0}
    rows.apply([event(timestamp=AT - 50, context=here)], [], AT)
    changed = rows.apply([event(timestamp=AT - 51, context=there)], [], AT)
    assert (user_of(changed)["user_last_lat"], user_of(changed)["user_last_lon"]) == (41.5, 29.5)
    assert (user_of(changed)["user_first_time"], user_of(changed)["user_last_time"]) == (AT - 51, AT - 50)
    assert changed.users["u"].recent == (AT - 51, AT - 50)
    assert changed.users["u"].own["g1"] == (2.0, AT - 50, 1.0)
    changed = rows.apply([event("click", timestamp=AT - 50, context=there)], [], AT)
    assert user_of(changed)["user_last_lat"] == 40.0
    assert changed.users["u"].own["g1"] == (3.0, AT - 50, 1.0)


def test_a_path_is_in_the_order_of_time_and_then_of_coming() -> None:
    rows, _ = small()
    told = [("g1", 9), ("g2", 5), ("g1", 5), ("g2", 9), ("g1", 7)]
    for item, ago in told:
        changed = rows.apply([event(item=item, timestamp=AT - ago + 0.5)], [], AT)
    assert changed.users["u"].path == (
        ("g1", AT - 9), ("g2", AT - 9), ("g1", AT - 7), ("g2", AT - 5), ("g1", AT - 5),
    )  # fmt: skip
    assert rows.apply([event("dismiss")], [], AT).users["u"].path == changed.users["u"].path


def test_a_path_forgets_the_oldest() -> None:
    rows, _ = small()
    rows.apply([event(timestamp=AT + number) for number in range(PATH_LENGTH)], [], AT)
    changed = rows.apply([event(item="g2", timestamp=AT + 0.5), event(item="g2", timestamp=AT - 1.0)], [], AT)
    path = changed.users["u"].path
    assert len(path) == PATH_LENGTH
    assert path[:2] == (("g2", AT), ("g1", AT + 1))


@pytest.mark.parametrize("bad", [None, "41.0", True, math.nan])
def test_a_place_that_is_no_number_is_none(bad: object) -> None:
    changed = small()[0].apply([event(context={"lat": bad, "lon": 29.5})], [], AT)
    assert (user_of(changed)["user_last_lat"], user_of(changed)["user_last_lon"]) == (41.0, 29.0)  # of the gem


def test_nights_and_weekends_are_local() -> None:
    friday_night = 1_777_669_200 - 60  # 2026-05-01 23:59 in Istanbul
    changed = small()[0].apply([event(timestamp=friday_night), event(timestamp=friday_night + 60)], [], AT)
    assert (user_of(changed)["user_night_likes"], user_of(changed)["user_weekend_likes"]) == (2, 1)


def test_an_order_has_no_times_even_where_the_store_is_empty() -> None:
    rows, _ = small(order_only=True)
    changed = rows.apply([event(timestamp=7.0, context={"lat": 41.5, "lon": 29.5})], [slate("g1")], 8)
    user, item, row = user_of(changed), item_of(changed), changed.users["u"]
    missing = {name for name, value in (user | item).items() if math.isnan(value)}
    assert missing == NEEDS_TIME - {"own_last_time"}
    assert math.isnan(row.own["g1"][1])
    assert row.recent == changed.items["g1"].recent == ()
    assert row.path == (("g1", 7),)
    assert (user["user_last_lat"], item["item_top_likes"]) == (41.5, 1)
    assert user_of(rows.apply([event("click", timestamp=6.0)], [], 9))["user_last_lat"] == 41.0


def test_the_most_liked_gem_is_known_to_every_row_that_is_written() -> None:
    store = MemoryStore(overwrite=True)
    yesterday = AT - 86_400
    store.write_items({"g2": ItemRow(NEW_ITEM.totals, (yesterday, yesterday))}, 1)
    rows, _ = small(store)
    assert item_of(rows.apply([event()], [], AT))["item_top_likes"] == 2
    late = [event(item="g2", timestamp=yesterday), event()]
    assert item_of(rows.apply(late, [], AT))["item_top_likes"] == 3


def test_people_beyond_the_memory_are_read_again() -> None:
    rows, store = small(people=1)
    for name in ("u", "v", "u", "w", "u"):
        rows.apply([event(user=name)], [], AT)
    [found] = store.read_users(["u"])
    assert found is not None
    assert found.row.own["g1"][0] == 3.0
    store.write_users({"u": NEW_USER, "w": NEW_USER}, AT)
    assert rows.apply([event(user="u")], [], AT).users["u"].own["g1"][0] == 4.0  # in memory
    assert rows.apply([event(user="w")], [], AT).users["w"].own["g1"][0] == 1.0  # read again


def test_whoever_was_seen_last_stays_in_memory() -> None:
    rows, store = small(people=2)
    for name in ("u", "v", "u", "w"):
        rows.apply([event(user=name)], [], AT)
    store.write_users({"u": NEW_USER, "v": NEW_USER}, AT)
    assert rows.apply([event(user="u")], [], AT).users["u"].own["g1"][0] == 3.0  # in memory
    assert rows.apply([event(user="v")], [], AT).users["v"].own["g1"][0] == 1.0  # read again
