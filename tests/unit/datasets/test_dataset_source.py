"""What is no dataset: one sentence that names the file, the column and what was expected."""

import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hidden_gems.core.errors import NotADatasetError
from hidden_gems.datasets.validation import check_folder
from tests import factories

TEXT = "user_id,item_id,timestamp\nu1,g1,1700000000\nu2,g2,1700000001\n"


def write(folder: Path, name: str, content: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def sentence(folder: Path) -> str:
    with pytest.raises(NotADatasetError) as caught:
        check_folder(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message.replace(str(folder), "DIR")


def test_no_folder(tmp_path: Path) -> None:
    expected = "expected a folder with interactions.parquet|.csv|.csv.gz"
    assert sentence(tmp_path / "nowhere") == f"DIR does not exist; {expected}"
    write(tmp_path, "interactions.csv", TEXT)
    assert sentence(tmp_path / "interactions.csv") == f"DIR is a file, a dataset is a folder; {expected}"


def test_no_interactions(tmp_path: Path) -> None:
    assert sentence(tmp_path) == "DIR has no interactions.parquet|.csv|.csv.gz; found nothing"
    write(tmp_path, "ratings.csv", TEXT)
    write(tmp_path, "items.csv", "item_id\n1\n")
    assert sentence(tmp_path) == "DIR has no interactions.parquet|.csv|.csv.gz; found items.csv, ratings.csv"


def test_a_path_the_machine_refuses(tmp_path: Path) -> None:
    assert sentence(tmp_path / ("x" * 300)) == "DIR cannot be read: File name too long"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("locked", ["folder", "file"])
def test_no_permission(tmp_path: Path, locked: str) -> None:
    folder = write(tmp_path / "city", "interactions.csv", TEXT)
    path = folder if locked == "folder" else folder / "interactions.csv"
    path.chmod(0)
    assert "cannot be read: Permission denied" in sentence(folder)
    path.chmod(0o700)


@pytest.mark.parametrize(
    ("other", "both"),
    [("items.parquet", "items.parquet and items.csv"), ("items.csv.gz", "items.csv and items.csv.gz")],
)
def test_one_table_in_two_files(tmp_path: Path, other: str, both: str) -> None:
    write(tmp_path, "interactions.csv", TEXT)
    write(tmp_path, "items.csv", "item_id\n1\n")
    write(tmp_path, other, b"x")
    assert sentence(tmp_path) == f"DIR has {both}; keep one file of the table items"


@pytest.mark.parametrize("name", ["interactions.csv", "interactions.csv.gz", "interactions.parquet", "items.csv"])
def test_an_empty_file(tmp_path: Path, name: str) -> None:
    if name == "items.csv":
        write(tmp_path, "interactions.csv", TEXT)
    write(tmp_path, name, b"")
    assert sentence(tmp_path) == f"{name} in DIR is empty; expected a header and at least one row"


def test_a_folder_where_a_file_belongs(tmp_path: Path) -> None:
    (tmp_path / "interactions.parquet").mkdir()
    assert sentence(tmp_path) == "interactions.parquet in DIR is a folder; expected one file"


def test_a_header_without_rows(tmp_path: Path) -> None:
    write(tmp_path, "interactions.csv", "user_id,item_id,timestamp\n")
    assert sentence(tmp_path) == "interactions.csv in DIR has no good row; expected at least one"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("user_id,timestamp", "the column item_id is missing; found user_id, timestamp"),
        ("a,b", "the columns user_id, item_id, timestamp are missing; found a, b"),
        ("User_ID,item_id,timestamp", "the column user_id is missing; found User_ID, item_id, timestamp"),
        (
            "user_id;item_id;timestamp",
            "the columns user_id, item_id, timestamp are missing; found user_id;item_id;timestamp "
            "(its separator looks like ';', expected ',')",
        ),
        (
            "user_id\titem_id",
            "the columns user_id, item_id, timestamp are missing; found user_id\titem_id "
            "(its separator looks like '\\t', expected ',')",
        ),
    ],
)
def test_a_missing_column_of_csv(tmp_path: Path, header: str, expected: str) -> None:
    write(tmp_path, "interactions.csv", f"{header}\n")
    assert sentence(tmp_path) == f"interactions.csv in DIR: {expected}"


def test_a_missing_column_names_no_more_than_20_others(tmp_path: Path) -> None:
    write(tmp_path, "interactions.csv", ",".join(["c" * 50, *(f"c{number}" for number in range(30))]) + "\n")
    assert sentence(tmp_path).endswith(f"found {'c' * 40}, " + ", ".join(f"c{number}" for number in range(19)))


@pytest.mark.parametrize(
    ("table", "column"), [("items", "item_id"), ("users", "user_id"), ("impressions", "slate_id, user_id, position")]
)
def test_a_missing_column_of_parquet(tmp_path: Path, table: str, column: str) -> None:
    write(tmp_path, "interactions.csv", TEXT)
    there = {"timestamp": [1], "item_id": [1]} if table == "impressions" else {"name": ["x"]}
    pd.DataFrame(there).to_parquet(tmp_path / f"{table}.parquet")
    are = "columns" if "," in column else "column"
    assert f"{table}.parquet in DIR: the {are} {column} " in sentence(tmp_path)


def test_a_column_twice(tmp_path: Path) -> None:
    write(tmp_path, "interactions.csv", "user_id,item_id,timestamp,item_id\n")
    assert sentence(tmp_path) == "interactions.csv in DIR has the column item_id twice; rename or drop one"


@pytest.mark.parametrize("keep", [3, 200, -100])
def test_a_cut_parquet(tmp_path: Path, keep: int) -> None:
    factories.interactions(events=50).to_parquet(tmp_path / "interactions.parquet")
    path = tmp_path / "interactions.parquet"
    path.write_bytes(path.read_bytes()[:keep])
    expected = "interactions.parquet in DIR: the file is cut short or no Parquet file; write it again"
    assert sentence(tmp_path) == expected


def test_a_parquet_with_a_hole_in_its_pages(tmp_path: Path) -> None:
    factories.interactions(events=5000).to_parquet(tmp_path / "interactions.parquet")
    path = tmp_path / "interactions.parquet"
    content = bytearray(path.read_bytes())
    content[10:5000] = bytes(4990)
    path.write_bytes(content)
    assert sentence(tmp_path).startswith("interactions.parquet in DIR: ")


@pytest.mark.parametrize("how", ["cut", "plain"])
def test_a_cut_gzip(tmp_path: Path, how: str) -> None:
    packed = gzip.compress((TEXT * 1000).encode())
    write(tmp_path, "interactions.csv.gz", packed[: len(packed) // 2] if how == "cut" else TEXT)
    assert sentence(tmp_path) == "interactions.csv.gz in DIR is cut short or no gzip file; pack it again"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TEXT + "u3,g3,1,4\n", ": line 4 has 4 columns, expected 3 as in the header"),
        (TEXT + "u3,g3\n", ": line 4 has 2 columns, expected 3 as in the header"),
        (TEXT + '"u3,g3,1\n', ": line 4 has a quotation mark that is not closed or not doubled"),
        ((TEXT * 500).encode() + "ş,g,1\n".encode("cp1254"), ": line 1501 is not UTF-8; save the file as UTF-8"),
        ("ş".encode("cp1254") + TEXT.encode(), " is not UTF-8; save it as UTF-8"),
        (TEXT.encode("utf-16"), " is not UTF-8; save it as UTF-8"),
        (TEXT + f"{'x' * 3_000_000},g,1\n", ": line 4 is longer than 2 MB; expected one short row a line"),
        ('"' + "x" * 200_000 + '"\n', " has a header that is no CSV: field larger than field limit (131072)"),
    ],
)
def test_a_csv_that_is_none(tmp_path: Path, content: str | bytes, expected: str) -> None:
    write(tmp_path, "interactions.csv", content)
    assert sentence(tmp_path) == f"interactions.csv in DIR{expected}"


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.rstrip("\n"),
        TEXT.replace("u1", '"u1"'),
        "user_id,item_id,timestamp\nu1,g1,1700000000\n\nu2,g2,1700000001\n\n",
    ],
)
@pytest.mark.parametrize("name", ["interactions.csv", "interactions.csv.gz"])
def test_a_csv_as_others_write_it(tmp_path: Path, content: str, name: str) -> None:
    packed = gzip.compress(content.encode()) if name.endswith(".gz") else content.encode()
    read = check_folder(write(tmp_path, name, packed)).dataset.interactions
    assert read[["user_id", "item_id", "timestamp"]].to_numpy().tolist() == [
        ["u1", "g1", 1_700_000_000],
        ["u2", "g2", 1_700_000_001],
    ]


def test_a_path_with_wildcards_is_a_path(tmp_path: Path) -> None:
    for form in ("csv", "parquet"):
        folder = tmp_path / f"ci[t]y*? {form}"
        folder.mkdir()
        table = factories.interactions(events=5)
        if form == "csv":
            table.to_csv(folder / "interactions.csv", index=False)
        else:
            table.to_parquet(folder / "interactions.parquet")
        assert len(check_folder(folder).dataset.interactions) == 5


def test_a_nameless_column_is_an_extra_one(tmp_path: Path) -> None:
    checked = check_folder(write(tmp_path, "interactions.csv", ",user_id,item_id,timestamp\n0,u1,g1,1700000000\n"))
    assert checked.warnings == ("interactions.csv: 1 extra columns are kept and ignored: column0.",)


def test_rows_are_counted_in_the_order_of_a_large_file(tmp_path: Path) -> None:
    size = 300_000
    user_id = np.array([f"u{number}" for number in range(size)], dtype=object)
    user_id[[7, 123_456, size - 1]] = "x" * 65
    table = pd.DataFrame({"user_id": user_id, "item_id": 1, "timestamp": 1_700_000_000})
    for form in ("csv", "parquet"):
        folder = tmp_path / form
        folder.mkdir()
        if form == "csv":
            table.to_csv(folder / "interactions.csv", index=False)
        else:
            table.to_parquet(folder / "interactions.parquet", row_group_size=10_000)
        checked = check_folder(folder)
        assert checked.rejected["row"].tolist() == [8, 123_457, size]
        assert checked.dataset.interactions["user_id"].tolist() == [user for user in user_id if len(user) < 65]
