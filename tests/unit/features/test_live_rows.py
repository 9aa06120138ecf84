import numpy as np
import pytest

from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.raw import ITEM
from hidden_gems.features.rows import NEW, NEW_ITEM, ItemRow
from hidden_gems.features.store import MemoryStore

DAY = 86_400
TODAY = 20_000 * DAY


def row(likes: float, *recent: int) -> ItemRow:
    totals = dict(zip(ITEM, NEW_ITEM.totals, strict=True)) | {"item_likes": likes, "item_interactions": 2 * likes}
    return ItemRow(tuple(totals.values()), recent)


def test_columns_are_those_of_the_rows_in_the_order_asked() -> None:
    rows = ItemRows.of({"a": row(1, TODAY - 5), "b": row(2), NEW: row(7)})
    assert len(rows) == 2
    found = rows.columns(["b", "nowhere", "a", "b"], TODAY)
    assert found["item_likes"].tolist() == [2, 7, 1, 2]
    assert found["item_interactions"].tolist() == [4, 14, 2, 4]
    assert found["item_likes_7d"].tolist() == [0, 0, 1, 0]
    assert tuple(found) == ITEM
    assert {column.shape for column in rows.columns([], TODAY).values()} == {(0,)}


def test_without_a_row_for_new_gems_they_are_blank() -> None:
    found = ItemRows.of({}).columns(["a"], TODAY)
    assert found["item_likes"].tolist() == found["item_likes_7d"].tolist() == found["item_top_likes"].tolist() == [0.0]
    assert np.isnan(found["item_first_time"]).all()


@pytest.mark.parametrize(("second", "week", "month"), [(TODAY, 1, 2), (TODAY - 1, 0, 1), (TODAY + 1, 1, 1)])
def test_windows_end_before_the_second(second: int, week: int, month: int) -> None:
    rows = ItemRows.of({"a": row(3, TODAY - 30 * DAY, TODAY - 1), "b": row(1)})
    found = rows.columns(["a"], second)
    assert [found["item_likes_7d"].tolist(), found["item_likes_30d"].tolist()] == [[week], [month]]


def test_the_most_liked_gem_is_counted_over_whole_days_before_today() -> None:
    rows = ItemRows.of(
        {
            "a": row(9, TODAY - 30 * DAY - 1, TODAY - 30 * DAY, TODAY - 1, TODAY, TODAY + 5),
            "b": row(9, TODAY - 31 * DAY, TODAY + 1, TODAY + 2, TODAY + 3),
        }
    )
    assert [rows.top_likes(TODAY + more) for more in (-1, 0, DAY - 1, DAY, 31 * DAY, 32 * DAY)] == [2, 2, 2, 3, 0, 0]
    assert rows.columns(["b"], TODAY + 9)["item_top_likes"].tolist() == [2]


def test_an_order_has_no_windows_and_its_most_liked_gem_is_that_of_all_time() -> None:
    blank = tuple(np.nan if name.endswith(("_7d", "_30d")) else 4.0 for name in ITEM)
    found = ItemRows.of({"a": ItemRow(blank), "b": row(6)}).columns(["a"], 12, order_only=True)
    assert found["item_top_likes"].tolist() == [6.0]
    assert np.isnan(found["item_likes_7d"]).all()
    assert np.isnan(found["item_likes_30d"]).all()


def test_other_rows_make_another_table_and_leave_this_one() -> None:
    old = ItemRows.of({"a": row(1, TODAY - 5), "b": row(1, TODAY - 7)})
    assert old.top_likes(TODAY) == 1
    new = old.with_rows({"b": row(5, TODAY - 9, TODAY - 8), "c": row(2, TODAY - 4), NEW: row(8)})
    assert old.columns(["a", "b", "c"], TODAY)["item_likes_7d"].tolist() == [1, 1, 0]
    found = new.columns(["a", "b", "c", "d"], TODAY)
    assert found["item_likes"].tolist() == [1, 5, 2, 8]
    assert found["item_likes_7d"].tolist() == [1, 2, 1, 0]
    assert (old.top_likes(TODAY), new.top_likes(TODAY)) == (1, 2)
    assert new.with_rows({}) is new
    assert new.with_rows({"b": row(0)}).columns(["b", "a"], TODAY)["item_likes_30d"].tolist() == [0, 1]


def test_rows_changed_one_by_one_are_those_changed_at_once() -> None:
    random = np.random.default_rng(0)
    made = {f"g{n}": row(n, *np.sort(random.integers(TODAY - 31 * DAY, TODAY, n)).tolist()) for n in range(40)}
    one_by_one = ItemRows.of({})
    for name in random.permutation(list(made)):
        one_by_one = one_by_one.with_rows({name: made[name]})
    ids = list(made)
    for second in (TODAY, TODAY + 5 * DAY):
        expected = ItemRows.of(made).columns(ids, second)
        for name, column in one_by_one.columns(ids, second).items():
            np.testing.assert_array_equal(column, expected[name], err_msg=name)
        assert expected["item_likes_7d"].tolist() == [
            made[n].at(second).totals[ITEM.index("item_likes_7d")] for n in ids
        ]


def test_ten_impressions_tell_as_much_as_a_like() -> None:
    totals = dict.fromkeys(ITEM, 0.0) | {"item_likes": 2.0, "item_impressions": 35.0}
    rows = ItemRows.of({"a": ItemRow(tuple(totals.values()))})
    assert rows.evidence(["a", "nobody-knows"]).tolist() == [5.5, 0.0]


def test_rows_are_read_from_a_store() -> None:
    store = MemoryStore()
    store.write_items({"a": row(3, TODAY), NEW: row(1)}, 5)
    found = ItemRows.read(store, ["a", "b"])
    assert len(found) == 1
    assert found.columns(["a", "b"], TODAY + 1)["item_likes"].tolist() == [3, 1]
    assert found.columns(["a", "b"], TODAY + 1)["item_likes_7d"].tolist() == [1, 0]
