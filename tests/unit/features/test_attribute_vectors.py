import json

import numpy as np
import pandas as pd
import pytest

from hidden_gems.features import attributes
from hidden_gems.features.attributes import AttributeEncoder, attribute_vectors

CATALOGUE = pd.DataFrame(
    {
        "item_id": ["g1", "g2", "g3"],
        "type": ["cafe", "bar", "cafe"],
        "neighborhood": ["Balat", None, "Moda"],
        "lat": [41.0, 41.1, np.nan],
        "lon": [29.0, 29.2, 29.1],
        "hidden_factor": [1, 10, 5.5],
        "price_level": [4, None, 1],
        "authenticity": [0.25, 0.5, None],
        "setting": ["indoor", "both", None],
        "best_time": ["evening", None, "night"],
    }
)


def _column(table: pd.DataFrame, name: str) -> list[float]:
    found = attribute_vectors(table)
    values: list[float] = found.vectors[:, found.names.index(name)].tolist()
    return values


def test_numbers_are_scaled_to_their_range_with_a_flag() -> None:
    assert _column(CATALOGUE, "hidden_factor") == [0, 0, 1, 0.5]
    assert _column(CATALOGUE, "hidden_factor_known") == [0, 1, 1, 1]
    assert _column(CATALOGUE, "price_level") == [0, 1, 0, 0.25]
    assert _column(CATALOGUE, "price_level_known") == [0, 1, 0, 1]
    assert _column(CATALOGUE, "authenticity") == [0, 0.25, 0.5, 0]
    assert _column(CATALOGUE, "crowd_level_known") == [0, 0, 0, 0]


def test_words_have_columns_of_their_own() -> None:
    assert _column(CATALOGUE, "type=cafe") == [0, 1, 0, 1]
    assert _column(CATALOGUE, "neighborhood=Moda") == [0, 0, 0, 1]
    assert _column(CATALOGUE, "neighborhood=other") == [0, 0, 0, 0]
    assert _column(CATALOGUE, "setting=both") == [0, 0, 1, 0]
    assert _column(CATALOGUE, "best_time=night") == [0, 0, 0, 1]


def test_places_are_in_spreads_around_the_median() -> None:
    table = pd.DataFrame({"item_id": list("abc"), "lat": [40.0, 41.0, 42.0], "lon": [29.0, 29.0, 29.0]})
    assert _column(table, "north") == pytest.approx(
        [0, -1.25, 0, 1.25]
    )  # 10 % to 90 % is 40.2 to 41.8: a spread of 0.8
    assert _column(table, "east") == [0, 0, 0, 0]
    late = attribute_vectors(table).encoder.encode(table.assign(lon=29.5))
    assert late[0, attribute_vectors(table).names.index("east")] == 0.5  # one meridian has no spread: degrees count
    assert _column(CATALOGUE, "place_known") == [0, 1, 1, 0]
    assert _column(CATALOGUE, "east")[3] == 0.0
    far = pd.DataFrame({"item_id": range(21), "lat": [*np.linspace(0, 1, 20), 80.0], "lon": np.linspace(0, 1, 21)})
    assert _column(far, "north")[21] == 3.0


def test_rare_words_share_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attributes, "MAX_TYPES", 2)
    table = pd.DataFrame({"item_id": list("abcdef"), "type": ["z", "z", "m", "a", None, "b"]})
    assert [name for name in attribute_vectors(table).names if name.startswith("type=")] == [
        "type=a",
        "type=z",
        "type=other",
    ]
    assert _column(table, "type=other") == [0, 0, 0, 1, 0, 0, 1]


def test_nothing_known_is_all_zeros_except_nothing() -> None:
    for table in (
        pd.DataFrame({"item_id": ["a", "b"]}),
        pd.DataFrame({"item_id": ["a", "b"], "type": [None, None], "lat": [None, None]}),
    ):
        found = attribute_vectors(table)
        assert found.vectors.shape == (3, len(found.names))
        assert found.vectors.dtype == np.float32
        assert not found.vectors.any()
    assert attribute_vectors(CATALOGUE[:0]).vectors.shape[0] == 1


def test_a_later_item_is_encoded_as_the_catalogue_was() -> None:
    found = attribute_vectors(CATALOGUE)
    encoder = AttributeEncoder.from_dict(json.loads(json.dumps(found.encoder.to_dict())))
    assert encoder == found.encoder
    np.testing.assert_array_equal(encoder.encode(CATALOGUE[::-1]), found.vectors[:0:-1])
    late = pd.DataFrame({"item_id": ["g9"], "type": ["hammam"], "lat": [41.05], "lon": [29.1]})
    vector = dict(zip(found.names, encoder.encode(late)[0].tolist(), strict=True))
    assert vector["type=other"] == 1.0
    assert vector["place_known"] == 1.0
    assert vector["type=cafe"] == 0.0
