"""Spark as an engine: of this process alone, or of the machines that spark-submit was told of.

Executors on other machines see no file of the driver. Then every table that goes in or out passes through a folder at
an address that all of them reach, by the same file systems as all else here (`core.addresses`, ADR-0090).
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hidden_gems.core.addresses import filesystem, put, reading, remove_folder
from hidden_gems.core.errors import BadInputError, MissingExtraError, OutOfMemoryError
from hidden_gems.datasets.limits import first_line, in_words

if TYPE_CHECKING:
    from hidden_gems.features.engines import EngineConfig, Table

_SHUFFLE_PARTITIONS = 16  # of a few million rows on one machine; the default of 200 is meant for a cluster
_SAME_ROWS = {"spark.sql.session.timeZone": "UTC", "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS"}
_BY_SUBMIT = "PYSPARK_GATEWAY_PORT"
"""A variable that spark-submit gives to the Python process that it starts."""

Batches = Iterator[pa.RecordBatch]


class Spark:
    """Spark whose files are those of this machine. Loaded and kept tables are Parquet in scratch."""

    def __init__(self, connection: Any, session: Any, scratch: Path) -> None:
        self.connection, self.session, self.scratch = connection, session, scratch

    def load(self, name: str, frame: pd.DataFrame) -> "Table":
        """See `Engine`."""
        path = self.scratch / f"{name}.parquet"
        frame.to_parquet(path, index=False, coerce_timestamps="us")
        return self.read(name, path)

    def read(self, name: str, path: Path) -> "Table":
        """See `Engine`."""
        return self._named(name, self.session.read.parquet(str(path.resolve())))

    def keep(self, name: str, table: "Table") -> "Table":
        """See `Engine`."""
        self._out(self._computed(table), self.scratch / name)
        return self.read(name, self.scratch / name)

    def frame(self, table: "Table") -> pd.DataFrame:
        """See `Engine`; by way of a file, because what pyspark sends over sockets it does not close."""
        path = Path(tempfile.mkdtemp(dir=self.scratch)) / "frame"
        computed = self._computed(table)
        self._out(computed, path)
        return pd.read_parquet(path)[computed.columns]

    def write(self, table: "Table", path: Path, by: Sequence[str]) -> None:
        """See `Engine`."""
        self._out(self._computed(table.order_by(list(by))), path)

    def _computed(self, table: "Table") -> Any:
        return self.session.sql(self.connection.compile(table))

    def _named(self, name: str, frame: Any) -> "Table":
        frame.createOrReplaceTempView(name)
        return self.connection.table(name)

    def _out(self, frame: Any, path: Path) -> None:
        """Rows into a folder of this machine, `part-*.parquet` in their order."""
        frame.write.parquet(str(path.resolve()))


class SharedSpark(Spark):
    """Spark of several machines. What is read or kept stays on the disks of the executors, in parts.

    Args:
        connection: Ibis's.
        session: Spark's.
        scratch: Folder of the driver's machine.
        shared: Address of a folder that driver and executors reach; of this engine alone.
    """

    def __init__(self, connection: Any, session: Any, scratch: Path, shared: str) -> None:
        super().__init__(connection, session, scratch)
        self.shared = shared

    def read(self, name: str, path: Path) -> "Table":
        """See `Engine`; executors read a row group each."""
        from pyspark.sql.pandas.types import from_arrow_schema

        files = sorted(path.glob("part-*.parquet")) if path.is_dir() else [path]
        groups: list[tuple[str, int]] = []
        for file in files:
            address = put(file, f"{self.shared}/{name}/{file.name}")
            groups += [(address, group) for group in range(pq.read_metadata(file).num_row_groups)]
        numbers = self.session.range(0, len(groups), 1, max(len(groups), 1))
        rows = numbers.mapInArrow(rows_of(groups), from_arrow_schema(pq.read_schema(files[0])))
        return self._named(name, self._held(rows))

    def keep(self, name: str, table: "Table") -> "Table":
        """See `Engine`."""
        return self._named(name, self._held(self._computed(table)))

    def _held(self, frame: Any) -> Any:
        from pyspark import StorageLevel

        return frame.persist(StorageLevel.DISK_ONLY)

    def _out(self, frame: Any, path: Path) -> None:
        """Executors write a file for each part and say its name; files of tries that failed are not among them."""
        from pyspark.sql.pandas.types import to_arrow_schema

        address = f"{self.shared}/{uuid4().hex}"
        names = [row.name for row in frame.mapInArrow(part_into(address), "name string").collect()]
        path.mkdir(parents=True)
        files, root = filesystem(address)
        for name in names:
            files.get_file(f"{root}/{name}", str(path / name))
        if not names:
            pq.write_table(to_arrow_schema(frame.schema).empty_table(), path / "part-00000.parquet")
        remove_folder(address)


def rows_of(groups: Sequence[tuple[str, int]]) -> Callable[[Batches], Batches]:
    """What an executor does to read: numbers of row groups become their rows.

    Args:
        groups: Address of a Parquet file and the row group in it, by number.
    """

    def rows(batches: Batches) -> Batches:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                address, group = groups[number]
                with reading(address) as file, pq.ParquetFile(file) as parquet:
                    yield from parquet.iter_batches(row_groups=[group])

    return rows


def part_into(address: str) -> Callable[[Batches], Batches]:
    """What an executor does to write: the rows of a part become a file at an address, and its name."""

    def part(batches: Batches) -> Batches:
        from pyspark import TaskContext

        task = TaskContext.get()
        assert task is not None  # or this would be no executor
        yield from write_part(batches, address, f"part-{task.partitionId():05d}-{task.taskAttemptId()}.parquet")

    return part


def write_part(batches: Iterable[pa.RecordBatch], address: str, name: str) -> Batches:
    """Write rows as one Parquet file; yields its name in a row, or nothing where there are no rows."""
    rows = (batch for batch in batches if batch.num_rows)
    first = next(rows, None)
    if first is None:
        return
    files, root = filesystem(address)
    files.makedirs(root, exist_ok=True)
    with (
        files.open(f"{root}/{name}", "wb") as file,
        pq.ParquetWriter(file, first.schema, compression="zstd") as parquet,
    ):
        for batch in chain([first], rows):
            parquet.write_batch(batch)
    yield pa.RecordBatch.from_pydict({"name": [name]})


@contextmanager
def spark_engine(config: "EngineConfig", scratch: Path) -> Iterator[Spark]:
    """Start Spark, or take the one that spark-submit has set up, and stop it afterwards.

    Raises:
        MissingExtraError: If pyspark is not installed.
        BadInputError: If it cannot start, or its executors could not reach the data.
        OutOfMemoryError: If it has too little memory.
    """
    if find_spec("pyspark") is None:
        raise MissingExtraError("pyspark", "scale")
    if config.memory and not re.fullmatch(r"\d+[kmg]b?", config.memory.lower()):
        raise BadInputError(f"Spark cannot start with {in_words(config.memory, config.threads)}; expected as in 6GB")
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    session = _session(config, scratch)
    shared = ""
    try:
        shared = shared_folder(config, session.sparkContext.master)
        connection = ibis.pyspark.connect(session)
        yield SharedSpark(connection, session, scratch, shared) if shared else Spark(connection, session, scratch)
    except (Py4JJavaError, PySparkException) as error:
        if "OutOfMemoryError" in str(error):
            raise OutOfMemoryError(
                f"Spark ran out of memory with {in_words(config.memory, config.threads)}; "
                "give it more memory or fewer threads"
            ) from error
        raise
    finally:
        session.stop()
        if shared:
            remove_folder(shared)


def shared_folder(config: "EngineConfig", master: str) -> str:
    """Address of what driver and executors exchange; empty where they are one process.

    Raises:
        BadInputError: If executors could not reach what the driver has.
    """
    if master.split("[")[0] == "local":
        return ""
    if not config.shared:
        raise BadInputError(
            f"executors of {master} see no files of this machine; "
            "--out must be an address that they reach, as s3://bucket/folder"
        )
    return config.shared


def settings(config: "EngineConfig", scratch: Path, submitted: bool) -> dict[str, str]:
    """Settings of a session; under spark-submit only those that the rows depend on, all else is the cluster's."""
    if submitted:
        return _SAME_ROWS
    memory = config.memory.lower().removesuffix("b")  # Spark says 6g where people say 6GB
    return {
        **_SAME_ROWS,
        "spark.app.name": "hidden-gems",
        "spark.master": f"local[{config.threads or '*'}]",
        **({"spark.driver.memory": memory} if memory else {}),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": str(_SHUFFLE_PARTITIONS),
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }


def _session(config: "EngineConfig", scratch: Path) -> Any:
    from pyspark.errors import PySparkException, PySparkRuntimeError
    from pyspark.sql import SparkSession

    try:
        return SparkSession.builder.config(map=settings(config, scratch, _BY_SUBMIT in os.environ)).getOrCreate()
    except (PySparkException, PySparkRuntimeError, OSError) as error:
        raise BadInputError(
            f"Spark cannot start with {in_words(config.memory, config.threads)}: {first_line(error)}; "
            "it needs Java 17 or 21"
        ) from error
