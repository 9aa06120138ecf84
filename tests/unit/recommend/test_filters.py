from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.features.raw import USER
from hidden_gems.features.rows import NEW_USER
from hidden_gems.recommend.filters import LeftOut, left_out, minutes_to
from hidden_gems.recommend.live import LiveItems
from hidden_gems.recommend.person import History, Person, history
from hidden_gems.recommend.request import Request
from tests.worlds import COUNT, GALATA, NOW, change, context, filtered, person, request, tables

ITEMS = LiveItems.of(tables(), {})
NOTHING = History(np.empty(0, np.int64), np.empty(0))


def judged(asked: Request, who: Person | None = None, items: LiveItems = ITEMS) -> LeftOut:
    who = who or Person()
    return left_out(asked, who, history(who.row, items), items)


def kept(asked: Request, who: Person | None = None, items: LiveItems = ITEMS) -> set[int]:
    """Numbers of the gems that may be in the answer."""
    return {int(items.index.ids[row].removeprefix("g")) for row in np.flatnonzero(~judged(asked, who, items).rows)}


EVERY = set(range(1, COUNT + 1))
DESCRIBED = EVERY - {30}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, EVERY),
        ({"types": frozenset({"cafe"})}, {n for n in DESCRIBED if n % 3 == 0}),
        ({"types": frozenset({"cafe", "bar"})}, {n for n in DESCRIBED if n % 3 != 2}),
        ({"types": frozenset()}, set()),
        ({"neighborhoods": frozenset({"Moda"})}, {n for n in DESCRIBED if n % 2}),
        ({"max_price_level": 2.0}, {n for n in DESCRIBED if n % 5 <= 2}),
        ({"max_price_level": 0.0}, {n for n in DESCRIBED if n % 5 == 0}),
        ({"min_authenticity": 0.5}, {n for n in DESCRIBED if n >= 15}),
        ({"max_tourist_ratio": 0.5}, DESCRIBED),
        ({"max_tourist_ratio": 0.49}, set()),
        ({"max_crowd_level": 0.25}, {n for n in DESCRIBED if n % 4 <= 1}),
        ({"setting": "indoor"}, {n for n in DESCRIBED if n % 3 in (0, 2)}),
        ({"setting": "outdoor"}, {n for n in DESCRIBED if n % 3 in (1, 2)}),
        ({"setting": "both"}, {n for n in DESCRIBED if n % 3 == 2}),
        ({"exclude": frozenset({"g1", "g2", "nowhere"})}, EVERY - {1, 2}),
        ({"candidates": ("g4", "g7", "nowhere")}, {4, 7}),
        ({"candidates": ()}, set()),
        ({"types": frozenset({"cafe"}), "max_price_level": 1.0}, {n for n in DESCRIBED if n % 3 == 0 and n % 5 <= 1}),
    ],
)
def test_what_fails_a_condition_is_out_and_so_is_what_cannot_be_judged(
    filters: dict[str, object], expected: set[int]
) -> None:
    assert kept(filtered(**filters)) == expected


def test_what_was_liked_is_out_unless_it_may_come_again() -> None:
    somebody = person("g3", "g5", "gone")
    assert kept(request(), somebody) == EVERY - {3, 5}
    assert kept(filtered(exclude_seen=False), somebody) == EVERY


def test_what_was_dismissed_is_out_even_where_it_was_asked_for() -> None:
    somebody = Person(dismissed=frozenset({"g4", "gone"}))
    assert kept(request(), somebody) == EVERY - {4}
    assert kept(filtered(candidates=("g4", "g5"), exclude_seen=False), somebody) == {5}


def test_closed_gems_are_out_until_they_open() -> None:
    items = LiveItems.of(tables(), {"g1": change("g1"), "g2": change("g2", until=NOW + 60.0, type="bar")})
    assert kept(request(), items=items) == EVERY - {1, 2}
    later = request(context=replace(context(), timestamp=NOW + 60))
    assert kept(later, items=items) == EVERY - {1}


def test_minutes_are_counted_from_the_request_else_from_the_last_place() -> None:
    near = minutes_to(ITEMS, request(context=context(lat=GALATA[0], lon=GALATA[1])), NEW_USER)
    assert near[1] < near[10] < near[29]
    fair = float(near[10])
    at_galata = request(context=context(lat=GALATA[0], lon=GALATA[1]))
    asked = replace(at_galata, filters=filtered(max_travel_minutes=fair).filters)
    assert kept(asked) == {n for n in EVERY if near[n] <= fair} == set(range(1, 11))
    totals = dict(zip(USER, NEW_USER.totals, strict=True)) | {"user_last_lat": GALATA[0], "user_last_lon": GALATA[1]}
    somebody = Person(replace(NEW_USER, totals=tuple(totals.values())))
    assert kept(filtered(max_travel_minutes=fair), somebody) == set(range(1, 11))


def test_where_nobody_knows_where_the_person_is_no_gem_is_promised_to_be_near() -> None:
    assert kept(filtered(max_travel_minutes=1440.0)) == set()


def test_unknown_candidates_are_counted_once_each() -> None:
    found = judged(filtered(candidates=("g4", "nowhere", "nowhere", "gone")))
    assert found.unknown == 2
    assert judged(request()).unknown == 0


def test_each_condition_says_how_many_it_leaves_out() -> None:
    somebody = person("g3", dismissed=frozenset({"g4"}))
    found = judged(filtered(types=frozenset({"cafe"}), exclude=frozenset({"g6"})), somebody)
    counts = {name: int(fails.sum()) for name, fails in found.fails.items()}
    assert counts == {
        "closed": 0,
        "types": 21,
        "seen": 1,
        "exclude": 1,
        "dismissed": 1,
    }
    assert found.rows[0]
