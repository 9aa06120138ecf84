"""The door for folders that people bring: every row is checked, the bad ones are set aside and counted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd

from hidden_gems.core.clock import Clock, WallClock
from hidden_gems.core.errors import BadInputError, NotADatasetError
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.assemble import complete_items, complete_users, pseudonymise, rewards
from hidden_gems.datasets.contract import DEFAULT_TIMEZONE, FILES
from hidden_gems.datasets.dataset import About, Dataset
from hidden_gems.datasets.fingerprint import fingerprint
from hidden_gems.datasets.report import markdown
from hidden_gems.datasets.rows import Rows, check_rows, empty_frame, is_order_only, rejected_frame
from hidden_gems.datasets.source import find_files, load


@dataclass(frozen=True)
class Checked:
    """A dataset that passed the door, and what the door noticed."""

    dataset: Dataset
    rejected: pd.DataFrame  # file, row (from 1), column, reason, value (of a person id only its length)
    warnings: tuple[str, ...]  # one sentence each
    original_user_ids: Mapping[str, str]  # pseudonym -> id as it came; in memory only, never written
    rows_read: Mapping[str, int]  # rows of each file that was there, by table

    def write(self, folder: Path) -> None:
        """Write `rejected.parquet`, `report.md`, then the dataset with `dataset.json` last."""
        folder.mkdir(parents=True, exist_ok=True)
        self.rejected.to_parquet(folder / "rejected.parquet", index=False)
        (folder / "report.md").write_text(self.markdown(), encoding="utf-8")
        self.dataset.write(folder)

    def counts(self) -> dict[str, int | float]:
        """Rows of each table, rows set aside and dropped, and the largest share of bad rows in one file, 0 to 1."""
        bad = self.rejected["file"].str.split(".").str[0].value_counts()
        shares = [int(bad.get(table, 0)) / rows for table, rows in self.rows_read.items() if rows]
        return self.dataset.counts() | {"rejected_share": max(shares)}

    def markdown(self) -> str:
        """Counts, what is missing and what that costs, warnings, and the five most frequent reasons."""
        return markdown(self.dataset, self.counts(), self.rejected, self.warnings)


def check_folder(
    folder: Path,
    *,
    timezone: str = DEFAULT_TIMEZONE,
    max_rejected_share: float = 0.01,
    pseudonyms: Pseudonyms | None = None,
    clock: Clock | None = None,
    simulated: bool | None = None,
) -> Checked:
    """Read a dataset folder (contract §1), set bad rows aside, and stop when there are too many of them.

    Args:
        folder: Folder with `interactions` and maybe `items`, `users`, `impressions`.
        timezone: IANA name; local hours are read with it.
        max_rejected_share: Largest share of bad rows in any one file, 0 to 1.
        pseudonyms: Stand for the person ids from here on; None keeps the ids as they came.
        clock: What is later than its now is a bad time; the machine's clock if there is none.
        simulated: Call the data simulated even if the folder does not; a folder that does is believed.

    Raises:
        BadInputError: If the time zone or the share is none.
        NotADatasetError: If the folder is no dataset, or has too many bad rows.
    """
    check_arguments(timezone, max_rejected_share)
    files = find_files(folder)
    words = folder_words(folder)
    known_key = known_pseudonyms(folder, words, pseudonyms)
    rows, order_only = _check_files(files, (clock or WallClock()).now(), max_rejected_share)
    tables = {table: rows[table].frame if table in rows else empty_frame(table) for table in FILES}
    if tables["interactions"].empty:
        raise NotADatasetError(f"{files['interactions'].name} in {folder} has no good row; expected at least one")
    tables["interactions"]["reward"] = rewards(tables["interactions"]["event_type"], tables["interactions"]["value"])
    tables["items"], tables["users"] = complete_items(tables), complete_users(tables)
    mark = fingerprint(tables)
    original = pseudonymise(tables, None if known_key else pseudonyms)
    rejected = rejected_frame(part.rejected for part in rows.values())
    about = About(
        name=folder.resolve().name,
        timezone=timezone,
        fingerprint=mark,
        simulated=bool(simulated or words.get("simulated")),
        order_only=order_only,
        pseudonym_key=known_key or (pseudonyms.key_id if pseudonyms else ""),
        rejected=len(rejected),
        duplicates=rows["interactions"].duplicates,
    )
    return Checked(
        dataset=Dataset(**tables, about=about),
        rejected=rejected,
        warnings=(
            *general_warnings(words, timezone, order_only),
            *(line for part in rows.values() for line in part.warnings),
        ),
        original_user_ids=original,
        rows_read={table: part.read for table, part in rows.items()},
    )


def check_arguments(timezone: str, max_rejected_share: float) -> None:
    """Raise BadInputError for a time zone or a share that is none."""
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError on some systems
        raise BadInputError(f"the time zone {timezone!r} is not known; expected one like Europe/Istanbul") from error
    except KeyError as error:
        raise BadInputError(f"the time zone {timezone!r} is not known; expected one like Europe/Istanbul") from error
    if not 0 <= max_rejected_share <= 1:
        raise BadInputError(f"the share of bad rows must lie between 0 and 1, got {max_rejected_share}")


def known_pseudonyms(folder: Path, words: Mapping[str, Any], pseudonyms: Pseudonyms | None) -> str:
    """Key of the pseudonyms that a folder has already; empty for ids as they came.

    Raises:
        NotADatasetError: If it is another key than ours.
    """
    known_key = str(words.get("pseudonym_key") or "")
    if pseudonyms is not None and known_key not in ("", pseudonyms.key_id):
        raise NotADatasetError(
            f"dataset.json in {folder} names pseudonyms of the key {known_key}, ours is {pseudonyms.key_id}; "
            "bring the original ids or set GEMS_PSEUDONYM_KEY to the same key"
        )
    return known_key


def folder_words(folder: Path) -> dict[str, Any]:
    """What `dataset.json` says about the folder; nothing if there is none."""
    path = folder / "dataset.json"
    try:
        words = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise NotADatasetError(f"dataset.json in {folder} is not readable JSON; repair or remove it") from error
    if not isinstance(words, dict):
        raise NotADatasetError(f"dataset.json in {folder} must hold one JSON object; repair or remove it")
    return words


def _check_files(files: Mapping[str, Path], now: float, most_bad: float) -> tuple[dict[str, Rows], bool]:
    rows: dict[str, Rows] = {}
    order_only = False
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table, path in files.items():
            source = load(connection, table, path)
            if table == "interactions":
                order_only = is_order_only(connection, source)
            unbounded = order_only and table == "interactions"
            rows[table] = check_rows(connection, source, None if unbounded else now, most_bad)
    return rows, order_only


def general_warnings(words: Mapping[str, Any], timezone: str, order_only: bool) -> list[str]:
    """What a person should know about the folder as a whole."""
    lines = []
    if order_only:
        lines.append("The timestamps are all below 10^8: they are read as an order, without hours, sessions or ages.")
    if words.get("timezone") not in (None, timezone):
        lines.append(f"dataset.json names the time zone {words['timezone']}, but {timezone} was asked for and is used.")
    return lines
