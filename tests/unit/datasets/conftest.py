"""A folder out of tables, checked at a fixed moment."""

from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import pytest

from hidden_gems.core.clock import SimulatedClock
from hidden_gems.datasets.validation import Checked, check_folder

NOW = 1_800_000_000


class Check(Protocol):
    def __call__(self, tables: dict[str, pd.DataFrame | str], **options: Any) -> Checked: ...


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Write each table as Parquet (a frame) or CSV (text) and check the folder; every row may be bad unless told."""

    number = count()

    def run(tables: dict[str, pd.DataFrame | str], **options: Any) -> Checked:
        folder = tmp_path / str(next(number)) / "city"
        folder.mkdir(parents=True)
        for name, table in tables.items():
            if isinstance(table, str):
                (folder / f"{name}.csv").write_text(table, encoding="utf-8", newline="")
            else:
                table.to_parquet(folder / f"{name}.parquet", index=False)
        defaults: dict[str, Any] = {"max_rejected_share": 1.0, "clock": SimulatedClock(start=NOW)}
        return check_folder(folder, **{**defaults, **options})

    return run
