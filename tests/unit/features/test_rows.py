import numpy as np
import pytest

from hidden_gems.features.raw import ITEM, USER
from hidden_gems.features.rows import NEW_ITEM, NEW_USER, ItemRow, UserRow, likes_within


def user(**changes: object) -> UserRow:
    totals = (*(float(number) for number in range(len(USER) - 1)), 28.123456)
    maps = {"own": {"g1": (2.0, 1e9, 0.7), "ğ": (1.0, 5.0, 1.0)}, "types": {"cafe": (4.0, 3.0, -2e6, 9.0)}}
    return UserRow(**{"totals": totals, **maps, "neighborhoods": {"Balat": (2.0,)}, **changes})  # type: ignore[arg-type]


def test_a_row_comes_back_equal() -> None:
    assert UserRow.unpack(user().pack()) == user()
    row = ItemRow(tuple(float(number) / 7 for number in range(len(ITEM))))
    assert ItemRow.unpack(row.pack()) == row


def test_missing_numbers_come_back_missing() -> None:
    row = ItemRow((np.nan, *[0.0] * (len(ITEM) - 1)))
    assert np.isnan(ItemRow.unpack(row.pack()).totals[0])
    assert row.pack().startswith("[[null,0.0,0.0")


def test_equal_rows_are_packed_into_equal_texts() -> None:
    turned = user(own={"ğ": (1.0, 5.0, 1.0), "g1": (2.0, 1e9, 0.7)})
    assert turned.pack() == user().pack()
    assert user(own={"g1": (2.0, 1e9, np.float64(0.7)), "ğ": (1.0, np.float64(5), 1.0)}).pack() == user().pack()
    assert '"ğ":[1.0,5.0,1.0]' in turned.pack()


def test_a_row_of_other_columns_is_refused() -> None:
    with pytest.raises(ValueError, match=f"has 2 columns, expected {len(ITEM)}; materialize again"):
        ItemRow.unpack("[[1,2],[]]")
    with pytest.raises(ValueError, match="has 5 parts, expected 7; materialize again"):
        UserRow.unpack("[[],{},{},{},[]]")
    with pytest.raises(ValueError, match="has 15 parts, expected 2; materialize again"):
        ItemRow.unpack(str([0] * 15))


def test_new_people_and_gems_have_counts_of_nought_and_no_times_or_places() -> None:
    for names, row in ((USER, NEW_USER), (ITEM, NEW_ITEM)):
        missing = {name for name, value in zip(names, row.totals, strict=True) if np.isnan(value)}
        side = names[0].split("_")[0]
        assert missing >= {f"{side}_first_time", f"{side}_last_time"}
        assert {value for value in row.totals if not np.isnan(value)} == {0.0}
    assert np.isnan(NEW_USER.totals[USER.index("user_last_lat")])


def test_rows_remember_when_likes_came() -> None:
    likes = (1_777_000_000, 1_777_000_000, 1_777_000_060, 1_778_000_000)
    assert UserRow.unpack(user(recent=likes).pack()) == user(recent=likes)
    row = ItemRow((0.0,) * len(ITEM), likes)
    assert ItemRow.unpack(row.pack()) == row
    assert row.pack().endswith(",[1777000000,0,60,999940]]")


def test_rows_remember_likes_in_their_order() -> None:
    path = (("ğ", 7), ("g1", 7), ("ğ", 1_777_000_000))
    row = user(path=path)
    assert UserRow.unpack(row.pack()) == row
    assert row.pack().endswith(',["ğ","g1","ğ"],[7,0,1776999993]]')
    assert UserRow.unpack(user().pack()).path == ()
    assert row.at(1_900_000_000).path == path  # however long ago


def test_a_window_ends_before_its_second() -> None:
    day, likes = 86_400, (1_000_000, 1_000_000, 1_000_005)
    assert [likes_within(likes, second, 7) for second in (1_000_000, 1_000_001, 1_000_005, 1_000_006)] == [0, 2, 2, 3]
    assert [likes_within(likes, 1_000_000 + 7 * day + more, 7) for more in (0, 1, 5, 6)] == [3, 1, 1, 0]


@pytest.mark.parametrize("names", [USER, ITEM])
def test_a_row_at_a_later_second_has_its_windows_counted_and_its_times_cut(names: tuple[str, ...]) -> None:
    side, day, at = names[0].split("_")[0], 86_400, 1_777_000_000
    likes = (
        at - 31 * day - 1,
        at - 31 * day,
        at - 30 * day - 1,
        at - 30 * day,
        at - 7 * day - 1,
        at - 7 * day,
        at - 1,
        at,
    )
    totals = tuple(float(number) for number in range(len(names)))
    row = UserRow(totals, recent=likes) if side == "user" else ItemRow(totals, likes)
    later = row.at(at)
    changed = {name: new for name, old, new in zip(names, totals, later.totals, strict=True) if old != new}
    assert changed == {f"{side}_likes_7d": 2.0, f"{side}_likes_30d": 4.0}
    assert later.recent == likes[1:]
    assert later.at(at) == later


def test_windows_of_an_order_stay_missing() -> None:
    totals = tuple(np.nan if name == "item_likes_7d" else 3.0 for name in ITEM)
    found = dict(zip(ITEM, ItemRow(totals).at(5).totals, strict=True))
    assert np.isnan(found["item_likes_7d"])
    assert found["item_likes_30d"] == 0.0


def test_the_likes_of_the_most_liked_gem_can_be_replaced() -> None:
    row = ItemRow(NEW_ITEM.totals, (5,)).with_top(9.0)
    assert row.recent == (5,)
    assert dict(zip(ITEM, row.totals, strict=True))["item_top_likes"] == 9.0
    assert len(row.totals) == len(ITEM)
