import numpy as np
import pytest

from hidden_gems.recommend.live import LiveItems
from tests.worlds import COUNT, NOW, change, tables

NEW = {"name": "Yeni", "type": "cafe", "neighborhood": "Moda", "lat": 41.0, "lon": 29.0, "price_level": 1}


def test_without_changes_the_catalogue_is_the_release() -> None:
    made = tables()
    items = LiveItems.of(made, {})
    assert items.index.ids == made.index.ids
    assert items.generator is made.generator
    assert items.item(3) == made.item(3)
    assert items.item(0) == {}
    assert items.closed(NOW).tolist() == [True] + [False] * COUNT
    assert items.deep_rows(np.array([0, 3, COUNT])).tolist() == [0, 3, COUNT]


def test_new_gems_follow_in_the_order_they_came_and_are_unknown_to_the_models() -> None:
    items = LiveItems.of(tables(), {"b": change("b", NOW - 5, **NEW), "a": change("a", NOW - 2, **NEW)})
    assert items.index.ids[COUNT + 1 :] == ("b", "a")
    assert items.index.ids[: COUNT + 1] == tables().index.ids
    assert items.deep_rows(np.array([1, COUNT, COUNT + 1, COUNT + 2])).tolist() == [1, COUNT, 0, 0]
    about = items.item(COUNT + 1)
    assert (about["item_id"], about["name"], about["price_level"]) == ("b", "Yeni", 1.0)
    assert about["authenticity"] is None
    assert about["created_at"] == NOW - 5
    assert items.attributes.type[COUNT + 1] == "cafe"
    assert items.types[COUNT + 1] == "cafe"
    assert items.static["item_price_level"][COUNT + 1] == 1.0
    assert np.isnan(items.static["item_authenticity"][COUNT + 1])


def test_new_gems_are_candidates_and_have_no_neighbours() -> None:
    items = LiveItems.of(tables(), {"b": change("b", NOW - 5, **NEW)})
    liked = np.array([3, COUNT + 1])
    scores = items.collaborative(liked, np.ones(2))
    assert scores.shape == (COUNT + 2,)
    assert np.isneginf(scores[[0, COUNT + 1]]).all()
    np.testing.assert_array_equal(scores[: COUNT + 1], tables().collaborative(np.array([3]), np.ones(1)))
    found = items.generator.for_one(np.empty(0, np.int64), items.closed(NOW), {})
    tags = {int(row): found.tags(0, place) for place, row in enumerate(found.items[0])}
    assert set(tags) == set(range(1, COUNT + 2))
    assert "new" in tags[COUNT + 1]


def test_a_changed_gem_keeps_its_row_and_says_what_it_is_now() -> None:
    items = LiveItems.of(tables(), {"g3": change("g3", type="museum", lat=40.9, lon=29.1)})
    assert len(items.index) == COUNT + 1
    about = items.item(3)
    assert (about["item_id"], about["type"], about["name"]) == ("g3", "museum", None)
    assert about["created_at"] == NOW - 10_000
    assert items.deep_rows(np.array([3])).tolist() == [3]
    assert items.generator.place[3].tolist() == [40.9, 29.1]
    np.testing.assert_array_equal(items.generator.place[4], tables().generator.place[4])


@pytest.mark.parametrize(("at", "closed"), [(NOW, True), (NOW + 59.9, True), (NOW + 60.0, False)])
def test_a_gem_closed_for_a_while_opens_on_time(at: float, closed: bool) -> None:
    items = LiveItems.of(tables(), {"g2": change("g2", until=NOW + 60.0, type="bar")})
    assert bool(items.closed(at)[2]) is closed


def test_a_gem_closed_for_good_stays_closed_and_an_unknown_one_closes_silently() -> None:
    items = LiveItems.of(tables(), {"g2": change("g2"), "never-seen": change("never-seen")})
    assert items.closed(NOW + 10**9)[2]
    assert len(items.index) == COUNT + 1
    assert items.item(2)["type"] == "museum"
    assert int(items.closed(NOW).sum()) == 2


def test_the_release_is_left_as_it_was() -> None:
    made = tables()
    LiveItems.of(made, {"g3": change("g3", type="museum"), "b": change("b", **NEW)})
    assert made.columns["type"] == tables().columns["type"]
    assert len(made.columns["item_id"]) == COUNT


def test_a_change_brings_columns_that_the_release_does_not_have() -> None:
    made = tables()
    del made.columns["best_time"], made.columns["created_at"]
    items = LiveItems.of(made, {"b": change("b", NOW - 5, best_time="night")})
    assert items.item(COUNT + 1)["best_time"] == "night"
    assert items.item(1)["best_time"] is None
    assert items.item(COUNT + 1)["created_at"] == NOW - 5
