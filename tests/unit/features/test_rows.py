import numpy as np
import pytest

from hidden_gems.features.raw import ITEM, USER
from hidden_gems.features.rows import NEW_ITEM, NEW_USER, ItemRow, UserRow


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
    assert row.pack().startswith("[[null,0,0")


def test_equal_rows_are_packed_into_equal_texts() -> None:
    turned = user(own={"ğ": (1.0, 5.0, 1.0), "g1": (2.0, 1e9, 0.7)})
    assert turned.pack() == user().pack()
    assert '"ğ":[1,5,1]' in turned.pack()


def test_a_row_of_other_columns_is_refused() -> None:
    with pytest.raises(ValueError, match=f"has 2 columns, expected {len(ITEM)}; materialize again"):
        ItemRow.unpack("[[1,2],[]]")
    with pytest.raises(ValueError, match="has 4 parts, expected 5; materialize again"):
        UserRow.unpack("[[],{},{},{}]")
    with pytest.raises(ValueError, match="has 15 parts, expected 2; materialize again"):
        ItemRow.unpack(str([0] * 15))


def test_new_people_and_gems_have_counts_of_nought_and_no_times_or_places() -> None:
    for names, row in ((USER, NEW_USER), (ITEM, NEW_ITEM)):
        missing = {name for name, value in zip(names, row.totals, strict=True) if np.isnan(value)}
        side = names[0].split("_")[0]
        assert missing >= {f"{side}_first_time", f"{side}_last_time"}
        assert {value for value in row.totals if not np.isnan(value)} == {0.0}
    assert np.isnan(NEW_USER.totals[USER.index("user_last_lat")])
