"""Rows in Redis through Feast: the one place that knows Feast."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from typing import Any, TypeVar

import prometheus_client  # noqa: F401 - decides at import whether metrics are shared files, as Feast would have it

# isort: split
import feast
import numpy as np
import pandas as pd
import redis
import redis.exceptions
import yaml
from feast.repo_config import RepoConfig
from sqlalchemy.exc import SQLAlchemyError

from hidden_gems.core.errors import BadInputError, PartUnavailableError, StepFailedError
from hidden_gems.core.redis_access import RedisAccess
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.features.feast_definitions import definitions
from hidden_gems.features.raw import ITEM, USER
from hidden_gems.features.rows import ItemRow, UserRow
from hidden_gems.features.store import ITEM_KEY, ITEM_VIEW, PACKED, USER_KEY, USER_VIEW, Stamped, check_second

for _name in ("PROMETHEUS_MULTIPROCESS_DIR", "PROMETHEUS_MULTIPROC_DIR"):
    # Feast sets them for its own server; here, and in every child, they would turn all metrics into shared files
    if "feast_metrics_" in os.environ.get(_name, ""):
        del os.environ[_name]

_KEY = {USER_VIEW: USER_KEY, ITEM_VIEW: ITEM_KEY}
_TOTALS = {USER_VIEW: USER, ITEM_VIEW: ITEM}
_READ_TIMEOUT_SECONDS = 0.03
_WRITE_TIMEOUT_SECONDS = 30.0
_CHUNK = 1000

AnyRow = TypeVar("AnyRow", UserRow, ItemRow)


@dataclass(frozen=True)
class FeastSettings:
    """Where a Feast project keeps its parts."""

    redis: str | RedisAccess
    folder: Path  # of the Parquet files, and of the registry where it is a file
    timeout_seconds: float = _READ_TIMEOUT_SECONDS  # of one call to Redis, without retries
    repo: Path | None = None  # of the definitions; GEMS_FEATURE_REPO by default
    registry: str = ""  # its SQL address, as SQLAlchemy has it; empty for a file

    def told(self) -> str:
        """What Feast is told: feature_store.yaml, or where the registry is SQL that of production, filled in.

        Raises:
            BadInputError: If the definitions are not where they should be.
        """
        name = "env/production.yaml" if self.registry else "feature_store.yaml"
        return Template((self.definitions() / name).read_text()).substitute(self.environment())

    def definitions(self) -> Path:
        """Folder of the definitions.

        Raises:
            BadInputError: If it is not named, or has no feature_store.yaml.
        """
        named = self.repo or Path(os.environ.get("GEMS_FEATURE_REPO", ""))
        if not (named / "feature_store.yaml").is_file():
            raise BadInputError(
                f"{str(named)!r} has no feature_store.yaml; set GEMS_FEATURE_REPO to the feature_repo folder"
            )
        return named.absolute()

    def environment(self) -> dict[str, str]:
        """Variables that the definitions and feature_store.yaml expand."""
        return {
            "GEMS_FEAST_DATA": str(self.folder.absolute()),
            "GEMS_FEAST_REGISTRY": self.registry or str(self.folder.absolute() / "registry.db"),
            "GEMS_FEAST_REDIS": RedisAccess.of(self.redis).connection_string(self.timeout_seconds),
        }


class FeastStore:
    """Rows as packed fields of two Feast views in Redis; see `store.FeatureStore`."""

    def __init__(self, settings: FeastSettings, overwrite: bool = False) -> None:
        """Connect.

        Args:
            settings: Where the parts are; the definitions must have been applied.
            overwrite: Take every row that is written, also one that is not newer than the one held.

        Raises:
            PartUnavailableError: If the registry does not answer.
        """
        raw = yaml.safe_load(settings.told())
        raw["online_store"]["skip_dedup"] = overwrite
        with _registry():
            self._feast = feast.FeatureStore(config=RepoConfig(**raw, repo_path=settings.definitions()))
            # In the file of the store the same setting warns at every start.
            self._feast.registry.serve_features_while_materializing = True
        self._access = RedisAccess.of(settings.redis)

    def write_users(self, rows: Mapping[str, UserRow], at: int) -> None:
        """Write what is true of people at a second after the epoch (1 or later)."""
        self._write(USER_VIEW, rows, at)

    def write_items(self, rows: Mapping[str, ItemRow], at: int) -> None:
        """Write what is true of gems at a second after the epoch (1 or later)."""
        self._write(ITEM_VIEW, rows, at)

    def read_users(self, user_ids: Sequence[str]) -> list[Stamped[UserRow] | None]:
        """Row of each person in the order of the ids; None where there is none."""
        return self._read(USER_VIEW, user_ids, UserRow)

    def read_items(self, item_ids: Sequence[str]) -> list[Stamped[ItemRow] | None]:
        """Row of each gem in the order of the ids; None where there is none."""
        return self._read(ITEM_VIEW, item_ids, ItemRow)

    def apply(self, objects: list[Any]) -> None:
        """Register definitions."""
        with _registry():
            self._feast.apply(objects)

    def materialize(self, at: int) -> None:
        """Load the Parquet rows of a second into Redis."""
        moment = datetime.fromtimestamp(at, UTC)
        second = timedelta(seconds=1)
        try:
            with _registry():
                self._feast.materialize(moment - second, moment + second)
        except redis.exceptions.RedisError as error:
            raise self._unavailable(error) from error

    def _write(self, view: str, rows: Mapping[str, AnyRow], at: int) -> None:
        check_second(at)
        if not rows:
            return
        try:
            self._feast.write_to_online_store(view, frame_of(view, rows, at))  # `push` is slower: it reads the registry
        except redis.exceptions.RedisError as error:
            raise self._unavailable(error) from error

    def _read(self, view: str, ids: Sequence[str], kind: type[AnyRow]) -> list[Stamped[AnyRow] | None]:
        if not ids:
            return []
        try:
            answer = self._feast.get_online_features([f"{view}:{PACKED}"], {_KEY[view]: list(ids)})
        except redis.exceptions.RedisError as error:
            raise self._unavailable(error) from error
        column = list(answer.proto.metadata.feature_names.val).index(PACKED)
        result = answer.proto.results[column]
        return [
            Stamped(kind.unpack(value.string_val), stamp.seconds) if stamp.seconds else None
            for value, stamp in zip(result.values, result.event_timestamps, strict=True)
        ]

    def _unavailable(self, error: Exception) -> PartUnavailableError:
        return PartUnavailableError("features", f"{self._access}: {error}")


@contextmanager
def _registry() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise PartUnavailableError("features", f"the registry of Feast: {error}") from error


def materialize(
    dataset: Dataset, at: int, *, redis: str | RedisAccess, folder: Path, registry: str = ""
) -> dict[str, int]:
    """Put the rows of everyone and everything at a second into Redis, through Feast; a second run changes nothing.

    Args:
        dataset: A checked dataset; only what happened strictly before `at` counts.
        at: Epoch seconds, or an order, 1 or later.
        redis: Where it is and as whom.
        folder: Where the Parquet files are written, and the registry of definitions where it is a file.
        registry: SQL address of the registry; empty for a file.

    Returns:
        Number of `users` and `items` materialized, and of rows `replaced` because the store held others of that second.

    Raises:
        BadInputError: If the feature definitions are not where GEMS_FEATURE_REPO says.
        StepFailedError: If Feast refuses the definitions.
        PartUnavailableError: If Redis or the registry does not answer.
    """
    from hidden_gems.features.snapshot import snapshot  # needs ibis, which what serves does not have

    check_second(at)
    settings = FeastSettings(redis, folder, _WRITE_TIMEOUT_SECONDS, registry=registry)
    users, items = snapshot(dataset, at)
    folder.mkdir(parents=True, exist_ok=True)
    for view, rows in ((USER_VIEW, users), (ITEM_VIEW, items)):
        frame_of(view, rows, at).to_parquet(folder / f"{view}.parquet", index=False, coerce_timestamps="us")
    apply(settings)
    FeastStore(settings).materialize(at)
    replaced = _settle(settings, users, items, at)
    return {"users": len(users) - 1, "items": len(items) - 1, "replaced": replaced}


def _settle(settings: FeastSettings, users: Mapping[str, UserRow], items: Mapping[str, ItemRow], at: int) -> int:
    """Read everything back, and write again what the store kept from an earlier run of the same second.

    Redis under Feast skips a row that is not newer, so other data of the same second would stay unseen.
    """
    store, overwriting = FeastStore(settings), FeastStore(settings, overwrite=True)
    old_users = _stale(users, store.read_users, at)
    old_items = _stale(items, store.read_items, at)
    overwriting.write_users(old_users, at)
    overwriting.write_items(old_items, at)
    return len(old_users) + len(old_items)


def _stale(
    rows: Mapping[str, AnyRow], read: Callable[[Sequence[str]], list[Stamped[AnyRow] | None]], at: int
) -> dict[str, AnyRow]:
    ids, stale = list(rows), {}
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        for name, found in zip(chunk, read(chunk), strict=True):
            if found is None:
                raise StepFailedError(
                    f"Feast materialized {len(rows)} rows, but the row of {name!r} did not arrive in Redis"
                )
            if found.timestamp == at and found.row.pack() != rows[name].pack():
                stale[name] = rows[name]
    return stale


def apply(settings: FeastSettings) -> None:
    """Register the definitions.

    Raises:
        BadInputError: If the definitions are not where the settings say.
        StepFailedError: If they cannot be loaded.
    """
    store = FeastStore(settings)
    settings.folder.mkdir(parents=True, exist_ok=True)
    store.apply(definitions(settings.definitions(), settings.environment()))


def frame_of(view: str, rows: Mapping[str, Any], at: int) -> pd.DataFrame:
    """Rows as the table of a view: key, event_timestamp, packed row, totals."""
    totals = np.array([row.totals for row in rows.values()], dtype=np.float64).reshape(len(rows), len(_TOTALS[view]))
    moment = pd.Timestamp(at, unit="s", tz="UTC").as_unit("us")
    return pd.DataFrame(
        {
            _KEY[view]: list(rows),
            "event_timestamp": pd.Series([moment] * len(rows), dtype="datetime64[us, UTC]"),
            PACKED: [row.pack() for row in rows.values()],
            **{name: totals[:, column] for column, name in enumerate(_TOTALS[view])},
        }
    )
