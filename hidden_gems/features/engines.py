"""Engines that compute Ibis expressions: DuckDB on one machine, Spark on one or many. The same rows from both."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol, cast, get_args

import ibis
import pandas as pd

from hidden_gems.core.errors import BadInputError, MissingExtraError, OutOfMemoryError
from hidden_gems.datasets.limits import explained, first_line, in_words, options_of

Table = Any
"""An Ibis table expression."""

EngineName = Literal["duckdb", "spark"]
ENGINES: tuple[str, ...] = get_args(EngineName)
_ROW_GROUP = 131_072
_SHUFFLE_PARTITIONS = 16  # of a few million rows on one machine; the default of 200 is meant for a cluster


@dataclass(frozen=True)
class EngineConfig:
    """What an engine may use."""

    name: EngineName = "duckdb"
    memory: str = ""  # as `6GB`; of DuckDB before it goes to disk, of Spark's heap; empty is the engine's own choice
    threads: int = 0  # 0 is the engine's own choice
    scratch: Path | None = None  # folder for what does not fit into memory; None is the system's


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
        opened = _duckdb if config.name == "duckdb" else _spark
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


class Spark:
    """Spark, of this process alone or of a cluster. Loaded and kept tables are Parquet in scratch."""

    def __init__(self, connection: Any, session: Any, scratch: Path) -> None:
        self.connection, self.session, self.scratch = connection, session, scratch

    def load(self, name: str, frame: pd.DataFrame) -> Table:
        """See `Engine`."""
        path = self.scratch / f"{name}.parquet"
        frame.to_parquet(path, index=False, coerce_timestamps="us")
        return self.read(name, path)

    def read(self, name: str, path: Path) -> Table:
        """See `Engine`."""
        self.session.read.parquet(str(path.resolve())).createOrReplaceTempView(name)
        return self.connection.table(name)

    def keep(self, name: str, table: Table) -> Table:
        """See `Engine`."""
        path = self.scratch / name
        self._computed(table).write.parquet(str(path))
        return self.read(name, path)

    def frame(self, table: Table) -> pd.DataFrame:
        """See `Engine`; by way of a file, because what pyspark sends over sockets it does not close."""
        path = Path(tempfile.mkdtemp(dir=self.scratch)) / "frame"
        computed = self._computed(table)
        computed.write.parquet(str(path))
        return pd.read_parquet(path)[computed.columns]

    def write(self, table: Table, path: Path, by: Sequence[str]) -> None:
        """See `Engine`."""
        self._computed(table.order_by(list(by))).write.parquet(str(path.resolve()))

    def _computed(self, table: Table) -> Any:
        return self.session.sql(self.connection.compile(table))


@contextmanager
def _spark(config: EngineConfig, scratch: Path) -> Iterator[Spark]:
    if find_spec("pyspark") is None:
        raise MissingExtraError("pyspark", "scale")
    if config.memory and not re.fullmatch(r"\d+[kmg]b?", config.memory.lower()):
        raise BadInputError(f"Spark cannot start with {in_words(config.memory, config.threads)}; expected as in 6GB")
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    session = _spark_session(config, scratch)
    try:
        yield Spark(ibis.pyspark.connect(session), session, scratch)
    except (Py4JJavaError, PySparkException) as error:
        if "OutOfMemoryError" in str(error):
            raise OutOfMemoryError(
                f"Spark ran out of memory with {in_words(config.memory, config.threads)}; "
                "give it more memory or fewer threads"
            ) from error
        raise
    finally:
        session.stop()


def _spark_session(config: EngineConfig, scratch: Path) -> Any:
    from pyspark.errors import PySparkException, PySparkRuntimeError
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("hidden-gems").master(f"local[{config.threads or '*'}]")
    settings = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.driver.memory": config.memory.lower().removesuffix("b"),  # Spark says 6g where people say 6GB
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": str(_SHUFFLE_PARTITIONS),
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    for name, value in settings.items():
        builder = builder.config(name, value) if value else builder
    try:
        return builder.getOrCreate()
    except (PySparkException, PySparkRuntimeError, OSError) as error:
        raise BadInputError(
            f"Spark cannot start with {in_words(config.memory, config.threads)}: {first_line(error)}; "
            "it needs Java 17 or 21"
        ) from error
