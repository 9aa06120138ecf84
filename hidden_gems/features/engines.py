"""Engines that compute Ibis expressions: DuckDB on one machine, Spark on one or many. The same rows from both."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast, get_args

import ibis
import pandas as pd

from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.limits import explained, options_of
from hidden_gems.features.spark_engine import spark_engine

Table = Any
"""An Ibis table expression."""

EngineName = Literal["duckdb", "spark"]
ENGINES: tuple[str, ...] = get_args(EngineName)
_ROW_GROUP = 131_072


@dataclass(frozen=True)
class EngineConfig:
    """What an engine may use."""

    name: EngineName = "duckdb"
    memory: str = ""  # as `6GB`; of DuckDB before it goes to disk, of Spark's heap; empty is the engine's own choice
    threads: int = 0  # 0 is the engine's own choice
    scratch: Path | None = None  # folder for what does not fit into memory; None is the system's
    shared: str = ""  # address that the executors of a submitted Spark reach, for what they exchange with the driver


class Engine(Protocol):
    """Holds tables and computes expressions of them."""

    def load(self, name: str, frame: pd.DataFrame) -> Table:
        """Put a frame into the engine."""

    def read(self, name: str, path: Path) -> Table:
        """A Parquet file, or the folder that `write` made of one, as a table that stays on disk."""

    def keep(self, name: str, table: Table) -> Table:
        """Compute an expression once for all that is made from it."""

    def frame(self, table: Table) -> pd.DataFrame:
        """Compute an expression into memory."""

    def write(self, table: Table, path: Path, by: Sequence[str]) -> None:
        """Compute an expression into `path`, a Parquet file or a folder of them in order, sorted by columns."""


@contextmanager
def engine_of(config: EngineConfig | None = None) -> Iterator[Engine]:
    """Start an engine and stop it afterwards.

    Args:
        config: Which, and what it may use; DuckDB as it comes if there is none.

    Raises:
        BadInputError: If there is no such engine, or it cannot read its settings.
        MissingExtraError: If the engine is not installed.
        OutOfMemoryError: If it has less memory than what is computed needs.
    """
    config = config or EngineConfig()
    engine_name(config.name)
    with tempfile.TemporaryDirectory(prefix="gems-", dir=config.scratch) as scratch:
        opened = _duckdb if config.name == "duckdb" else spark_engine
        with opened(config, Path(scratch)) as engine:
            yield engine


def engine_name(name: str) -> EngineName:
    """The name of an engine, if there is one of this name.

    Raises:
        BadInputError: If there is none.
    """
    if name not in ENGINES:
        raise BadInputError(f"there is no engine {name!r}; expected one of {', '.join(ENGINES)}")
    return cast("EngineName", name)


class DuckDB:
    """DuckDB inside this process. Loaded and kept tables live in its memory, or beside it when that is full."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def load(self, name: str, frame: pd.DataFrame) -> Table:
        """See `Engine`."""
        self.connection.con.register(f"{name}_frame", frame)
        return self.connection.create_table(name, self.connection.table(f"{name}_frame"))

    def read(self, name: str, path: Path) -> Table:
        """See `Engine`."""
        return self.connection.read_parquet(path, table_name=name)

    def keep(self, name: str, table: Table) -> Table:
        """See `Engine`."""
        return self.connection.create_table(name, table)

    def frame(self, table: Table) -> pd.DataFrame:
        """See `Engine`."""
        return table.to_pandas()

    def write(self, table: Table, path: Path, by: Sequence[str]) -> None:
        """See `Engine`."""
        self.connection.to_parquet(table.order_by(list(by)), path, compression="zstd", row_group_size=_ROW_GROUP)


@contextmanager
def _duckdb(config: EngineConfig, scratch: Path) -> Iterator[DuckDB]:
    options = options_of(config.memory, config.threads, str(scratch))
    with explained(config.memory, config.threads):
        connection = ibis.duckdb.connect(**options)
        try:
            yield DuckDB(connection)
        finally:
            connection.disconnect()
