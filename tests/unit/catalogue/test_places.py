import re
from datetime import date

import numpy as np
import pandas as pd
import pytest

from hidden_gems.catalogue.geography import distance_km, in_district, on_land, shore_of
from hidden_gems.catalogue.hours import open_hours_of_week
from hidden_gems.catalogue.places import EDITORIAL_COLUMNS, ITEM_COLUMNS, load_neighborhoods, load_places
from hidden_gems.datasets.contract import FILES, GEM_TYPES, SETTINGS, TIMES_OF_DAY

ON_THE_WATER = {"eminonu-galata-koprusu", "karakoy-metro-koprusu", "salacak-kiz-kulesi"}  # two bridges and an islet


@pytest.fixture(scope="module")
def places() -> pd.DataFrame:
    return load_places()


@pytest.fixture(scope="module")
def homes(places: pd.DataFrame) -> pd.DataFrame:
    """Row of the neighbourhood of each place, in the order of the places."""
    return load_neighborhoods().set_index("name").loc[places["neighborhood"]].reset_index()


def test_columns_are_those_of_the_contract(places: pd.DataFrame) -> None:
    assert tuple(places.columns) == ITEM_COLUMNS == tuple(column.name for column in FILES["items"])
    assert set(EDITORIAL_COLUMNS) < set(ITEM_COLUMNS)
    assert set(EDITORIAL_COLUMNS) == {
        "hidden_factor", "authenticity", "tourist_ratio", "crowd_level", "best_time", "local_tip",
    }  # fmt: skip


def test_numbers_have_the_promised_types_and_ranges(places: pd.DataFrame) -> None:
    for column in FILES["items"]:
        if column.kind == "number":
            assert places[column.name].between(column.low, column.high).all(), column.name
    for name in ("lat", "lon", "hidden_factor", "authenticity", "tourist_ratio", "crowd_level"):
        assert places[name].dtype == np.float64
    assert places["created_at"].dtype == np.int64
    assert places["price_level"].dtype == np.int64


def test_created_at_is_epoch_seconds(places: pd.DataFrame) -> None:
    assert (places["created_at"] == 1_767_214_800).all()  # 2026-01-01T00:00:00+03:00


def test_nothing_is_missing_or_blank(places: pd.DataFrame) -> None:
    assert not places.isna().any().any()
    for name in places.select_dtypes("object"):
        assert places[name].str.strip().eq(places[name]).all(), name
        assert places[name].str.len().gt(0).all(), name


def test_ids_are_unique_ascii_slugs_in_a_stable_order(places: pd.DataFrame) -> None:
    assert places["item_id"].is_unique
    assert places["item_id"].str.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*").all()
    assert places["item_id"].str.len().max() <= 64
    assert places["item_id"].is_monotonic_increasing
    assert places.index.tolist() == list(range(len(places)))
    pd.testing.assert_frame_equal(places, load_places())


def test_ids_begin_with_their_neighborhood(places: pd.DataFrame) -> None:
    ascii_letters = str.maketrans("çğıöşüİâî", "cgiosuiai")
    slugs = places["neighborhood"].str.replace("İ", "i").str.lower().str.translate(ascii_letters).str.replace(" ", "-")
    begins = [item.startswith(slug) for item, slug in zip(places["item_id"], slugs, strict=True)]
    assert all(begins), places["item_id"][~np.array(begins)].tolist()


def test_words_are_those_of_the_contract(places: pd.DataFrame) -> None:
    assert set(places["type"]) <= set(GEM_TYPES)
    assert set(places["setting"]) == set(SETTINGS)
    assert set(places["best_time"]) <= set(TIMES_OF_DAY)
    assert places["tags"].str.fullmatch(r"[^;]+(;[^;]+){1,4}").all()


def test_the_city_is_covered(places: pd.DataFrame) -> None:
    assert len(places) >= 250
    assert places["neighborhood"].nunique() >= 30
    assert places["neighborhood"].value_counts().min() >= 3
    assert places["type"].nunique() >= 12
    shores = pd.Series(shore_of(places["lat"], places["lon"])).value_counts()
    assert shores["europe"] > 100
    assert shores["asia"] > 100
    assert shores["islands"] > 12


def test_every_neighborhood_has_places(places: pd.DataFrame) -> None:
    neighborhoods = load_neighborhoods()
    assert set(places["neighborhood"]) == set(neighborhoods["name"])
    assert len(neighborhoods) >= 45
    assert neighborhoods["name"].is_unique
    assert neighborhoods["name"].is_monotonic_increasing
    assert neighborhoods["radius_km"].between(0.4, 2.5).all()
    assert list(neighborhoods.columns) == ["name", "district", "shore", "lat", "lon", "radius_km"]


def test_places_lie_in_their_district(places: pd.DataFrame, homes: pd.DataFrame) -> None:
    for district in homes["district"].unique():
        rows = places[homes["district"] == district]
        inside = in_district(district, rows["lat"], rows["lon"])
        assert inside.all(), (district, rows["item_id"][~inside].tolist())


def test_places_lie_in_their_neighborhood(places: pd.DataFrame, homes: pd.DataFrame) -> None:
    far = distance_km(places["lat"], places["lon"], homes["lat"], homes["lon"]) > homes["radius_km"]
    assert not far.any(), places["item_id"][far].tolist()


def test_places_stand_on_land_on_their_shore(places: pd.DataFrame, homes: pd.DataFrame) -> None:
    assert (shore_of(places["lat"], places["lon"]) == homes["shore"]).all()
    assert set(places["item_id"][~on_land(places["lat"], places["lon"])]) == ON_THE_WATER


def test_no_two_places_are_the_same(places: pd.DataFrame) -> None:
    twice = places[places.duplicated(["name", "neighborhood"], keep=False)]
    assert twice["item_id"].tolist() == []
    namesakes = places[places["name"].duplicated(keep=False)]
    for _, group in namesakes.groupby("name"):
        apart = distance_km(*group[["lat", "lon"]].to_numpy()[0], *group[["lat", "lon"]].to_numpy()[1])
        assert apart > 0.3, group["item_id"].tolist()


def test_both_descriptions_are_there_and_are_no_translations_of_another_place(places: pd.DataFrame) -> None:
    both = pd.concat([places["description_en"], places["description_tr"]])
    assert both.is_unique
    assert both.str.len().between(20, 300).all()
    assert both.str.endswith((".", "!", "?")).all()


def test_turkish_texts_are_turkish_and_english_ones_are_english(places: pd.DataFrame) -> None:
    turkish = places["description_tr"].str.contains("[çğıöşüÇĞİÖŞÜ]")
    assert turkish.mean() > 0.97
    english = places["description_en"].str.contains(r"\b(?:the|a|an|of|with|and|in|for)\b", flags=re.IGNORECASE)
    assert english.all(), places["item_id"][~english].tolist()


def test_opening_hours_can_be_read_and_are_never_empty(places: pd.DataFrame) -> None:
    hours = open_hours_of_week(places["opening_hours"].tolist(), monday=date(2026, 7, 6))  # beaches open in summer
    assert hours.any(axis=1).all()
    by_hour = hours.reshape(len(places), 7, 24).mean(axis=(0, 1))
    assert by_hour[12] > 0.7
    assert by_hour[4] < 0.4


def test_costs_name_no_sums_that_age(places: pd.DataFrame) -> None:
    texts = places["cost_text"] + " " + places["local_tip"] + " " + places["description_en"]
    assert not texts.str.contains(r"\d+\s*(?:TL|lira|₺|€|\$|euro)", case=False).any()


def test_only_what_costs_nothing_is_plainly_free(places: pd.DataFrame) -> None:
    free = places["cost_text"].str.lower().eq("free")
    assert free.sum() > 100
    assert places.loc[free, "price_level"].eq(0).all()


def test_hidden_factor_has_a_head_and_a_tail(places: pd.DataFrame) -> None:
    famous, hidden = places["hidden_factor"] <= 2, places["hidden_factor"] >= 7
    assert famous.sum() >= 25
    assert hidden.sum() >= 100
    assert (places["hidden_factor"] >= 4).mean() > 0.5
    assert {"sultanahmet-ayasofya", "beyazit-kapalicarsi"} <= set(places["item_id"][famous])
    assert places.loc[famous, "tourist_ratio"].mean() > 2 * places.loc[hidden, "tourist_ratio"].mean()
    assert places.loc[famous, "crowd_level"].mean() > 2 * places.loc[hidden, "crowd_level"].mean()
