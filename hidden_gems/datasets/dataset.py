"""A checked dataset: what every room after the door works on."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.core.clock import HOUR_SECONDS

TABLES = ("interactions", "items", "users", "impressions")


@dataclass(frozen=True)
class About:
    """What is known about a dataset as a whole; kept beside its tables as `dataset.json`."""

    name: str
    timezone: str  # IANA name; local hours are read with it
    fingerprint: str  # sha256 over the accepted rows, independent of file format and of the pseudonym key
    simulated: bool = False
    order_only: bool = False  # timestamps are an order: no hours, sessions or ages
    pseudonym_key: str = ""  # `Pseudonyms.key_id` of the ids; empty for ids as they came
    rejected: int = 0  # rows set aside
    duplicates: int = 0  # rows dropped because their event_id came twice


@dataclass(frozen=True)
class Dataset:
    """Four tables with every column of the contract (null where missing), ids as text, times as epoch seconds.

    Required times and positions are int64; other times, positions and numbers float64 with NaN; flags `boolean`; texts
    objects with None. Extra columns of the files people brought stand behind those of the contract; nothing reads them.
    `interactions` is sorted by timestamp, then by source order, and has two columns more than the file: `reward`
    (float64, from `events.kinds`) and canonical `event_type`. `items` has one row for every item known from any file,
    `users` one for every person. `impressions` may be empty. Person ids are pseudonyms.
    """

    interactions: pd.DataFrame
    items: pd.DataFrame
    users: pd.DataFrame
    impressions: pd.DataFrame
    about: About

    @property
    def now(self) -> int:
        """The moment the data know: the last interaction plus an hour (plus 1 where times are only an order)."""
        last = int(self.interactions["timestamp"].iloc[-1])
        return last + (1 if self.about.order_only else HOUR_SECONDS)

    def before(self, timestamp: int) -> "Dataset":
        """The same people and items with only what happened strictly before `timestamp`."""
        return self.between(None, timestamp)

    def between(self, start: int | None, end: int | None) -> "Dataset":
        """The same people and items with what happened in [start, end)."""

        def cut(table: pd.DataFrame) -> pd.DataFrame:
            keep: NDArray[np.bool_] = np.ones(len(table), dtype=bool)
            if start is not None:
                keep &= table["timestamp"].to_numpy() >= start
            if end is not None:
                keep &= table["timestamp"].to_numpy() < end
            return table[keep].reset_index(drop=True)

        return replace(self, interactions=cut(self.interactions), impressions=cut(self.impressions))

    def counts(self) -> dict[str, int]:
        """Rows of each table, and what was set aside."""
        rows = {name: len(getattr(self, name)) for name in TABLES}
        return rows | {"rejected": self.about.rejected, "duplicates": self.about.duplicates}

    def write(self, folder: Path) -> None:
        """Write the tables as Parquet and `dataset.json` last."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            getattr(self, name).to_parquet(folder / f"{name}.parquet", index=False)
        (folder / "dataset.json").write_text(json.dumps(asdict(self.about), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Dataset":
        """Read what `write` wrote; a folder that people bring goes through `datasets.validation` instead."""
        tables: dict[str, Any] = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
        return cls(**tables, about=About(**json.loads((folder / "dataset.json").read_text())))
