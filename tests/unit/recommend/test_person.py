from dataclasses import replace

import numpy as np
import pytest

from hidden_gems.core import names
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.features.hot_store import HotRows
from hidden_gems.features.rows import NEW_USER, UserRow
from hidden_gems.recommend.live import LiveItems
from hidden_gems.recommend.person import Person, PersonKeys, history, path, without_beliefs
from tests.unit.recommend.test_world import feast_value
from tests.worlds import NOW, change, context, person, request, tables

ROW = UserRow(
    tuple(float(number) for number in range(len(NEW_USER.totals))),
    {"g1": (1.0, 5.0, 0.7)},
    {"cafe": (1.0,) * 4, "bar": (2.0,) * 4},
    {"Balat": (1.0,), "Moda": (2.0,)},
    (5,),
    (("g1", 5),),
)
NEW = UserRow(tuple(1.0 for _ in NEW_USER.totals))


def store() -> MemoryKeyValue:
    keys = MemoryKeyValue()
    key, (packed, stamp) = HotRows().user_hash("p")
    keys.put_fields({key: {packed: feast_value(ROW.pack()), stamp: b"\x08\x2a"}})
    keys.put({names.embedding_row("r1", "p"): b"12", names.factors("p"): b"factors"})
    keys.prepend(names.dismissed("p"), [b"g4", b"g5", b"g4"], 100)
    return keys


def read(keys: MemoryKeyValue, user: str = "p", release: str = "r1") -> Person:
    reader = PersonKeys(NEW)
    return reader.read(keys.fetch(**reader.asked(release, user)))


def test_everything_of_a_person_comes_in_one_trip() -> None:
    found = read(store())
    assert found == Person(ROW, 12, b"factors", frozenset({"g4", "g5"}), True, 42)
    assert read(store(), release="r2").embedding == 0


def test_somebody_unknown_has_the_row_of_everybody_new() -> None:
    assert read(store(), "nobody") == Person(NEW)


def test_who_has_not_agreed_is_new_but_what_they_dismissed_stays_away() -> None:
    keys = store()
    keys.put({names.consent("p"): b"off"})
    assert read(keys) == Person(NEW, dismissed=frozenset({"g4", "g5"}), consent=False)
    keys.put({names.consent("p"): b"on"})
    assert read(keys).consent


def test_beliefs_that_were_removed_are_not_used() -> None:
    keys = store()
    keys.prepend(names.removed_beliefs("p"), [b"type:bar", b"neighborhood:Moda", b"type:Balat"], 100)
    row = read(keys).row
    assert set(row.types) == {"cafe"}
    assert set(row.neighborhoods) == {"Balat"}
    assert (row.totals, row.own, row.recent, row.path) == (ROW.totals, ROW.own, ROW.recent, ROW.path)
    assert without_beliefs(ROW, frozenset()) is ROW


def test_a_row_of_another_version_is_an_error_not_somebody_new() -> None:
    keys = store()
    key, (packed, _) = HotRows().user_hash("p")
    keys.put_fields({key: {packed: feast_value("[1]")}})
    with pytest.raises(ValueError, match="parts"):
        read(keys)


def test_a_history_is_oldest_first_and_only_of_gems_that_are_known() -> None:
    items = LiveItems.of(tables(), {"late": change("late", type="bar")})
    row = person("g9", "gone", "late", "g2").row
    found = history(row, items)
    assert found.rows.tolist() == [9, 31, 2]
    assert found.reward.tolist() == [1.0, 1.0, 1.0]
    nobody = history(NEW_USER, items)
    assert nobody.rows.dtype == np.int64
    assert len(nobody.rows) == len(nobody.reward) == 0


ITEMS = LiveItems.of(tables(), {"late": change("late", type="bar")})


def walked(*steps: tuple[str, int], **more: bool) -> Person:
    """Somebody who liked these gems so many seconds ago."""
    return Person(replace(NEW_USER, path=tuple((name, NOW - ago) for name, ago in steps)), 3, **more)


def test_a_path_is_what_came_before_the_request_of_gems_that_the_models_know() -> None:
    found = path(walked(("g9", 50), ("gone", 40), ("late", 30), ("g2", 20), ("g9", 1), ("g3", 0)), request(), ITEMS)
    assert found.rows.tolist() == [9, 2, 9]
    assert found.ages.tolist() == [50.0, 20.0, 1.0]
    assert (found.rows.dtype, found.ages.dtype) == (np.int64, np.float32)


@pytest.mark.parametrize("steps", [(), (("late", 5),), (("g1", 0),), (("g1", -5),)])
def test_who_did_nothing_has_one_place_of_padding(steps: tuple[tuple[str, int], ...]) -> None:
    found = path(walked(*steps), request(), ITEMS)
    assert (found.rows.tolist(), found.ages.tolist()) == ([0], [0.0])
    assert (found.rows.dtype, found.ages.dtype) == (np.int64, np.float32)


def test_the_session_comes_last_but_not_twice() -> None:
    somebody = walked(("g1", 900), ("g5", 90), ("g3", 9))
    found = path(somebody, request(session=("g5", "g3", "g7", "nowhere")), ITEMS)
    assert found.rows.tolist() == [1, 5, 3, 7]
    assert found.ages.tolist() == [900.0, 90.0, 9.0, 1.0]
    assert path(somebody, request(session=("g1",)), ITEMS).rows.tolist() == [1, 5, 3, 1]  # long ago, and now again
    assert path(walked(), request(session=("g4",)), ITEMS).rows.tolist() == [4]


def test_who_has_not_agreed_has_no_session() -> None:
    assert path(walked(consent=False), request(session=("g4",)), ITEMS).rows.tolist() == [0]


def test_an_order_has_steps_instead_of_ages() -> None:
    asked = request(session=("g4",), context=context(order_only=True))
    found = path(walked(("g1", 900), ("gone", 300), ("g5", 90)), asked, ITEMS)
    assert found.rows.tolist() == [1, 5, 4]
    assert found.ages.tolist() == [3.0, 2.0, 1.0]
