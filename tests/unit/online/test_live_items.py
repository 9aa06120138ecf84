from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.core.names import ITEM_CHANGES, live_item
from hidden_gems.events.records import ItemChange
from hidden_gems.online.items import live_changes, with_changes

COLUMNS = {"item_id": ["g1", "g2"], "type": ["cafe", "bar"], "lat": [41.0, 41.1]}


def test_no_change_leaves_the_columns_of_the_release() -> None:
    assert with_changes(COLUMNS, []) == COLUMNS


def test_a_changed_gem_is_what_its_change_says_and_nothing_else() -> None:
    found = with_changes(COLUMNS, [ItemChange("g2", 1.0, {"type": "museum", "name": "Two", "item_id": "liar"})])
    assert found == {
        "item_id": ["g1", "g2"], "type": ["cafe", "museum"], "lat": [41.0, None], "name": [None, "Two"]
    }  # fmt: skip


def test_new_gems_stand_behind_the_others() -> None:
    found = with_changes(COLUMNS, [ItemChange("n1", 1.0, {"lat": 40.9}), ItemChange("n2", 1.0, {"type": "bar"})])
    assert found["item_id"] == ["g1", "g2", "n1", "n2"]
    assert found["lat"] == [41.0, 41.1, 40.9, None]
    assert found["type"] == ["cafe", "bar", None, "bar"]


def test_a_gem_that_closed_keeps_its_attributes() -> None:
    assert with_changes(COLUMNS, [ItemChange("g1", 1.0, None), ItemChange("never-known", 1.0, None)]) == COLUMNS


def test_live_changes_are_those_that_were_noted() -> None:
    keys, change = MemoryKeyValue(), ItemChange("g1", 1.0, {"type": "bar"}, closed_until=5.0)
    keys.put({live_item("g1"): change.to_json(), live_item("not noted"): change.to_json()})
    keys.mark(ITEM_CHANGES, ["g1", "lost"], 1)
    assert live_changes(keys) == {"g1": change}
