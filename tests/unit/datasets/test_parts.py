from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hidden_gems.datasets.parts import PartWriter, read_parts, write_parts


def frame(first: int, rows: int) -> pd.DataFrame:
    return pd.DataFrame({"number": range(first, first + rows), "word": [f"w{n}" for n in range(first, first + rows)]})


@pytest.mark.parametrize(("rows", "sizes"), [(4, [4, 4, 4]), (5, [5, 5, 2]), (12, [12]), (100, [12])])
def test_frames_come_back_in_order_whatever_the_row_groups_and_files_were(
    tmp_path: Path, rows: int, sizes: list[int]
) -> None:
    assert write_parts(tmp_path / "one.parquet", [frame(0, 3), frame(3, 7), frame(10, 2)]) == 12
    folder = tmp_path / "many"
    folder.mkdir()
    write_parts(folder / "part-00001.parquet", [frame(7, 5)])
    write_parts(folder / "part-00000.parquet", [frame(0, 7)])
    (folder / "_SUCCESS").write_text("")
    for path in (tmp_path / "one.parquet", folder):
        found = list(read_parts(path, rows))
        assert [len(part) for part in found] == sizes
        assert all(part.index.tolist() == list(range(len(part))) for part in found)
        pd.testing.assert_frame_equal(pd.concat(found, ignore_index=True), frame(0, 12))
    assert list(next(read_parts(folder, rows, ["word"]))) == ["word"]


def test_a_schema_without_rows_is_a_table_and_nothing_is_no_file(tmp_path: Path) -> None:
    schema = pa.schema([("number", pa.int64())])
    assert write_parts(tmp_path / "empty.parquet", [], schema) == 0
    assert pq.read_schema(tmp_path / "empty.parquet") == schema
    assert list(read_parts(tmp_path / "empty.parquet", 5)) == []
    assert write_parts(tmp_path / "none.parquet", []) == 0
    assert not (tmp_path / "none.parquet").exists()


def test_each_frame_is_a_row_group_and_rows_are_counted(tmp_path: Path) -> None:
    with PartWriter(tmp_path / "t.parquet") as file:
        file.add(frame(0, 3))
        assert file.rows == 3
        file.add(frame(3, 2))
    assert file.rows == 5
    assert pq.ParquetFile(tmp_path / "t.parquet").num_row_groups == 2
    assert pq.ParquetFile(tmp_path / "t.parquet").metadata.row_group(0).column(0).compression == "ZSTD"
