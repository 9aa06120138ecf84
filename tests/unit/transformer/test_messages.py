"""Requests: what is read, and what is refused at which path."""

import math
from typing import Any

import pytest

from hidden_gems.core.errors import BadFieldError
from hidden_gems.recommend.request import Filters, Preferences
from inference.transformer.messages import INSTANCES, Instance, instances, question

NOW = 1_777_905_000.0


def read(**given: Any) -> Instance:
    [found] = instances([{"user_id": "u42", **given}])
    return found


def request(**given: Any) -> Any:
    return read(**given).request("pseudonym", NOW, "Europe/Istanbul", order_only=False)


def refused(given: Any) -> BadFieldError:
    with pytest.raises(BadFieldError) as error:
        instances(given)
    assert len(str(error.value)) < 200
    return error.value


FULL: dict[str, Any] = {
    "user_id": "u42",
    "limit": 10,
    "context": {
        "timestamp": "2026-05-04T17:30:00+03:00",
        "location": {"lat": 41.03, "lon": 28.95},
        "weather": "rain",
        "temperature_c": 12,
        "mood": "calm",
        "companions": "couple",
        "language": "tr",
        "session": ["g3", "g5"],
        "preferences": {"types": ["cafe"], "avoid": ["bar"], "max_price_level": 2},
    },
    "filters": {
        "types": ["cafe"], "neighborhoods": ["Balat"], "max_price_level": 2, "min_authenticity": 0.6,
        "max_tourist_ratio": 0.5, "max_crowd_level": 0.7, "setting": "indoor", "max_travel_minutes": 30,
        "exclude_seen": False, "exclude": ["g9"], "candidates": ["g1", "g2", "g1"],
    },
    "explain": "full",
}  # fmt: skip


def test_the_request_of_the_contract_is_read_whole() -> None:
    [found] = instances([FULL])
    asked = found.request("pseudonym", 0.0, "Europe/Istanbul", order_only=False)
    assert asked.user_id == "pseudonym"
    at = asked.context
    assert (at.timestamp, at.timezone, at.lat, at.lon) == (int(NOW), "Europe/Istanbul", 41.03, 28.95)
    assert (at.weather, at.temperature_c, at.order_only) == ("rain", 12.0, False)
    assert (asked.limit, asked.kind, asked.language, asked.explain) == (10, "recommend", "tr", "full")
    assert (asked.mood, asked.companions, asked.session) == ("calm", "couple", ("g3", "g5"))
    assert asked.preferences == Preferences(frozenset({"cafe"}), frozenset({"bar"}), 2.0)
    assert asked.filters == Filters(
        frozenset({"cafe"}), frozenset({"Balat"}), 2.0, 0.6, 0.5, 0.7, "indoor", 30.0, False, frozenset({"g9"}),
        ("g1", "g2"),
    )  # fmt: skip


def test_everything_but_the_person_has_a_default() -> None:
    asked = request()
    assert asked.context.timestamp == int(NOW)
    assert (asked.limit, asked.explain, asked.language, asked.kind) == (10, "none", "en", "recommend")
    assert asked.filters == Filters()
    assert asked.filters.exclude_seen
    assert asked.preferences == Preferences()
    assert (asked.context.lat, asked.context.weather, asked.mood, asked.session) == (None, None, None, ())


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 51}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "10"}, "limit"),
        ({"limit": 2.5}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": None}, "limit"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "u" * 65}, "user_id"),
        ({"user_id": "a\nb"}, "user_id"),
        ({"user_id": None}, "user_id"),
        ({"user_id": True}, "user_id"),
        ({"user_id": "\ud800"}, "user_id"),
        ({"filters": {"colour": "red"}}, "filters.colour"),
        ({"filters": []}, "filters"),
        ({"filters": {"types": "cafe"}}, "filters.types"),
        ({"filters": {"types": [1]}}, "filters.types[0]"),
        ({"filters": {"max_price_level": 5}}, "filters.max_price_level"),
        ({"filters": {"max_price_level": "2"}}, "filters.max_price_level"),
        ({"filters": {"min_authenticity": 1.1}}, "filters.min_authenticity"),
        ({"filters": {"max_crowd_level": math.nan}}, "filters.max_crowd_level"),
        ({"filters": {"setting": "underwater"}}, "filters.setting"),
        ({"filters": {"max_travel_minutes": -1}}, "filters.max_travel_minutes"),
        ({"filters": {"exclude_seen": "yes"}}, "filters.exclude_seen"),
        ({"filters": {"exclude": ["ok", "x" * 65]}}, "filters.exclude[1]"),
        ({"filters": {"candidates": ["g"] * 1001}}, "filters.candidates"),
        ({"filters": {"types": ["cafe"], "category": "bar"}}, "filters"),
        ({"context": {"timestamp": "2026-05-04T17:30:00"}}, "context.timestamp"),
        ({"context": {"timestamp": "yesterday"}}, "context.timestamp"),
        ({"context": {"timestamp": math.nan}}, "context.timestamp"),
        ({"context": {"timestamp": -1}}, "context.timestamp"),
        ({"context": {"timestamp": 1 << 33}}, "context.timestamp"),
        ({"context": {"timestamp": True}}, "context.timestamp"),
        ({"context": {"location": {"lat": 41.0}}}, "context.location.lon"),
        ({"context": {"location": {"lat": 91, "lon": 29}}}, "context.location.lat"),
        ({"context": {"location": {"lat": 41, "lon": math.inf}}}, "context.location.lon"),
        ({"context": {"location": {"lat": "41", "lon": 29}}}, "context.location.lat"),
        ({"context": {"temperature_c": 61}}, "context.temperature_c"),
        ({"context": {"weather": 7}}, "context.weather"),
        ({"context": {"weather": "x" * 65}}, "context.weather"),
        ({"context": {"language": 7}}, "context.language"),
        ({"context": {"session": ["g"] * 101}}, "context.session"),
        ({"context": {"preferences": {"max_price_level": 4.5}}}, "context.preferences.max_price_level"),
        ({"context": "now"}, "context"),
        ({"explain": "please"}, "explain"),
        ({"kind": "random"}, "kind"),
        ({"kind": "similar"}, "item_id"),
    ],
)
def test_a_mistake_is_named_by_its_path(given: dict[str, Any], field: str) -> None:
    assert refused([{"user_id": "ok"}, {"user_id": "u42", **given}]).field == f"instances[1].{field}"


def test_no_value_of_the_caller_is_echoed() -> None:
    for given in ({"limit": "SECRET"}, {"user_id": "SECRET" * 20}, {"context": {"timestamp": "SECRET"}}):
        assert "SECRET" not in str(refused([{"user_id": "u", **given}]))


@pytest.mark.parametrize("given", [None, {}, "x", 7, [], [{"user_id": "u"}] * 33])
def test_a_call_is_a_list_of_1_to_32_requests(given: Any) -> None:
    assert refused(given).field == "instances"
    assert INSTANCES == 32


def test_32_are_read_and_each_must_be_an_object() -> None:
    assert len(instances([{"user_id": "u"}] * 32)) == 32
    assert refused([{"user_id": "u"}, "u42"]).field == "instances[1]"
    assert refused([{}]).field == "instances[0].user_id"


@pytest.mark.parametrize("limit", [1, 50])
def test_the_ends_of_the_limit(limit: int) -> None:
    assert request(limit=limit).limit == limit


def test_ids_of_64_characters_and_numbers_are_ids() -> None:
    assert read(user_id="ş" * 64).user_id == "ş" * 64
    assert read(user_id=7).user_id == "7"


@pytest.mark.parametrize("where", ["beside", "inside"])
def test_category_is_one_type(where: str) -> None:
    given = {"category": "cafe"} if where == "beside" else {"filters": {"category": "cafe"}}
    assert request(**given).filters.types == frozenset({"cafe"})


@pytest.mark.parametrize(
    ("given", "epoch"),
    [
        ("2026-05-04T14:30:00Z", NOW), ("2026-05-04T17:30:00+03:00", NOW), (NOW, NOW), (0, 0.0),
        ("1970-01-01T00:00:00Z", 0.0),
    ],
)  # fmt: skip
def test_times_have_a_zone_or_are_epoch_seconds(given: Any, epoch: float) -> None:
    assert request(context={"timestamp": given}).context.timestamp == epoch


def test_words_we_do_not_know_are_other_and_aliases_are_ours() -> None:
    asked = request(context={"weather": "Sunny", "mood": "grumpy", "companions": "dog"})
    assert (asked.context.weather, asked.mood, asked.companions) == ("clear", "other", "other")
    empty = request(context={"weather": " ", "mood": None})
    assert (empty.context.weather, empty.mood) == (None, None)


@pytest.mark.parametrize(
    ("given", "language"), [("tr", "tr"), ("TR", "tr"), ("tr-TR", "tr"), ("en", "en"), ("de", "en"), ("", "en")]
)
def test_reasons_are_turkish_where_that_is_asked_for_and_english_else(given: str, language: str) -> None:
    assert request(context={"language": given}).language == language


def test_fields_that_a_newer_caller_adds_are_ignored_but_for_filters() -> None:
    assert request(colour="red", context={"moon": "full"}).limit == 10


def test_questions_are_about_a_slate_or_about_a_person() -> None:
    assert question({"slate_id": "s", "item_id": "g1"}).slate_id == "s"
    about = question({"user_id": "u42", "item_id": "g1", "context": {"language": "tr"}})
    assert (about.user_id, about.context.language) == ("u42", "tr")
    for given, field in (
        ({"item_id": "g1"}, "slate_id"),
        ({"slate_id": "s", "user_id": "u", "item_id": "g1"}, "slate_id"),
        ({"slate_id": "s"}, "item_id"),
        ({"user_id": "u", "item_id": "g1", "context": {"timestamp": "now"}}, "context.timestamp"),
        (["x"], "body"),
    ):
        with pytest.raises(BadFieldError) as error:
            question(given)
        assert error.value.field == field
