"""The key-value store of the hot path: one protocol, Redis, and a twin in memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from hidden_gems.core.errors import PartUnavailableError

BATCH = 1_000
TIMEOUT_SECONDS = 0.5


class KeyValue(Protocol):
    """Bytes under text keys; the last write wins."""

    def put(self, values: Mapping[str, bytes]) -> None:
        """Write all of them."""
        ...

    def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """Value of each key, None where there is none."""
        ...

    def delete(self, keys: Sequence[str]) -> int:
        """Remove keys; how many there were."""
        ...


class MemoryKeyValue:
    """A dictionary, for tests."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def put(self, values: Mapping[str, bytes]) -> None:
        """Write all of them."""
        self._values.update(values)

    def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """Value of each key, None where there is none."""
        return [self._values.get(key) for key in keys]

    def delete(self, keys: Sequence[str]) -> int:
        """Remove keys; how many there were."""
        return sum(self._values.pop(key, None) is not None for key in dict.fromkeys(keys))


class RedisKeyValue:
    """Redis at `host:port`, with a time-out and no silent retries (redis-py would retry for seconds).

    Raises:
        PartUnavailableError: If Redis does not answer in time.
    """

    def __init__(self, address: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        import redis

        host, _, port = address.rpartition(":")
        self._error = redis.RedisError
        self._redis = redis.Redis(
            host=host,
            port=int(port),
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=None,
        )

    def put(self, values: Mapping[str, bytes]) -> None:
        """Write all of them."""
        pairs = list(values.items())
        with self._reached():
            for start in range(0, len(pairs), BATCH):
                self._redis.mset(dict(pairs[start : start + BATCH]))

    def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """Value of each key, None where there is none."""
        with self._reached():
            return list(self._redis.mget(list(keys))) if keys else []

    def delete(self, keys: Sequence[str]) -> int:
        """Remove keys; how many there were."""
        with self._reached():
            return int(self._redis.delete(*keys)) if keys else 0

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise PartUnavailableError("features", str(error)) from error
