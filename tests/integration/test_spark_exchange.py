"""What Spark's driver and executors exchange, in a folder and in a bucket; `make scale` does it with Spark itself."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from hidden_gems.core.addresses import fetch, files_below, put, remove_folder
from hidden_gems.datasets.parts import read_parts, write_parts
from hidden_gems.features.spark_engine import rows_of, write_part
from tests.buckets import bucket

pytestmark = pytest.mark.integration


@pytest.fixture(params=["folder", "bucket"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "folder":
        yield f"file://{tmp_path}/set/exchange"
        return
    with bucket("sets") as address:
        yield f"{address}/set/exchange"


def batches(*keys: list[int]) -> Iterator[pa.RecordBatch]:
    return iter([pa.RecordBatch.from_pydict({"id": each}) for each in keys])


def test_executors_read_the_row_groups_that_they_are_told(shared: str, tmp_path: Path) -> None:
    parts = [pd.DataFrame({"key": np.arange(3) + 10 * part, "name": ["a", None, "c"]}) for part in range(4)]
    write_parts(tmp_path / "table.parquet", parts)
    address = put(tmp_path / "table.parquet", f"{shared}/table/table.parquet")
    read = rows_of([(address, group) for group in range(4)])
    found = pa.Table.from_batches(read(batches([3], [0, 2]))).to_pandas()
    pd.testing.assert_frame_equal(found, pd.concat([parts[3], parts[0], parts[2]], ignore_index=True))


def test_executors_write_a_file_for_each_part_and_say_its_name(shared: str, tmp_path: Path) -> None:
    told = []
    for part, keys in enumerate(([4, 5], [], [6])):
        for row in write_part(batches(keys[:1], keys[1:]), shared, f"part-{part:05d}-7.parquet"):
            told += row.to_pydict()["name"]
    assert told == ["part-00000-7.parquet", "part-00002-7.parquet"]
    [found] = read_parts(fetch(shared, tmp_path / "here"), 100)
    assert found["id"].tolist() == [4, 5, 6]


def test_nothing_is_left_of_it(shared: str, tmp_path: Path) -> None:
    beside = f"{shared.removesuffix('exchange')}marks.parquet"
    write_parts(tmp_path / "table.parquet", [pd.DataFrame({"key": [1]})])
    for address in (f"{shared}/one/a.parquet", f"{shared}/b.parquet", beside):
        put(tmp_path / "table.parquet", address)
    remove_folder(shared)
    remove_folder(shared)
    assert [each.rpartition("/")[2] for each in files_below(beside.rpartition("/")[0])] == ["marks.parquet"]
