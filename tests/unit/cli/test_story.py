import numpy as np
import pytest

from hidden_gems.cli.story import STRANGER, Asker, Person, askers, map_of, name_of, places_of, shores, where
from hidden_gems.client import Item, Prediction
from hidden_gems.datasets.dataset import Dataset
from tests import factories

NOON = factories.MONDAY + 9 * 3600  # 12:00 in Istanbul


@pytest.fixture
def dataset() -> Dataset:
    return factories.rich_dataset()


def item(**more: object) -> Item:
    known = {"item_id": "g7", "position": 0, "score": 1.0, "propensity": 0.5, "impression_token": "t"}
    return Item.model_validate(known | more)


def test_the_one_we_know_is_busier_than_nine_of_ten_and_asks_from_where_they_were_last(dataset: Dataset) -> None:
    known, stranger = askers(dataset, {name: f"raw-{name}" for name in dataset.users["user_id"]}, NOON)
    counts = dataset.interactions["user_id"].value_counts()
    theirs = counts[known.user_id.removeprefix("raw-")]
    assert (counts <= theirs).mean() >= 0.9
    assert known.about == f"{theirs} pieces of feedback so far; asks on Monday, 04 May 2026, 12:00."
    own = dataset.interactions[dataset.interactions["user_id"] == known.user_id.removeprefix("raw-")]
    places = dataset.items.set_index("item_id")[["lat", "lon"]]
    at = [(row.lat, row.lon) if not np.isnan(row.lat) else tuple(places.loc[row.item_id]) for row in own.itertuples()]
    at = [point for point in at if not np.isnan(point).any()]
    assert known.here == pytest.approx(at[-1])
    assert (known.language, stranger.language, stranger.user_id) == ("en", "tr", STRANGER)


def test_the_stranger_asks_from_a_place_in_the_middle(dataset: Dataset) -> None:
    _, stranger = askers(dataset, {}, NOON)
    places = places_of(dataset)
    assert list(stranger.here or ()) in places.tolist()
    middle = np.nanmedian(places[~np.isnan(places).any(axis=1)], axis=0)
    distance = ((places - middle) ** 2).sum(axis=1)
    assert ((np.array(stranger.here) - middle) ** 2).sum() == pytest.approx(np.nanmin(distance))
    assert stranger.about.endswith("12:00 from the middle of town.")


def test_data_of_pseudonyms_say_that_nobody_in_them_can_be_asked_for(dataset: Dataset) -> None:
    known, _ = askers(dataset, {}, NOON)
    assert known.about == "The data hold pseudonyms only, so nobody in them can be asked for: a stranger to the stack."


def test_an_order_has_no_moment_and_no_place() -> None:
    dataset = factories.plain_dataset(order_only=True)
    dataset.items[["lat", "lon"]] = np.nan
    dataset.interactions[["lat", "lon"]] = np.nan
    known, stranger = askers(dataset, {name: name for name in dataset.users["user_id"]}, 601.0)
    assert known.about.endswith("asks after the last feedback.")
    assert (known.here, stranger.here) == (None, None)
    assert known.context(601.0) == {"timestamp": 601.0, "language": "en"}
    answer = Prediction(slate_id="s", user_id="u", policy="p", release="r")
    assert map_of(answer, dataset, None) == ""


def test_a_request_says_when_where_and_in_which_language() -> None:
    asker = Asker("t", "a", "u", "tr", (41.0, 29.0))
    assert asker.context(5.0) == {"timestamp": 5.0, "language": "tr", "location": {"lat": 41.0, "lon": 29.0}}


def test_names_and_places_as_far_as_they_are_known() -> None:
    assert [name_of(item(name="Küflü")), name_of(item(type="bar")), name_of(item())] == ["Küflü", "bar g7", "Place g7"]
    assert [where(item(type="bar", neighborhood="Balat")), where(item(type="bar")), where(item())] == [
        "bar, Balat", "bar", "",
    ]  # fmt: skip


def test_the_map_shows_both_shores_and_every_pin(dataset: Dataset) -> None:
    slate = (item(lat=41.03, lon=28.97, name="A"), item(position=1, lat=41.02, lon=29.0), item(position=2))
    answer = Prediction(slate_id="s", user_id="u", policy="p", release="r", items=slate)
    drawn = map_of(answer, dataset, (41.0, 29.0))
    assert drawn.count('class="pin"') == 2
    assert drawn.count('class="land"') >= 2
    assert "you are here" in drawn
    person = Person(Asker("t", "a", "u", "tr", None), answer, drawn)
    assert (person.title, person.about, person.language, person.slate) == ("t", "a", "tr", slate)


def test_other_cities_have_no_shores_of_ours() -> None:
    assert shores(np.array([[40.7, -74.0]])) == {}
    assert shores(np.array([[np.nan, np.nan]])) == {}
    half = np.array([[41.03, 28.97], [40.7, -74.0]])
    assert len(shores(half)) >= 2
