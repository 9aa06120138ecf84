import json
from typing import Any

import pytest

from hidden_gems.core import names
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.events.topics import INTERACTIONS
from tests.unit.collector.world import NOW, PSEUDONYMS, World, event

PERSON = PSEUDONYMS.of("u1")


def test_an_event_is_written_under_the_pseudonym(world: World) -> None:
    context = {"weather": "Sunny", "mood": "odd", "temperature_c": 12, "location": {"lat": 41, "lon": 28.5}, "junk": 1}
    said = event(value=7, variant="b", context=context, slate_id="s9", position=2, anything="else")
    assert world.taken(said) == {"accepted": 1, "unsigned": 1, "duplicates": 0, "rejected": []}
    [written] = world.log
    assert (written.event_id, written.user_id, written.item_id, written.event_type) == ("e1", PERSON, "g1", "click")
    assert (written.timestamp, written.received, written.value) == (NOW, NOW, 7.0)
    assert (written.slate_id, written.position, written.variant) == ("s9", 2, "b")
    assert (written.signed, written.propensity) == (False, None)
    assert written.context == {"weather": "clear", "mood": "other", "temperature_c": 12.0, "lat": 41.0, "lon": 28.5}
    [message] = world.broker.logs[INTERACTIONS]
    assert message.key == PERSON
    assert b"u1" not in message.value


def test_the_raw_id_of_a_person_is_kept_nowhere(world: World) -> None:
    world.taken([event(user_id="somebody", event_type="dismiss", impression_token=world.token("somebody"))])
    world.call("PUT", "/v1/users/somebody/consent", {"personalisation": False})
    world.call("DELETE", "/v1/users/somebody/profile/type:cafe")
    world.call("DELETE", "/v1/users/somebody")
    assert "somebody" not in repr(world.keys)
    assert "somebody" not in repr(world.broker)


@pytest.mark.parametrize("at", [NOW, int(NOW), "2026-05-04T13:06:40Z", "2026-05-04T16:06:40+03:00"])
def test_a_time_is_seconds_or_has_a_zone(world: World, at: Any) -> None:
    world.taken(event(timestamp=at))
    assert world.log[0].timestamp == NOW


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (300, None),
        (300.5, "timestamp_ahead"),
        (-7 * DAY_SECONDS, None),
        (-7 * DAY_SECONDS - 0.5, "timestamp_late"),
    ],
)
def test_a_time_far_from_our_clock_is_rejected(world: World, seconds: float, reason: str | None) -> None:
    answer = world.taken(event(timestamp=NOW + seconds))
    assert [each["reason"] for each in answer["rejected"]] == ([reason] if reason else [])
    assert len(world.log) == (reason is None)


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"event_type": "stare"}, "unknown_event_type", "event_type"),
        ({"event_type": 5}, "invalid", "event_type"),
        ({"event_type": "rating", "value": 6}, "invalid", None),
        ({"event_type": "rating", "value": 0.9}, "invalid", None),
        ({"event_type": "rating"}, "invalid", None),
        ({"event_type": "rating", "value": True}, "invalid", "value"),
        ({"event_type": "rating", "value": "5"}, "invalid", "value"),
        ({"event_type": "dwell", "value": -1}, "invalid", None),
        ({"event_type": "view", "value": 1.1}, "invalid", None),
        ({"event_type": "trust_answer", "value": 1.5}, "invalid", None),
        ({"event_type": "shown"}, "invalid", None),
        ({"event_type": "shown", "items": ["g1", ""]}, "invalid", "items.1"),
        ({"event_type": "shown", "items": ["g"] * 101}, "invalid", "items"),
        ({"user_id": "u" * 65}, "invalid", "user_id"),
        ({"user_id": ""}, "invalid", "user_id"),
        ({"item_id": "g\n"}, "invalid", "item_id"),
        ({"item_id": "g\x85"}, "invalid", "item_id"),
        ({"item_id": 1.5}, "invalid", "item_id"),
        ({"item_id": True}, "invalid", "item_id"),
        ({"slate_id": "s" * 65}, "invalid", "slate_id"),
        ({"timestamp": "2026-05-04T13:06:40"}, "invalid", "timestamp"),
        ({"timestamp": "2026-05-04"}, "invalid", "timestamp"),
        ({"timestamp": "yesterday"}, "invalid", "timestamp"),
        ({"timestamp": "0001-01-01T00:00:00+03:00"}, "invalid", "timestamp"),
        ({"timestamp": NOW * 1000}, "invalid", "timestamp"),
        ({"timestamp": -1}, "invalid", "timestamp"),
        ({"timestamp": True}, "invalid", "timestamp"),
        ({"position": -1}, "invalid", "position"),
        ({"position": 1.0}, "invalid", "position"),
        ({"position": True}, "invalid", "position"),
        ({"context": {"lat": 41}}, "invalid", "context"),
        ({"context": {"lat": 91, "lon": 28}}, "invalid", "context.lat"),
        ({"context": {"temperature_c": 61}}, "invalid", "context.temperature_c"),
        ({"context": "rain"}, "invalid", "context"),
    ],
)
def test_a_bad_event_is_rejected(world: World, changes: dict[str, Any], reason: str, field: str | None) -> None:
    assert world.reason(**changes) == (reason, field)
    assert world.log == []


@pytest.mark.parametrize("missing", ["user_id", "item_id", "event_type", "timestamp"])
def test_an_event_without_a_needed_field_is_rejected(world: World, missing: str) -> None:
    [rejected] = world.taken(event(**{missing: None}))["rejected"]
    assert rejected["reason"] == "invalid"
    assert missing in (rejected.get("field"), *rejected["message"].split())


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"event_type": "like"}, ("save", None)),
        ({"event_type": "Favourite"}, ("save", None)),
        ({"event_type": "dislike"}, ("dismiss", None)),
        ({"event_type": "scroll", "value": 1}, ("view", 1.0)),
        ({"event_type": "rating", "value": 5}, ("rating", 5.0)),
        ({"event_type": "rating", "value": 1}, ("rating", 1.0)),
        ({"event_type": "dwell", "value": 4000}, ("dwell", 4000.0)),
        ({"event_type": "relevance rating", "value": 2}, ("relevance_rating", 2.0)),
    ],
)
def test_words_have_aliases_and_bounds_are_inside(
    world: World, changes: dict[str, Any], kept: tuple[str, float | None]
) -> None:
    assert world.taken(event(**changes))["accepted"] == 1
    assert (world.log[0].event_type, world.log[0].value) == kept


def test_what_was_shown_needs_no_item_of_its_own(world: World) -> None:
    assert world.taken(event(event_type="shown", item_id=None, items=["g2", 3]))["accepted"] == 1
    assert (world.log[0].item_id, world.log[0].items) == ("g2", ("g2", "3"))


def test_ids_of_64_code_points_and_whole_numbers_are_taken(world: World) -> None:
    assert world.taken(event(user_id="ü" * 64, item_id=10**20))["accepted"] == 0  # beyond 64 bits JSON has no integers
    assert world.taken(event(user_id="ü" * 64, item_id=10**18))["accepted"] == 1
    assert (world.log[0].user_id, world.log[0].item_id) == (PSEUDONYMS.of("ü" * 64), str(10**18))


def test_a_bad_event_takes_no_good_one_with_it(world: World) -> None:
    many = [
        event(event_id="a"),
        5,
        event(event_id="b", event_type="stare"),
        event(event_id="c"),
        None,
        event(event_id=7),
    ]
    answer = world.taken(many)
    assert answer["accepted"] == 3
    assert [(each["index"], each["event_id"]) for each in answer["rejected"]] == [(1, None), (2, "b"), (4, None)]
    assert [each.event_id for each in world.log] == ["a", "c", "7"]


def test_nothing_to_take_is_taken(world: World) -> None:
    assert world.taken([]) == {"accepted": 0, "unsigned": 0, "duplicates": 0, "rejected": []}
    assert world.producer.sends == 0


def test_the_same_event_twice_is_a_duplicate(world: World) -> None:
    world.taken(event())
    same = event(timestamp="2026-05-04T13:06:40+00:00", anything="ignored")
    assert world.taken(same) == {"accepted": 0, "unsigned": 0, "duplicates": 1, "rejected": []}
    assert len(world.log) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "u2"},
        {"item_id": "g2"},
        {"event_type": "save"},
        {"timestamp": NOW - 1},
        {"value": 1},
        {"slate_id": "s"},
        {"position": 0},
        {"variant": "b"},
        {"context": {"weather": "rain"}},
        {"impression_token": "x"},
    ],
)
def test_the_same_id_with_other_content_is_a_conflict(world: World, change: dict[str, Any]) -> None:
    world.taken(event())
    assert world.reason(**change) == ("event_conflict", "event_id")
    assert len(world.log) == 1


def test_repeats_and_conflicts_within_a_list(world: World) -> None:
    answer = world.taken([event(), event(), event(item_id="g2"), event(event_id="e2")])
    assert (answer["accepted"], answer["duplicates"]) == (2, 1)
    assert [(each["index"], each["reason"]) for each in answer["rejected"]] == [(2, "event_conflict")]


def test_an_event_without_an_id_is_known_by_what_it_says(world: World) -> None:
    world.taken(event(event_id=None))
    assert world.taken(event(event_id=None))["duplicates"] == 1
    for change in (
        {"item_id": "g2"},
        {"user_id": "u2"},
        {"event_type": "save"},
        {"timestamp": 1 + NOW},
        {"slate_id": "s"},
    ):
        assert world.taken(event(event_id=None, **change))["accepted"] == 1
    assert world.reason(event_id=None, value=3) == ("event_conflict", "event_id")
    assert len({each.event_id for each in world.log}) == 6


def test_a_token_signs(world: World) -> None:
    assert world.taken(event(impression_token=world.token()))["unsigned"] == 0
    [written] = world.log
    assert (written.signed, written.propensity, written.slate_id, written.position) == (True, 0.25, "s1", 3)
    assert b"impression_token" not in world.broker.logs[INTERACTIONS][0].value


@pytest.mark.parametrize("token", ["", "forged.token", 5, "x" * 3000, None])
def test_a_token_that_is_none_leaves_an_event_unsigned(world: World, token: Any) -> None:
    assert world.taken(event(impression_token=token)) == {"accepted": 1, "unsigned": 1, "duplicates": 0, "rejected": []}
    assert not world.log[0].signed


def test_foreign_and_expired_tokens_leave_an_event_unsigned(world: World) -> None:
    foreign = [world.token(user="u2"), world.token(item="g2"), world.token(issued=NOW - DAY_SECONDS - 1)]
    many = [event(event_id=str(each), impression_token=token) for each, token in enumerate(foreign)]
    many.append(event(event_id="other slate", slate_id="s2", impression_token=world.token()))
    many.append(event(event_id="old visit", event_type="visit", impression_token=foreign[2]))
    answer = world.taken(many)
    assert (answer["accepted"], answer["unsigned"]) == (5, 4)
    assert [each.event_id for each in world.log if each.signed] == ["old visit"]


def test_recent_events_and_dismissals_are_remembered(world: World) -> None:
    world.taken([event(event_id="a"), event(event_id="b", timestamp=NOW - 60, event_type="dismiss", item_id="g9")])
    world.taken([event(event_id="c", user_id="u2")])
    found = world.keys.fetch(lists=[names.recent_events(PERSON), names.dismissed(PERSON)]).lists
    assert [json.loads(text)["event_id"] for text in found[0]] == ["a", "b"]
    assert found[1] == [b"g9"]


def test_who_wants_no_personal_answers_moves_no_live_model(world: World) -> None:
    world.call("PUT", "/v1/users/u1/consent", {"personalisation": False})
    said = event(impression_token=world.token(), context={"lat": 41, "lon": 28, "weather": "rain"})
    assert world.taken(said)["unsigned"] == 1
    assert (world.log[0].signed, world.log[0].context) == (False, {"weather": "rain"})
    world.call("PUT", "/v1/users/u1/consent", {"personalisation": True})
    assert world.taken(event(event_id="e2", impression_token=world.token()))["unsigned"] == 0


def test_outcomes_are_counted(world: World) -> None:
    world.taken([event(), event(), event(item_id="g2"), event(event_id="e2", impression_token=world.token())])
    counted = {name: world.metric("gems_collector_events_total", outcome=name) for name in
               ("accepted", "unsigned", "duplicates", "rejected")}  # fmt: skip
    assert counted == {"accepted": 2, "unsigned": 1, "duplicates": 1, "rejected": 1}
    assert world.metric("gems_collector_rejections_total", reason="event_conflict") == 1
    assert world.metric("gems_collector_send_seconds_count") == 1
