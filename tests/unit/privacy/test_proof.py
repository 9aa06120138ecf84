import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hidden_gems.core import erasures
from hidden_gems.core.erasable import State, Trace
from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.core.names import ERASURES, erased, forgotten
from hidden_gems.events.records import Interaction
from hidden_gems.events.topics import DEAD_LETTERS, INTERACTIONS
from hidden_gems.privacy.compaction import compact, end_of_list
from hidden_gems.privacy.files import StoreLog, holds, other_files, spool
from hidden_gems.privacy.proof import verify
from hidden_gems.privacy.topics import Topics
from hidden_gems.streaming.broker import MemoryBroker, Message

AT = 1_777_900_000.0
DAY = 86_400.0


@dataclass
class Store:
    """People in a dictionary."""

    people: dict[str, State] = field(default_factory=dict)
    away: bool = False
    name: str = "history"
    what: str = "a dictionary"
    seconds: float = DAY

    def erase(self, people: Mapping[str, float]) -> None:
        if self.away:
            raise PartUnavailableError(self.name, "away")
        for person in people:
            self.people.pop(person, None)

    def find(self, person: str, erased_at: float | None) -> list[Trace]:
        return [Trace("here", self.people[person])] if person in self.people else []

    def export(self, person: str) -> object:
        return self.people.get(person)


def test_a_store_is_asked_once_for_everybody_and_again_for_who_is_erased_again() -> None:
    keys, store = MemoryKeyValue(), Store({"ada": "left", "bob": "left"})
    assert compact([store], keys) == {"history": 0}
    first = erasures.note(keys, "ada", AT)
    assert not erasures.has_forgotten(keys, "history", "ada", first.score)
    assert compact([store], keys) == {"history": 1}
    assert store.people == {"bob": "left"}
    assert erasures.has_forgotten(keys, "history", "ada", first.score)
    store.people["ada"] = "left"
    assert compact([store], keys) == {"history": 0}
    assert compact([store], keys, again=True) == {"history": 1}
    second = erasures.note(keys, "ada", AT + 1)
    assert not erasures.has_forgotten(keys, "history", "ada", second.score)
    assert erasures.has_forgotten(keys, "history", "ada", first.score)
    store.away = True
    with pytest.raises(PartUnavailableError):
        compact([store], keys)
    assert [each.score for each in erasures.due(keys, "history")] == [second.score]


def test_the_denylist_ends_when_nothing_can_bring_somebody_back() -> None:
    keys, store = MemoryKeyValue(), Store()
    erasures.note(keys, "ada", AT)
    erasures.note(keys, "bob", AT + 20 * DAY)
    compact([store], keys)
    assert end_of_list(keys, AT + 29 * DAY) == 0
    assert end_of_list(keys, AT + 31 * DAY) == 1
    assert erasures.moments(keys, ["ada", "bob"]) == {"bob": AT + 20 * DAY}
    assert [name for feed in (ERASURES, forgotten("history")) for name, _ in keys.marked_since(feed, 0)] == ["bob"] * 2
    assert keys.get([erased("ada")]) == [None]


@pytest.mark.parametrize(
    ("state", "later", "verdict", "left"),
    [
        ("left", DAY - 1, "pending", ("here",)),
        ("left", DAY + 1, "overdue", ("here",)),
        ("since", DAY + 1, "clean", ()),
        ("denylist", DAY + 1, "clean", ()),
        (None, DAY + 1, "clean", ()),
    ],
)
def test_what_is_found_is_judged_by_what_was_promised(
    state: State | None, later: float, verdict: str, left: tuple[str, ...]
) -> None:
    keys = MemoryKeyValue()
    store = Store({} if state is None else {"ada": state})
    erasures.note(keys, "ada", AT)
    proof = verify([store], keys, "ada", AT + later)
    [found] = proof.stores
    assert (found.verdict, found.left, found.deadline) == (verdict, left, AT + DAY)
    assert proof.overdue == (verdict == "overdue")
    assert proof.denylist_until == AT + 30 * DAY


def test_who_was_never_erased_is_held() -> None:
    proof = verify([Store({"ada": "left"})], MemoryKeyValue(), "ada", AT)
    assert [each.verdict for each in proof.stores] == ["held"]
    assert (proof.erased_at, proof.overdue) == (None, False)


def test_topics_tell_every_message_also_inside_dead_letters() -> None:
    broker = MemoryBroker()
    old, new = (Interaction(name, "ada", "g1", "click", at, at).to_json() for name, at in (("e1", AT), ("e2", AT + 9)))
    letter = json.dumps({"value": base64.b64encode(b"ada, torn").decode()}).encode()
    messages = [Message(INTERACTIONS, "ada", old), Message(INTERACTIONS, "ada", new), Message(DEAD_LETTERS, "", letter)]
    broker.producer().send([*messages, Message(INTERACTIONS, "bob", old.replace(b"ada", b"bob"))])
    store = Topics(lambda topics: broker.consumer("audit", topics))
    found = {trace.where: trace.state for trace in store.find("ada", AT + 1)}
    assert found == {
        f"{INTERACTIONS}/0/0": "left",
        f"{INTERACTIONS}/0/1": "since",
        f"{DEAD_LETTERS}/0/0": "left",
    }
    assert store.export("ada") == {INTERACTIONS: 2, DEAD_LETTERS: 1}
    assert store.export("carl") is None
    assert not broker.committed


def test_files_are_searched_by_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hidden_gems.privacy.files._CHUNK", 8)
    for name, content in (
        ("spool/1.jsonl", b"0123456ada"),
        ("logs/a.log", b"x" * 14 + b"ada"),
        ("logs/b.log", b"ad a"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert holds(tmp_path / "logs" / "a.log", "ada")
    assert not holds(tmp_path / "gone", "ada")
    assert [Path(trace.where).name for trace in spool(tmp_path / "spool").find("ada", AT)] == ["1.jsonl"]
    others = other_files(tmp_path, [tmp_path / "spool"])
    assert [Path(trace.where).name for trace in others.find("ada", AT)] == ["a.log"]
    assert others.seconds == 0
    assert StoreLog(MemoryKeyValue(), None).find("ada", AT) == []


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (b"*3\r\n$10\r\nerased:ada\r\n$12\r\n1777900000.0\r\n", "denylist"),
        (b"$4\r\nZADD\r\n$16\r\nchanges:erasures\r\n$1\r\n7\r\n$3\r\nada\r\n", "denylist"),
        (b'$9\r\nerasure:r\r\n{"receipt": "r", "of": ["ada", 1, 1777900000.0]}', "denylist"),
        (b"erased:ada $11\r\nfactors:ada\r\n", "left"),
        (b'{"slate": "{\\"user_id\\":\\"ada\\"}"}', "left"),
        (b"\x02\x00\x00\x00\x03\x00\x00\x00adahidden_gems", "left"),
    ],
)
def test_in_the_stores_log_the_denylist_is_told_from_the_rest(tmp_path: Path, content: bytes, state: str) -> None:
    (tmp_path / "appendonly.aof").write_bytes(content)
    assert [trace.state for trace in StoreLog(MemoryKeyValue(), tmp_path).find("ada", AT)] == [state]
