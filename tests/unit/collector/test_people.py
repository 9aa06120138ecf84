import json
from typing import Any

import pytest

from hidden_gems.core import erasures, names
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.events.records import Interaction
from hidden_gems.features.hot_store import HotRows
from hidden_gems.features.raw import NEIGHBORHOOD, TYPE
from hidden_gems.features.rows import NEW_USER, UserRow
from hidden_gems.privacy.promises import TELLING
from inference.collector.beliefs import Belief, beliefs_of, likes
from tests.unit.collector.world import NOW, PSEUDONYMS, World, event

PERSON = PSEUDONYMS.of("u1")
PENDING = ("learner", "journal", "history", "training", "log", "spool", "topics", "repeats", "backups")


def _get(world: World, path: str, user: str = "u1") -> Any:
    answer = world.call("GET", f"/v1/users/{user}/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_own_events_come_newest_first_without_the_pseudonym(world: World) -> None:
    world.taken([event(event_id="old", timestamp=NOW - DAY_SECONDS - 1), event(event_id="new", timestamp=NOW - 1)])
    world.taken([event(event_id="middle", timestamp=NOW - DAY_SECONDS), event(event_id="other", user_id="u2")])
    found = _get(world, "events")
    assert (found["user_id"], [each["event_id"] for each in found["events"]]) == ("u1", ["new", "middle", "old"])
    assert PERSON not in json.dumps(found)
    assert {"event_id", "item_id", "event_type", "timestamp", "signed"} <= set(found["events"][0])
    assert [each["event_id"] for each in _get(world, "events?window=1d")["events"]] == ["new", "middle"]
    assert [each["event_id"] for each in _get(world, "events?window=24h")["events"]] == ["new", "middle"]
    assert _get(world, "events?window=0s")["events"] == []
    assert _get(world, "events", "nobody") == {"user_id": "nobody", "events": []}
    world.clock.advance(7 * DAY_SECONDS)
    assert _get(world, "events")["events"] == []


@pytest.mark.parametrize("window", ["", "7", "d", "7w", "-1d", "10000d", "7d\n", "1.5d"])
def test_a_window_that_is_none_is_refused(world: World, window: str) -> None:
    answer = world.client.get(
        "/v1/users/u1/events", params={"window": window}, headers={"Authorization": "Bearer server-key"}
    )
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "window")


def test_the_last_thousand_events_are_kept(world: World) -> None:
    for start in (0, 500, 1000):
        world.taken([event(event_id=str(start + each), timestamp=NOW + start / 500) for each in range(500)])
    found = [each["event_id"] for each in _get(world, "events")["events"]]
    assert (len(found), len(set(found))) == (1000, 1000)
    assert min(map(int, found)) == 500


def test_consent_is_kept_and_told(world: World) -> None:
    assert _get(world, "profile")["personalisation"] is True
    for wanted in (False, True, False):
        answer = world.call("PUT", "/v1/users/u1/consent", {"personalisation": wanted})
        assert (answer.status_code, answer.json()) == (200, {"user_id": "u1", "personalisation": wanted})
        assert _get(world, "profile")["personalisation"] is wanted
        assert world.keys.get([names.consent(PERSON)]) == [b"on" if wanted else b"off"]
    assert _get(world, "profile", "u2")["personalisation"] is True


@pytest.mark.parametrize("content", [{}, {"personalisation": "off"}, {"personalisation": 0}, {"personalisation": None}])
def test_consent_is_yes_or_no(world: World, content: Any) -> None:
    answer = world.call("PUT", "/v1/users/u1/consent", content)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "personalisation")
    assert world.call("PUT", "/v1/users/u1/consent", [True]).status_code == 400


def _row(types: dict[str, int], places: dict[str, int]) -> UserRow:
    def counted(columns: tuple[str, ...], name: str, count: int) -> tuple[float, ...]:
        return tuple(float(count) if column == name else 0.0 for column in columns)

    return UserRow(
        NEW_USER.totals,
        types={name: counted(TYPE, "type_likes", count) for name, count in types.items()},
        neighborhoods={name: counted(NEIGHBORHOOD, "neighborhood_likes", count) for name, count in places.items()},
    )


def _interaction(item: str, event_type: str = "click", signed: bool = True, value: float | None = None) -> Interaction:
    return Interaction(f"e-{item}", PERSON, item, event_type, NOW, NOW, value=value, signed=signed)


def test_beliefs_are_counted_by_the_row_and_shown_with_their_events() -> None:
    columns = {"g1": {"type": "cafe", "neighborhood": "Balat"}, "g2": {"type": "bar"}, "g3": {"type": "museum"}}
    first, second, third = _interaction("g1"), _interaction("g2"), _interaction("g3", signed=False)
    skip, unknown = _interaction("g1", "skip"), _interaction("g9")
    row = _row({"cafe": 3, "park": 1, "street": 0}, {"Balat": 2})
    assert beliefs_of(row, [first, second, third, skip, unknown], columns, ["type:park", "neighborhood:Moda"]) == [
        Belief("type:cafe", 3, 0.6, False, (first,)),
        Belief("type:bar", 1, 0.2, False, (second,)),
        Belief("type:park", 1, 0.2, True, ()),
        Belief("neighborhood:Balat", 2, 1.0, False, (first,)),
        Belief("neighborhood:Moda", 0, 0.0, True, ()),
    ]
    assert [each.belief for each in beliefs_of(None, [first], columns, [])] == ["type:cafe", "neighborhood:Balat"]
    assert beliefs_of(None, [], {}, []) == []


def test_a_belief_shows_its_20_newest_events() -> None:
    events = [_interaction("g1") for _ in range(21)]
    [belief] = beliefs_of(None, events, {"g1": {"type": "cafe"}}, [])
    assert (belief.likes, len(belief.events)) == (21, 20)


@pytest.mark.parametrize(
    ("event_type", "value", "liked"),
    [
        ("click", None, True),
        ("visit", None, True),
        ("skip", None, False),
        ("dismiss", None, False),
        ("rating", 1.0, False),
        ("rating", 1.5, True),
        ("dwell", 0.0, False),
        ("relevance_rating", 5.0, False),
        ("impression", None, False),
        ("unheard of", None, False),
    ],
)
def test_what_counts_as_a_like(event_type: str, value: float | None, liked: bool) -> None:
    assert likes(_interaction("g1", event_type, value=value)) is liked


def _put_row(world: World, person: str, row: UserRow) -> None:
    text = row.pack().encode()
    key, (packed, stamp) = HotRows().user_hash(person)
    length = bytes([len(text) & 0x7F | 0x80, len(text) >> 7])
    world.keys.put_fields({key: {packed: b"\x12" + length + text, stamp: b"\x08\x64"}})


def test_a_profile_tells_beliefs_and_one_that_is_removed_stays_so(world: World) -> None:
    world.call("PUT", "/v1/items/g1", {"type": "tea house"}, "editor-key")
    _put_row(world, PERSON, _row({"cafe": 3}, {}))
    world.taken(event(impression_token=world.token()))
    found = _get(world, "profile")["beliefs"]
    assert [(each["belief"], each["likes"], each["share"], each["removed"]) for each in found] == [
        ("type:cafe", 3, 0.75, False),
        ("type:tea house", 1, 0.25, False),
    ]
    assert [each["event_id"] for each in found[1]["events"]] == ["e1"]
    assert PERSON not in json.dumps(found)
    for _ in range(2):
        answer = world.call("DELETE", "/v1/users/u1/profile/type:tea%20house")
        assert answer.status_code == 200
        assert answer.json() == {"user_id": "u1", "belief": "type:tea house", "removed": True}
    assert world.keys.fetch(lists=[names.removed_beliefs(PERSON)]).lists == [[b"type:tea house"]]
    assert [each["removed"] for each in _get(world, "profile")["beliefs"]] == [False, True]
    assert world.call("DELETE", "/v1/users/u1/profile/neighborhood:a%2Fb").json()["belief"] == "neighborhood:a/b"


@pytest.mark.parametrize("belief", ["cafe", "type:", "mood:calm", "type:" + "x" * 129])
def test_a_belief_that_is_none_is_refused(world: World, belief: str) -> None:
    answer = world.call("DELETE", f"/v1/users/u1/profile/{belief}")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "belief")


def _fill(world: World) -> None:
    """Something in every place where something of a person may lie."""
    folder = world.home / "releases" / "r1"
    folder.mkdir(parents=True)
    (folder / "release.json").write_text("{}")
    _put_row(world, PERSON, _row({"cafe": 1}, {}))
    world.keys.put({names.factors(PERSON): b"\x01\x02", names.embedding_row("r1", PERSON): b"7"})
    world.keys.put({names.moved_today(PERSON): b'[9,{"g1":2}]', names.answered("s1", "g1"): b"e1"})
    world.keys.prepend(names.kept_slates(PERSON), [b"s3"], 10)
    world.keys.put(
        {
            names.slate("s3"): b"that no event quotes",
            names.slate("s1"): b"answer",
            names.slate("s2"): b"of somebody else",
        }
    )
    world.taken([event(impression_token=world.token()), event(event_id="e2", event_type="dismiss", slate_id="s2")])
    world.call("PUT", "/v1/users/u1/consent", {"personalisation": False})
    world.call("DELETE", "/v1/users/u1/profile/type:bar")


def test_an_export_holds_everything(world: World) -> None:
    _fill(world)
    found = _get(world, "export")
    assert [each["event_id"] for each in found.pop("events")] == ["e2", "e1"]
    assert {each["store"] for each in found.pop("elsewhere")} == set(PENDING)
    row = found["features"].pop("row")
    assert UserRow.unpack(json.dumps(row)).types == _row({"cafe": 1}, {}).types
    assert found == {
        "user_id": "u1",
        "exported_at": "2026-05-04T13:06:40+00:00",
        "personalisation": False,
        "dismissed": ["g1"],
        "removed_beliefs": ["type:bar"],
        "features": {"at": "1970-01-01T00:01:40+00:00"},
        "online_factors": "0102",
        "moved_today": [9, {"g1": 2}],
        "embedding_rows": {"r1": 7},
        "kept_slates": ["s3"],
    }
    assert _get(world, "export", "nobody")["features"] is None


def test_an_erasure_leaves_nothing_but_its_own_notes(world: World) -> None:
    _fill(world)
    world.taken(event(event_id="e9", user_id="u2"))
    answer = world.call("DELETE", "/v1/users/u1")
    assert answer.status_code == 202
    receipt = answer.json()
    assert [(each["store"], each["state"], each["deadline"]) for each in receipt["stores"]] == [
        ("online", "done", "2026-05-04T13:07:40+00:00"),
        ("learner", "pending", "2026-05-04T13:07:40+00:00"),
        ("journal", "pending", "2026-05-05T13:06:40+00:00"),
        ("history", "pending", "2026-05-05T13:06:40+00:00"),
        ("training", "pending", "2026-05-05T13:06:40+00:00"),
        ("log", "pending", "2026-05-05T13:06:40+00:00"),
        ("spool", "pending", "2026-05-05T13:06:40+00:00"),
        ("topics", "pending", "2026-05-11T13:06:40+00:00"),
        ("repeats", "pending", "2026-05-12T13:06:40+00:00"),
        ("backups", "pending", "2026-06-03T13:06:40+00:00"),
    ]
    assert receipt["stores"][0]["done_at"] == "2026-05-04T13:06:40+00:00"
    assert receipt["stores"][1]["done_at"] is None
    again = world.call("GET", f"/v1/erasures/{receipt['receipt']}")
    assert (again.status_code, again.json()) == (200, receipt)
    values, hashes, lists = world.keys._values, world.keys._hashes, world.keys._lists  # type: ignore[attr-defined]
    assert {name for name in (*values, *lists) if PERSON in name} == {names.erased(PERSON)}
    assert not any(PERSON.encode() in name for name in hashes)
    assert names.event("e1") not in values
    assert names.answered("s1", "g1") not in values
    assert [name for name in values if name.startswith(names.slate(""))] == [names.slate("s2")]
    assert world.keys.get([names.erased(PERSON)]) == [repr(NOW).encode()]
    assert world.keys.marked_since(names.ERASURES, 0) == [(PERSON, 1)]
    assert len(_get(world, "events", "u2")["events"]) == 1
    assert world.call("GET", "/v1/erasures/unknown").status_code == 404


def test_a_receipt_follows_what_the_stores_have_done(world: World) -> None:
    def states() -> dict[str, str]:
        found = world.call("GET", f"/v1/erasures/{receipt}").json()["stores"]
        return {each["store"]: each["state"] for each in found}

    world.taken(event())
    receipt = world.call("DELETE", "/v1/users/u1").json()["receipt"]
    [person] = erasures.due(world.keys, "history")
    assert (person.person, person.at) == (PERSON, NOW)
    erasures.forgot(world.keys, "history", [person])
    erasures.forgot(world.keys, "journal", [person._replace(person="somebody else")])
    assert {name for name, state in states().items() if state == "done"} == {"online", "history"}
    world.clock.advance(7 * DAY_SECONDS + 1)
    assert {name for name, state in states().items() if state == "done"} == {"online", "history", "spool", "topics"}
    again = world.call("DELETE", "/v1/users/u1").json()
    assert [each["state"] for each in again["stores"]].count("done") == 1
    for store in TELLING:
        erasures.forgot(world.keys, store, erasures.due(world.keys, store))
    world.clock.advance(30 * DAY_SECONDS + 1)
    assert set(states().values()) == {"done"}
    assert PERSON.encode() not in world.keys.get([names.erasure(receipt)])[0]  # type: ignore[operator]


def test_what_is_written_while_somebody_is_erased_is_erased_as_well(world: World) -> None:
    send = world.producer.send

    def erased_meanwhile(messages: Any) -> None:
        send(messages)
        world.call("DELETE", "/v1/users/u1")

    world.producer.send = erased_meanwhile  # type: ignore[method-assign]
    world.taken(event(event_type="dismiss"))
    assert world.keys.fetch(lists=[names.recent_events(PERSON), names.dismissed(PERSON)]).lists == [[], []]


def test_what_was_erased_does_not_come_again_and_what_is_new_does(world: World) -> None:
    world.taken(event())
    world.call("DELETE", "/v1/users/u1")
    assert world.reason() == ("erased", "timestamp")
    assert world.reason(event_id="late", timestamp=NOW - 1) == ("erased", "timestamp")
    assert world.taken(event(user_id="u2"))["accepted"] == 1
    world.clock.advance(5)
    assert world.taken(event(event_id="new", timestamp=NOW + 1))["accepted"] == 1
    assert [each["event_id"] for each in _get(world, "events")["events"]] == ["new"]


def test_what_a_race_left_behind_is_not_shown(world: World) -> None:
    world.clock.advance(10)
    world.call("DELETE", "/v1/users/u1")
    before, after = _interaction("g1"), Interaction("e2", PERSON, "g2", "click", NOW + 11, NOW + 11)
    world.keys.prepend(names.recent_events(PERSON), [before.to_json(), after.to_json()], 10)
    assert [each["event_id"] for each in _get(world, "events")["events"]] == ["e2"]
