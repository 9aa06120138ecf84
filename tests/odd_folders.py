"""Folders that are no dataset, folders that are odd ones, and the command run in this process."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hidden_gems.cli.__main__ import main
from tests import factories


def write(folder: Path, table: pd.DataFrame, **others: pd.DataFrame) -> Path:
    return factories.write_folder(folder, interactions=table, **others)


def visits(**changes: object) -> pd.DataFrame:
    return factories.interactions(events=200).assign(**changes)


def with_bad_rows(count: int) -> pd.DataFrame:
    table = visits()
    return table.assign(timestamp=np.where(np.arange(len(table)) < count, -1, table["timestamp"]))


def cut_parquet(folder: Path) -> Path:
    folder.mkdir()
    visits().to_parquet(folder / "interactions.parquet")
    content = (folder / "interactions.parquet").read_bytes()
    (folder / "interactions.parquet").write_bytes(content[: len(content) // 2])
    return folder


def empty_file(folder: Path) -> Path:
    folder.mkdir()
    (folder / "interactions.csv").touch()
    return folder


def order_only(folder: Path) -> Path:
    return write(folder, visits(timestamp=np.arange(200)))


NO_DATASETS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no folder": (lambda folder: folder, "does not exist"),
    "no interactions": (lambda folder: factories.write_folder(folder, items=factories.items()), "has no interactions"),
    "missing column": (lambda folder: write(folder, visits().drop(columns="item_id")), "column item_id is missing"),
    "text for a number": (lambda folder: write(folder, visits(temperature_c="warm")), "temperature_c: no number"),
    "text for a time": (lambda folder: write(folder, visits(timestamp="noon")), "timestamp: no time"),
    "future times": (lambda folder: write(folder, visits(timestamp=9_999_999_999)), "timestamp: later than now"),
    "negative times": (lambda folder: write(folder, visits(timestamp=-5)), "timestamp: negative"),
    "NaN coordinates": (lambda folder: write(folder, visits(lat="NaN", lon="NaN")), "lat: NaN or infinite"),
    "empty file": (empty_file, "interactions.csv in .* is empty"),
    "truncated parquet": (cut_parquet, "cut short or no Parquet file"),
    "ids of 65": (
        lambda folder: write(folder, visits(user_id="x" * 65)),
        r"user_id: longer than 64 .*\('65 characters'",
    ),
    "ids of 10,000": (lambda folder: write(folder, visits(item_id="x" * 10_000)), "item_id: longer than 64 characters"),
    "2 % bad rows": (lambda folder: write(folder, with_bad_rows(4)), r"4 of 200 rows are bad \(2.00%"),
}
ODD: dict[str, tuple[Callable[[Path], Path], dict[str, int]]] = {
    "emoji": (lambda folder: write(folder, visits(user_id="🍵👍🏽", item_id="☕")), {"users": 1, "items": 1}),
    "order only": (order_only, {"interactions": 200}),
    "1 % bad rows": (lambda folder: write(folder, with_bad_rows(2)), {"interactions": 198, "rejected": 2}),
    "one user": (lambda folder: write(folder, visits(user_id=7)), {"interactions": 200, "users": 1}),
    "one item": (lambda folder: write(folder, visits(item_id=7)), {"interactions": 200, "items": 1}),
    "one interaction": (lambda folder: write(folder, visits().head(1)), {"interactions": 1, "users": 1, "items": 1}),
    "one long id": (
        lambda folder: write(folder, visits(item_id=["x" * 10_000] + ["g"] * 199)),
        {"interactions": 199, "rejected": 1, "items": 1},
    ),
}


def gems(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    before = sys.argv
    sys.argv = ["gems", *map(str, arguments)]
    try:
        main()
        code = 0
    except SystemExit as error:
        code = int(error.code or 0)
    finally:
        sys.argv = before
    printed = capsys.readouterr()
    return code, printed.out, printed.err
