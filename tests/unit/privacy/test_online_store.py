import json

from hidden_gems.core import erasures, names
from hidden_gems.core.erasable import Trace
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.events.records import Interaction
from hidden_gems.features.hot_store import HotRows
from hidden_gems.privacy.online import OnlineStore

AT = 1_777_900_000.0
ROW = HotRows().user_hash("ada")


def event(event_id: str, at: float = AT, signed: bool = True, slate: str = "s1") -> bytes:
    return Interaction(event_id, "ada", "g1", "click", at, at, slate_id=slate, signed=signed).to_json()


def slate(person: str, issued: float) -> bytes:
    return json.dumps({"issued": issued, "slate": json.dumps({"user_id": person})}).encode()


def filled() -> tuple[MemoryKeyValue, dict[str, bytes]]:
    """A store with everything of ada, and what others have in it."""
    keys = MemoryKeyValue()
    others = {names.factors("bob"): b"b", names.slate("sb"): slate("bob", AT), names.event("eb"): b"b"}
    keys.put(others)
    keys.put({name("ada"): b"1" for name in (names.factors, names.moved_today, names.consent)})
    keys.put({names.embedding_row("r1", "ada"): b"7", names.slate("s1"): slate("ada", AT), names.event("e1"): b"x"})
    keys.put({names.slate("s2"): slate("ada", AT), names.applied("e1"): b"1", names.applied("s2"): b"1"})
    keys.put({names.counted("s1", "g1", "click"): b"1", names.answered("s1", "g1"): b"e1"})
    keys.prepend(names.recent_events("ada"), [event("e1"), event("e2", signed=False, slate="sb")], 10)
    keys.prepend(names.kept_slates("ada"), [b"s1", b"s2"], 10)
    keys.prepend(names.dismissed("ada"), [b"g1"], 10)
    keys.put_fields({ROW[0]: {ROW[1][0]: b"row"}})
    return keys, others


def test_every_key_goes_and_those_of_others_stay() -> None:
    keys, others = filled()
    store = OnlineStore(keys, lambda: ["r1"])
    assert len(store.find("ada", None)) == 10
    noted = erasures.note(keys, "ada", AT + 1)
    store.erase({"ada": noted.at})
    assert {key for key in keys._values if key not in others} == {names.erased("ada"), names.ERASURE_COUNTER}
    assert {key: keys._values[key] for key in others} == others
    assert not any(keys._lists.values())
    assert ROW[0] not in keys._hashes
    assert store.find("ada", noted.at) == [
        Trace(names.ERASURES, "denylist"),
        Trace(names.erased("ada"), "denylist"),
    ]
    assert store.export("ada") is None


def test_what_came_after_is_of_somebody_new_and_what_came_back_is_left() -> None:
    keys, _ = filled()
    store = OnlineStore(keys, lambda: ["r1"])
    noted = erasures.note(keys, "ada", AT + 1)
    store.erase({"ada": noted.at})
    keys.put({names.factors("ada"): b"1", names.embedding_row("r1", "ada"): b"7", names.consent("ada"): b"off"})
    keys.put({names.slate("s3"): slate("ada", AT)})
    found = {trace.where: trace.state for trace in store.find("ada", noted.at)}
    assert found[names.factors("ada")] == found[names.embedding_row("r1", "ada")] == found[names.slate("s3")] == "left"
    assert found[names.consent("ada")] == "since"
    keys.prepend(names.recent_events("ada"), [event("e3", AT + 2)], 10)
    found = {trace.where: trace.state for trace in store.find("ada", noted.at)}
    assert found[names.factors("ada")] == found[names.recent_events("ada")] == "since"
    assert found[names.embedding_row("r1", "ada")] == "left"
    keys.prepend(names.recent_events("ada"), [event("e1")], 10)
    assert Trace(names.recent_events("ada"), "left") in store.find("ada", noted.at)


def test_an_export_has_every_value() -> None:
    keys, _ = filled()
    found = OnlineStore(keys, lambda: ["r1"]).export("ada")
    assert found is not None
    assert found[names.kept_slates("ada")] == ["s2", "s1"]
    assert found[names.embedding_row("r1", "ada")] == "7"
    assert len(found) == 7
