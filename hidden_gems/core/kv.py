"""The key-value store of the hot path: one protocol, Redis, and a twin in memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

from hidden_gems.core.errors import FencedError, PartUnavailableError
from hidden_gems.core.fence import Fence
from hidden_gems.core.redis_access import RedisAccess

BATCH = 1_000
TIMEOUT_SECONDS = 0.5


Hash = tuple[bytes, Sequence[bytes]]
"""Key of a hash and the fields asked for."""


@dataclass(frozen=True)
class Fetched:
    """What one round trip brought, each part in the order asked; None where there is nothing."""

    values: list[bytes | None]
    fields: list[list[bytes | None]]
    lists: list[list[bytes]]


class KeyValue(Protocol):
    """Bytes under text keys; the last write wins. Beside plain values: hashes, bounded lists, feeds and counters."""

    def put(self, values: Mapping[str, bytes]) -> None:
        """Write all of them."""
        ...

    def put_if(self, guard: str, held: bytes | None, values: Mapping[str, bytes]) -> bool:
        """Write all of them in one stroke if `guard` still holds `held` (None: nothing); whether it did."""
        ...

    def behind(self, fence: Fence) -> Self:
        """The same store, whose every write raises `FencedError` and writes nothing once the fence is another's."""
        ...

    def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """Value of each key, None where there is none."""
        ...

    def delete(self, keys: Sequence[str]) -> int:
        """Remove keys of any kind; how many there were."""
        ...

    def fetch(self, keys: Sequence[str] = (), hashes: Sequence[Hash] = (), lists: Sequence[str] = ()) -> Fetched:
        """Values, fields of hashes and whole lists in one round trip."""
        ...

    def put_fields(self, hashes: Mapping[bytes, Mapping[bytes, bytes]]) -> None:
        """Write fields of hashes."""
        ...

    def prepend(self, key: str, values: Sequence[bytes], keep: int) -> None:
        """Put values before a list, the last one first, and cut it to `keep`."""
        ...

    def prepend_each(self, lists: Mapping[str, Sequence[bytes]], keep: int) -> None:
        """The same for many lists."""
        ...

    def claim(self, values: Mapping[str, bytes], seconds: int) -> list[bytes | None]:
        """Write each value whose key is free, to be forgotten after `seconds`.

        Returns:
            For each key what it already held; None where the value was written.
        """
        ...

    def count(self, key: str, by: int = 1) -> int:
        """Add to a counter that starts at 0; its new value."""
        ...

    def mark(self, feed: str, members: Sequence[str], score: int) -> None:
        """Note in a feed that these members changed at `score`; an earlier note of a member is replaced."""
        ...

    def marked_since(self, feed: str, score: int) -> list[tuple[str, int]]:
        """Members whose note is above `score`, with it, lowest first."""
        ...

    def unmark(self, feed: str, members: Sequence[str]) -> None:
        """Take the notes of these members out of a feed."""
        ...

    def holding(self, *texts: str) -> list[str]:
        """Every key whose name or content has one of these in it, sorted; reads the whole store, for audits alone."""
        ...

    def rewrite_log(self) -> None:
        """Begin to write the log on disk anew, without what was deleted since; a store without a log does nothing."""
        ...


@dataclass
class MemoryKeyValue:
    """Dictionaries, for tests."""

    _values: dict[str, bytes] = field(default_factory=dict)
    _hashes: dict[bytes, dict[bytes, bytes]] = field(default_factory=dict)
    _lists: dict[str, list[bytes]] = field(default_factory=dict)
    _feeds: dict[str, dict[str, int]] = field(default_factory=dict)
    _fence: Fence | None = None

    def put(self, values: Mapping[str, bytes]) -> None:
        """Write all of them."""
        self._check()
        self._values.update(values)

    def put_if(self, guard: str, held: bytes | None, values: Mapping[str, bytes]) -> bool:
        """Write all of them if `guard` still holds `held`."""
        if self._values.get(guard) != held:
            return False
        self.put(values)
        return True

    def behind(self, fence: Fence) -> Self:
        """The same store behind a fence."""
        return replace(self, _fence=fence)

    def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """Value of each key, None where there is none."""
        return [self._values.get(key) for key in keys]

    def delete(self, keys: Sequence[str]) -> int:
        """Remove keys of any kind; how many there were."""
        self._check()
        homes: tuple[dict[str, Any], ...] = (self._values, self._lists, self._feeds)
        found = {key for key in keys if any(key in home for home in homes) or key.encode() in self._hashes}
        for key in found:
            self._hashes.pop(key.encode(), None)
            for home in homes:
                home.pop(key, None)
        return len(found)

    def fetch(self, keys: Sequence[str] = (), hashes: Sequence[Hash] = (), lists: Sequence[str] = ()) -> Fetched:
        """Values, fields of hashes and whole lists."""
        fields = [[self._hashes.get(key, {}).get(name) for name in names] for key, names in hashes]
        return Fetched(self.get(keys), fields, [list(self._lists.get(key, [])) for key in lists])

    def put_fields(self, hashes: Mapping[bytes, Mapping[bytes, bytes]]) -> None:
        """Write fields of hashes."""
        self._check()
        for key, fields in hashes.items():
            self._hashes.setdefault(key, {}).update(fields)

    def prepend(self, key: str, values: Sequence[bytes], keep: int) -> None:
        """Put values before a list, the last one first, and cut it to `keep`."""
        self._check()
        self._lists[key] = [*reversed(values), *self._lists.get(key, [])][:keep]

    def prepend_each(self, lists: Mapping[str, Sequence[bytes]], keep: int) -> None:
        """The same for many lists."""
        for key, values in lists.items():
            self.prepend(key, values, keep)

    def claim(self, values: Mapping[str, bytes], seconds: int) -> list[bytes | None]:
        """Write each value whose key is free; here nothing is forgotten."""
        self._check()
        held = self.get(list(values))
        for key, value in values.items():
            self._values.setdefault(key, value)
        return held

    def count(self, key: str, by: int = 1) -> int:
        """Add to a counter that starts at 0; its new value."""
        self._check()
        self._values[key] = str(int(self._values.get(key, b"0")) + by).encode()
        return int(self._values[key])

    def mark(self, feed: str, members: Sequence[str], score: int) -> None:
        """Note in a feed that these members changed at `score`."""
        self._check()
        self._feeds.setdefault(feed, {}).update(dict.fromkeys(members, score))

    def marked_since(self, feed: str, score: int) -> list[tuple[str, int]]:
        """Members whose note is above `score`, with it, lowest first."""
        later = [(member, at) for member, at in self._feeds.get(feed, {}).items() if at > score]
        return sorted(later, key=lambda pair: (pair[1], pair[0]))

    def _check(self) -> None:
        if self._fence is not None:
            self._fence.check(self._values.get(self._fence.key))

    def unmark(self, feed: str, members: Sequence[str]) -> None:
        """Take the notes of these members out of a feed."""
        self._check()
        for member in members:
            self._feeds.get(feed, {}).pop(member, None)

    def holding(self, *texts: str) -> list[str]:
        """Every key whose name or content has one of these in it, sorted."""
        contents: dict[str, list[bytes]] = {key: [value] for key, value in self._values.items()}
        contents |= {key: list(values) for key, values in self._lists.items()}
        contents |= {key: [member.encode() for member in members] for key, members in self._feeds.items()}
        contents |= {_shown(key): [*fields, *fields.values()] for key, fields in self._hashes.items()}
        wanted = [text.encode() for text in texts]
        return sorted(
            key
            for key, parts in contents.items()
            if any(text in part for text in wanted for part in (key.encode(), *parts))
        )

    def rewrite_log(self) -> None:
        """There is no log."""


class RedisKeyValue:
    """Redis, with a time-out and no silent retries (redis-py would retry for seconds).

    Args:
        access: Where it is and as whom; an address `host:port` alone is in plain text, as nobody.
        timeout_seconds: Longest time of one call.

    Raises:
        PartUnavailableError: If Redis does not answer in time, or does not let us in.
    """

    def __init__(self, access: str | RedisAccess, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        import redis

        self._error, self._watched, self._refused = redis.RedisError, redis.WatchError, redis.ResponseError
        self._fence: Fence | None = None
        self._access = RedisAccess.of(access)
        self._redis = self._access.client(timeout_seconds)

    def put(self, values: Mapping[str, bytes]) -> None:
        """Write all of them."""
        pairs = list(values.items())
        for start in range(0, len(pairs), BATCH):
            with self._writing() as trip:
                trip.mset(dict(pairs[start : start + BATCH]))
                trip.execute()

    def put_if(self, guard: str, held: bytes | None, values: Mapping[str, bytes]) -> bool:
        """Write all of them in one stroke if `guard` still holds `held`."""
        with self._reached(), self._redis.pipeline() as trip:
            trip.watch(guard)
            if trip.get(guard) != held:
                return False
            trip.multi()
            trip.mset(dict(values))
            try:
                trip.execute()
            except self._watched:
                return False
            return True

    def behind(self, fence: Fence) -> Self:
        """The same store behind a fence."""
        fenced = copy(self)
        fenced._fence = fence
        return fenced

    def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """Value of each key, None where there is none."""
        with self._reached():
            return list(self._redis.mget(list(keys))) if keys else []

    def delete(self, keys: Sequence[str]) -> int:
        """Remove keys of any kind; how many there were."""
        if not keys:
            return 0
        with self._writing() as trip:
            trip.delete(*keys)
            return int(trip.execute()[0])

    def fetch(self, keys: Sequence[str] = (), hashes: Sequence[Hash] = (), lists: Sequence[str] = ()) -> Fetched:
        """Values, fields of hashes and whole lists in one round trip."""
        with self._reached():
            trip = self._redis.pipeline(transaction=False)
            if keys:
                trip.mget(list(keys))
            for key, names in hashes:
                trip.hmget(key, list(names))
            for name in lists:
                trip.lrange(name, 0, -1)
            found = trip.execute()
        values = list(found.pop(0)) if keys else []
        return Fetched(values, [list(each) for each in found[: len(hashes)]], found[len(hashes) :])

    def put_fields(self, hashes: Mapping[bytes, Mapping[bytes, bytes]]) -> None:
        """Write fields of hashes."""
        pairs = list(hashes.items())
        for start in range(0, len(pairs), BATCH):
            with self._writing() as trip:
                for key, fields in pairs[start : start + BATCH]:
                    trip.hset(key, mapping=dict(fields))
                trip.execute()

    def prepend(self, key: str, values: Sequence[bytes], keep: int) -> None:
        """Put values before a list, the last one first, and cut it to `keep`."""
        self.prepend_each({key: values}, keep)

    def prepend_each(self, lists: Mapping[str, Sequence[bytes]], keep: int) -> None:
        """The same for many lists, in one round trip where none has grown too long."""
        filled = {key: values for key, values in lists.items() if values}
        with self._writing() as trip:
            for key, values in filled.items():
                trip.lpush(key, *values)
            lengths = trip.execute()
            for key, length in zip(filled, lengths, strict=True):
                if length > keep:
                    trip.ltrim(key, 0, keep - 1)
            trip.execute()

    def claim(self, values: Mapping[str, bytes], seconds: int) -> list[bytes | None]:
        """Write each value whose key is free, to be forgotten after `seconds`; what was held before."""
        with self._writing() as trip:
            for key, value in values.items():
                trip.execute_command("SET", key, value, "NX", "EX", seconds)
            taken = [key for key, written in zip(values, trip.execute(), strict=True) if not written]
            held = dict(zip(taken, self._redis.mget(taken), strict=True)) if taken else {}
        return [held.get(key) for key in values]

    def count(self, key: str, by: int = 1) -> int:
        """Add to a counter that starts at 0; its new value."""
        with self._writing() as trip:
            trip.incrby(key, by)
            return int(trip.execute()[0])

    def mark(self, feed: str, members: Sequence[str], score: int) -> None:
        """Note in a feed that these members changed at `score`."""
        if members:
            with self._writing() as trip:
                trip.zadd(feed, dict.fromkeys(members, score))
                trip.execute()

    def marked_since(self, feed: str, score: int) -> list[tuple[str, int]]:
        """Members whose note is above `score`, with it, lowest first."""
        with self._reached():
            found = self._redis.zrangebyscore(feed, f"({score}", "+inf", withscores=True)
        return [(member.decode(), int(at)) for member, at in found]

    def unmark(self, feed: str, members: Sequence[str]) -> None:
        """Take the notes of these members out of a feed."""
        if members:
            with self._writing() as trip:
                trip.zrem(feed, *members)
                trip.execute()

    def holding(self, *texts: str) -> list[str]:
        """Every key whose name or content has one of these in it, sorted; reads the whole store, for audits alone."""
        found: set[str] = set()
        wanted = [text.encode() for text in texts]
        with self._reached():
            chunk: list[bytes] = []
            for key in self._redis.scan_iter(count=BATCH):
                chunk.append(key)
                if len(chunk) == BATCH:
                    found |= self._holding(chunk, wanted)
                    chunk = []
            found |= self._holding(chunk, wanted)
        return sorted(found)

    def rewrite_log(self) -> None:
        """Begin to write the log on disk anew, without what was deleted since; one that is under way is enough."""
        with self._reached():
            try:
                self._redis.bgrewriteaof()
                self._redis.bgsave(schedule=True)
            except self._refused as error:
                if "in progress" not in str(error):
                    raise

    def _holding(self, keys: Sequence[bytes], texts: Sequence[bytes]) -> set[str]:
        trip = self._redis.pipeline(transaction=False)
        for key in keys:
            trip.type(key)
        readers = {b"string": "get", b"list": "lrange", b"hash": "hgetall", b"zset": "zrange"}
        kinds = [(key, readers.get(kind)) for key, kind in zip(keys, trip.execute(), strict=True)]
        read = [(key, reader) for key, reader in kinds if reader is not None]
        for key, reader in read:
            getattr(trip, reader)(*((key, 0, -1) if reader in ("lrange", "zrange") else (key,)))
        contents = trip.execute()
        held = [(key, key + b"\0" + _joined(content)) for (key, _), content in zip(read, contents, strict=True)]
        return {_shown(key) for key, content in held if any(text in content for text in texts)}

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """A round trip of writes; behind a fence it is checked and written in one stroke."""
        fence = self._fence
        with self._reached(), self._redis.pipeline(transaction=fence is not None) as trip:
            if fence is not None:
                trip.watch(fence.key)
                fence.check(trip.get(fence.key))
                trip.multi()
            try:
                yield trip
            except self._watched as error:
                raise FencedError("another one took over between the look and the write") from error

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise PartUnavailableError("features", f"{self._access}: {error}") from error


def _joined(content: Any) -> bytes:
    """Everything that a key holds, one after the other."""
    if isinstance(content, dict):
        return b"\0".join([*content, *content.values()])
    if isinstance(content, list):
        return b"\0".join(content)
    return content or b""


def _shown(key: bytes) -> str:
    return key.decode("utf-8", "backslashreplace")
