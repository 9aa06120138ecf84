from collections.abc import Iterator
from pathlib import Path

import pytest

from hidden_gems.cli.processes import free_port, redis_server
from hidden_gems.core.errors import PartUnavailableError
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


def test_a_redis_that_is_away_is_named_at_once() -> None:
    with pytest.raises(PartUnavailableError, match="features is unavailable"):
        RedisKeyValue(f"127.0.0.1:{free_port()}").get(["a"])
