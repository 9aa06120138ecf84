import json
import math
from typing import Any

import pytest

from hidden_gems.events.records import BadRecordError, DriftEvent, Interaction, ItemChange, Place, Slate

CLICK = Interaction(
    "e1", "p1", "g1", "click", 10.5, 11.0, slate_id="s1", position=2, signed=True, context={"lat": 41.0}
)
DRIFT = DriftEvent("p1", 12.5, 4.25, 61, ("cafe", "museum"), ("bar", ""))
SLATE = Slate(
    "s1", "p1", 9.0, "ranker+thompson", "2026-05-04.1", "ranker_v1", 7,
    (Place("g1", 0, 0.5, 1.25, ("popular", "new"), (1.0, math.nan), ("ceiling:g7",)),), ("deep",), {"weather": "rain"},
)  # fmt: skip


def changed(text: bytes, **fields: Any) -> bytes:
    return json.dumps(json.loads(text) | fields).encode()


@pytest.mark.parametrize(
    "record", [CLICK, DRIFT, ItemChange("g1", 5.0, {"name": "Çay"}, 9.0), ItemChange("g1", 5.0, None)]
)
def test_a_record_comes_back(record: Interaction | DriftEvent | ItemChange) -> None:
    assert type(record).from_json(record.to_json()) == record


def test_a_slate_comes_back_with_its_missing_features() -> None:
    found = Slate.from_json(SLATE.to_json())
    assert repr(found) == repr(SLATE)
    assert b"NaN" not in SLATE.to_json()


def test_a_slate_of_before_there_were_variants_has_none() -> None:
    old = json.loads(SLATE.to_json())
    del old["variant"]
    assert Slate.from_json(json.dumps(old).encode()).variant == ""
    assert Slate.from_json(changed(SLATE.to_json(), variant="static")).variant == "static"
    with pytest.raises(BadRecordError, match="variant must be a text"):
        Slate.from_json(changed(SLATE.to_json(), variant=1))


def test_a_place_of_before_rules_were_logged_has_none() -> None:
    content = json.loads(SLATE.to_json())
    assert content["places"][0].pop("constraints") == ["ceiling:g7"]
    [place] = Slate.from_json(json.dumps(content).encode()).places
    assert place.constraints == ()


def test_fields_of_a_newer_writer_are_ignored() -> None:
    assert Interaction.from_json(changed(CLICK.to_json(), mood_ring="blue")) == CLICK


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff", "not JSON"),
        (b"[1]", "JSON object"),
        (changed(CLICK.to_json(), schema_version=2), "schema_version is 2"),
        (changed(CLICK.to_json(), user_id=None), "user_id"),
        (changed(CLICK.to_json(), item_id=""), "item_id"),
        (changed(CLICK.to_json(), timestamp=None), "Interaction"),
        (changed(CLICK.to_json(), received="nan"), "finite"),
    ],
)
def test_what_is_no_interaction_says_why(text: bytes, said: str) -> None:
    with pytest.raises(BadRecordError, match=said):
        Interaction.from_json(text)


def test_a_slate_without_places_is_none() -> None:
    with pytest.raises(BadRecordError, match="not a Slate"):
        Slate.from_json(changed(SLATE.to_json(), places=[{"item_id": "g1"}]))


def test_a_gem_is_closed_for_good_or_until_a_moment() -> None:
    assert ItemChange("g1", 5.0, None).closed(1e12)
    closed = ItemChange("g1", 5.0, {}, closed_until=9.0)
    assert (closed.closed(8.9), closed.closed(9.0), ItemChange("g1", 5.0, {}).closed(6.0)) == (True, False, False)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"user_id": ""}, "user_id"),
        ({"score": "nan"}, "finite"),
        ({"before": None}, "DriftEvent"),
        ({"outcomes": "x"}, "DriftEvent"),
    ],
)
def test_what_is_no_drift_says_why(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRecordError, match=said):
        DriftEvent.from_json(changed(DRIFT.to_json(), **fields))
