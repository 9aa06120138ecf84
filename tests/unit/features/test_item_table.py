import numpy as np

from hidden_gems.features.item_table import ItemTable
from hidden_gems.features.raw import STATIC


def table() -> ItemTable:
    return ItemTable(
        {
            "item_id": ["a", "b", "c"],
            "type": ["cafe", None, float("nan")],
            "neighborhood": ["Balat", "Moda", ""],
            "setting": ["outdoor", "both", "indoor"],
            "authenticity": [0.5, None, float("nan")],
            "created_at": [100, 200, None],
        }
    )


def test_columns_of_known_and_unknown_gems() -> None:
    rows = table().rows(["b", "a", "nowhere"])
    assert rows.tolist() == [2, 1, 0]
    found = table().columns(rows)
    assert list(found) == list(STATIC)
    assert found["item_has_type"].tolist() == [0.0, 1.0, 0.0]
    assert found["item_has_neighborhood"].tolist() == [1.0, 1.0, 0.0]
    np.testing.assert_array_equal(found["item_authenticity"], [np.nan, 0.5, np.nan])
    np.testing.assert_array_equal(found["item_setting"], [0.5, 1.0, np.nan])
    np.testing.assert_array_equal(found["item_created_at"], [200.0, 100.0, np.nan])


def test_words_that_are_no_words_are_none() -> None:
    assert table().type == [None, "cafe", None, None]
    assert table().neighborhood == [None, "Balat", "Moda", None]
    assert table().columns(np.array([3]))["item_setting"].tolist() == [0.0]


def test_an_order_has_no_dates_of_creation() -> None:
    assert np.isnan(table().columns(np.array([1, 2]), order_only=True)["item_created_at"]).all()


def test_columns_that_are_missing_are_unknown_for_every_gem() -> None:
    found = ItemTable({"item_id": ["a"]}).columns(np.array([0, 1]))
    assert np.isnan(found["item_lat"]).all()
    assert found["item_has_type"].tolist() == [0.0, 0.0]
