import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hidden_gems.cli.processes import free_port, redis_server
from hidden_gems.core.errors import FencedError, PartUnavailableError
from hidden_gems.core.fence import Fence
from hidden_gems.core.kv import BATCH, KeyValue, MemoryKeyValue, RedisKeyValue


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyValue]:
    if request.param == "memory":
        yield MemoryKeyValue()
        return
    with redis_server(tmp_path / "redis") as address:
        yield RedisKeyValue(address)


def test_what_was_put_comes_back_in_the_order_asked(store: KeyValue) -> None:
    store.put({"a": b"1", "b": b"\x00"})
    assert store.get(["b", "nothing", "a", "b"]) == [b"\x00", None, b"1", b"\x00"]
    assert store.get([]) == []


def test_the_last_write_wins_and_delete_counts_what_was_there(store: KeyValue) -> None:
    store.put({"a": b"1"})
    store.put({"a": b"2"})
    assert store.get(["a"]) == [b"2"]
    assert store.delete(["a", "a", "b"]) == 1
    assert store.delete([]) == 0
    assert store.get(["a"]) == [None]


def test_more_than_one_batch(store: KeyValue) -> None:
    values = {str(number): str(number).encode() for number in range(BATCH + 1)}
    store.put(values)
    assert store.get(list(values)) == list(values.values())


def test_one_trip_brings_values_fields_and_lists(store: KeyValue) -> None:
    store.put({"a": b"1"})
    store.put_fields({b"h": {b"x": b"2", b"y": b"3"}})
    store.prepend("l", [b"old", b"new"], keep=5)
    found = store.fetch(["a", "b"], [(b"h", [b"y", b"z"]), (b"none", [b"x"])], ["l", "empty"])
    assert (found.values, found.fields, found.lists) == ([b"1", None], [[b"3", None], [None]], [[b"new", b"old"], []])
    assert store.fetch(lists=["l"]).lists == [[b"new", b"old"]]
    assert store.delete(["h", "l", "none"]) == 2
    assert store.fetch(hashes=[(b"h", [b"y"])], lists=["l"]).fields == [[None]]


def test_a_list_keeps_the_newest(store: KeyValue) -> None:
    store.prepend("l", [b"1", b"2"], keep=3)
    store.prepend("l", [b"3", b"4"], keep=3)
    assert store.fetch(lists=["l"]).lists == [[b"4", b"3", b"2"]]


def test_a_claim_is_taken_once(store: KeyValue) -> None:
    assert store.claim({"a": b"1", "b": b"2"}, 60) == [None, None]
    assert store.claim({"b": b"3", "c": b"4"}, 60) == [b"2", None]
    assert store.get(["a", "b", "c"]) == [b"1", b"2", b"4"]


def test_counters_start_at_nought(store: KeyValue) -> None:
    assert (store.count("n"), store.count("n", 4), store.get(["n"])) == (1, 5, [b"5"])


def test_a_feed_tells_what_changed_since(store: KeyValue) -> None:
    store.mark("f", ["a", "b"], 1)
    store.mark("f", ["b", "c"], 3)
    store.mark("f", [], 4)
    assert store.marked_since("f", 0) == [("a", 1), ("b", 3), ("c", 3)]
    assert store.marked_since("f", 1) == [("b", 3), ("c", 3)]
    assert store.marked_since("f", 3) == []


def test_a_feed_forgets_members(store: KeyValue) -> None:
    store.mark("f", ["a", "b"], 1)
    store.unmark("f", ["a", "z"])
    store.unmark("f", [])
    assert store.marked_since("f", 0) == [("b", 1)]


def test_an_audit_finds_a_text_in_names_and_contents_of_every_kind(store: KeyValue) -> None:
    store.put({"ada": b"1", "value": b"x ada\xff", "other": b"ad a"})
    store.put_fields({b"hash\xff": {b"x": b"ada"}})
    store.put_fields({b"field": {b"ada": b"x"}})
    store.prepend("list", [b"1", b"ada"], keep=5)
    store.mark("feed", ["ada"], 1)
    store.put({f"many-{number}": b"-" for number in range(BATCH + 5)})
    assert store.holding("ada") == ["ada", "feed", "field", "hash\\xff", "list", "value"]
    assert store.holding("nobody") == []
    store.rewrite_log()
    store.rewrite_log()


def test_a_log_that_is_written_anew_has_nothing_of_what_was_deleted(tmp_path: Path) -> None:
    def held() -> list[str]:
        return [path.name for path in tmp_path.iterdir() if b"erika" in path.read_bytes()]

    with redis_server(tmp_path) as address:
        keys = RedisKeyValue(address)
        keys.put({"erika": b"1"})
        keys._redis.save()
        keys.delete(["erika"])
        assert len(held()) == 2
        keys.rewrite_log()
        until = time.monotonic() + 20
        while held() and time.monotonic() < until:
            time.sleep(0.1)
        assert held() == []


def test_a_redis_that_is_away_is_named_at_once() -> None:
    with pytest.raises(PartUnavailableError, match="features is unavailable"):
        RedisKeyValue(f"127.0.0.1:{free_port()}").get(["a"])


def test_a_stroke_on_a_condition_is_all_or_nothing(store: KeyValue) -> None:
    assert store.put_if("guard", None, {"guard": b"1", "a": b"x"})
    assert not store.put_if("guard", None, {"guard": b"2", "a": b"y"})
    assert not store.put_if("guard", b"2", {"a": b"y"})
    assert store.put_if("guard", b"1", {"guard": b"2"})
    assert store.get(["guard", "a"]) == [b"2", b"x"]


WRITES: dict[str, Callable[[KeyValue], object]] = {
    "put": lambda store: store.put({"a": b"2"}),
    "delete": lambda store: store.delete(["a"]),
    "put_fields": lambda store: store.put_fields({b"h": {b"x": b"2"}}),
    "prepend": lambda store: store.prepend("l", [b"2"], keep=5),
    "claim": lambda store: store.claim({"new": b"2"}, 60),
    "count": lambda store: store.count("n"),
    "mark": lambda store: store.mark("f", ["m"], 2),
}


@pytest.mark.parametrize("name", WRITES)
def test_behind_a_fence_everything_is_written_until_it_is_anothers(store: KeyValue, name: str) -> None:
    def held() -> list[object]:
        found = store.fetch(["a", "new", "n"], [(b"h", [b"x"])], ["l"])
        return [found.values, found.fields, found.lists, store.marked_since("f", 0)]

    for write in WRITES.values():
        write(store)
    store.put({"a": b"1", "guard": b"7"})
    fenced, before = store.behind(Fence("guard", b"7")), held()
    WRITES[name](fenced)
    assert held() != before or name in ("put_fields", "claim", "mark")
    store.put({"guard": b"8"})
    before = held()
    with pytest.raises(FencedError, match="guard is 8 by now, and was 7 for us"):
        WRITES[name](fenced)
    assert held() == before
    assert fenced.get(["guard"]) == [b"8"]


def test_who_is_overtaken_between_the_look_and_the_write_writes_nothing(tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as address:
        store = RedisKeyValue(address)
        store.put({"guard": b"7"})
        fenced = store.behind(Fence("guard", b"7"))
        with pytest.raises(FencedError, match="between the look"), fenced._writing() as trip:  # noqa: PT012
            trip.mset({"a": b"1"})
            store.put({"guard": b"8"})
            trip.execute()
        assert store.get(["a"]) == [None]
