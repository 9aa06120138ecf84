"""Data preparation at size, measured by `make scale`: a simulated city, its training set by each engine, the same rows.

Each command is a process of its own; its minutes, CPU seconds and peak memory are the operating system's. `cluster` is
Spark as a SparkApplication starts it: the driver of images/spark.sh with the main file, arguments and variables of the
object, two executors in processes of their own, and an S3 (moto) between them.
"""

import argparse
import logging
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from hidden_gems.core.addresses import fetch, store
from hidden_gems.datasets.parts import read_parts
from hidden_gems.steps.preparing import Preparation
from hidden_gems.steps.spark_application import MAIN, SparkApplication
from tests.buckets import bucket

BATCH_ROWS = 262_144
ROOT = Path(__file__).parents[1]
EXECUTORS = {
    "spark.master": "local-cluster[2,1,1024]",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
}
"""What the operator would say, on a machine as small as this."""


def measured(*arguments: str) -> str:
    """Run `gems` and say what it took."""
    return took([sys.executable, "-m", "hidden_gems.cli", *arguments], {})


def submitted(city: Path, out: Path, rows: str) -> str:
    """Prepare by driver and executors that meet in a bucket alone, and say what it took."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # moto tells of every call
    with bucket("scale") as address:
        store(city, f"{address}/city")
        preparation = Preparation(f"{address}/city", f"{address}/set", rows=rows)
        application = SparkApplication("here", "this", arguments=preparation.arguments(1, str(out.parent)))
        spec = application.manifest()["spec"]
        assert spec["mainApplicationFile"].endswith(f"/site-packages/{MAIN}")
        told = {each["name"]: each["value"] for each in spec["driver"]["env"] if "value" in each}
        settings = [part for name, value in EXECUTORS.items() for part in ("--conf", f"{name}={value}")]
        command = [
            str(ROOT / "images" / "spark.sh"),
            "driver",
            *settings,
            "--class",
            "org.apache.spark.deploy.PythonRunner",
        ]
        here = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        spark = {"SPARK_DRIVER_BIND_ADDRESS": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
        said = took([*command, f"local://{ROOT / MAIN}", *spec["arguments"]], told | here | spark)
        fetch(f"{address}/set", out)
    return said


def took(command: list[str], environment: dict[str, str]) -> str:
    """Run a command and say what it took."""
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=os.environ | environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    minutes, peak = (time.monotonic() - begin) / 60, after.ru_maxrss / 2**20
    return f"{minutes:.1f} minutes, {cpu:.0f} CPU seconds, largest process so far {peak:.2f} GiB"


def differing_rows(one: Path, other: Path) -> int:
    """Rows of two training sets that differ in any column, a part at a time."""
    count = 0
    for table in ("marks", "raw"):
        parts = [read_parts(folder / f"{table}.parquet", BATCH_ROWS) for folder in (one, other)]
        for left, right in zip(*parts, strict=True):
            if list(left) != list(right) or len(left) != len(right):
                raise SystemExit(f"{table}: other columns or another number of rows")
            same = (left == right) | (left.isna() & right.isna())
            count += int((~same.all(axis=1)).sum())
    return count


def main() -> None:
    """Simulate, prepare by each engine, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, required=True, help="of the simulated city; 1,000 see 0.22 million")
    parser.add_argument("--engines", default="duckdb", help="duckdb, spark, cluster; several with commas")
    parser.add_argument("--rows", default="all", help="all or ranker")
    parser.add_argument("--memory", default="5GB")
    parser.add_argument("--folder", type=Path, required=True, help="where everything goes; 10 GB for 10 million")
    options = parser.parse_args()
    city = options.folder / f"city-{options.people}"
    options.folder.mkdir(parents=True, exist_ok=True)
    if not (city / "dataset.json").is_file():
        print(f"simulate: {measured('simulate', '--people', str(options.people), '--out', str(city))}")
    shown = pq.ParquetFile(city / "impressions.parquet").metadata.num_rows
    print(f"{shown:,} simulated impressions of {options.people:,} people")
    made: list[Path] = []
    for engine in options.engines.split(","):
        made.append(options.folder / f"set-{options.people}-{engine}")
        if engine == "cluster":
            print(f"{engine}: {submitted(city, made[-1], options.rows)}")
            continue
        told = measured(
            "data", "prepare", "--data", str(city), "--out", str(made[-1]), "--engine", engine, "--memory",
            options.memory, "--rows", options.rows, "--threads", "2", "--scratch", str(options.folder), "--json",
        )  # fmt: skip
        print(f"{engine}: {told}")
    for other in made[1:]:
        rows = pq.ParquetFile(other / "marks.parquet").metadata.num_rows
        differing = differing_rows(made[0], other)
        print(f"{differing} differing rows of {rows:,} between {made[0].name} and {other.name}")
        if differing:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
