"""The door for folders that do not fit into memory: the checks of `datasets.validation`, some rows at a time."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hidden_gems.core.clock import Clock, WallClock
from hidden_gems.core.errors import NotADatasetError
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.assemble import complete_items, complete_users, rewards
from hidden_gems.datasets.contract import DEFAULT_TIMEZONE, FILES
from hidden_gems.datasets.dataset import About
from hidden_gems.datasets.fingerprint import fingerprint
from hidden_gems.datasets.limits import explained, options_of
from hidden_gems.datasets.parts import PartWriter
from hidden_gems.datasets.rows import check_rows, empty_frame, is_order_only, judge, rejected_frame, typed
from hidden_gems.datasets.source import Source, find_files, load
from hidden_gems.datasets.validation import check_arguments, folder_words, general_warnings, known_pseudonyms

BATCH_ROWS = 262_144
_LARGE = ("interactions", "impressions")


@dataclass(frozen=True)
class DoorConfig:
    """How a folder is checked, and what the check may use."""

    timezone: str = DEFAULT_TIMEZONE
    max_rejected_share: float = 0.01
    pseudonyms: Pseudonyms | None = None  # None keeps the ids of people as they came
    clock: Clock = field(default_factory=WallClock)
    memory: str = ""  # as `6GB`; empty is DuckDB's own choice
    threads: int = 0  # 0 is DuckDB's own choice
    scratch: Path | None = None  # for what does not fit into memory; None is the system's


def check_to_folder(folder: Path, out: Path, config: DoorConfig | None = None) -> tuple[About, tuple[str, ...]]:
    """Check a dataset folder and write what passed, as `check_folder(folder).write(out)` does but for the report.

    Args:
        folder: Folder with `interactions` and maybe other tables.
        out: Folder of the checked dataset; `rejected.parquet` has the bad rows.
        config: How; as `check_folder` does if there is none.

    Returns:
        What is known about the dataset, and warnings.

    Raises:
        BadInputError: If the time zone or the share is none.
        NotADatasetError: If the folder is no dataset, or has too many bad rows.
        OutOfMemoryError: If DuckDB has too little memory.
    """
    config = config or DoorConfig()
    check_arguments(config.timezone, config.max_rejected_share)
    files, words = find_files(folder), folder_words(folder)
    known_key = known_pseudonyms(folder, words, config.pseudonyms)
    out.mkdir(parents=True, exist_ok=True)
    door = _Door(out, None if known_key else config.pseudonyms, config)
    door.open(files)
    if not door.rows["interactions"]:
        raise NotADatasetError(f"{files['interactions'].name} in {folder} has no good row; expected at least one")
    mark = door.complete()
    rejected = rejected_frame(door.rejected)
    rejected.to_parquet(out / "rejected.parquet", index=False)
    about = About(
        name=folder.resolve().name,
        timezone=config.timezone,
        fingerprint=mark,
        simulated=bool(words.get("simulated")),
        order_only=door.order_only,
        pseudonym_key=known_key or (config.pseudonyms.key_id if config.pseudonyms else ""),
        rejected=len(rejected),
        duplicates=door.duplicates,
    )
    (out / "dataset.json").write_text(json.dumps(asdict(about), indent=2) + "\n")
    return about, (*general_warnings(words, config.timezone, door.order_only), *door.warnings)


class _Door:
    """Rows on their way through."""

    def __init__(self, out: Path, pseudonyms: Pseudonyms | None, config: DoorConfig) -> None:
        self.out, self.pseudonyms, self.config = out, pseudonyms, config
        self.small = {name: empty_frame(name) for name in FILES if name not in _LARGE}
        self.items: dict[str, None] = {}  # in the order in which they appeared
        self.users: dict[str, str] = {}  # id as it came -> id from here on
        self.rows = dict.fromkeys(_LARGE, 0)
        self.rejected: list[pd.DataFrame] = []
        self.warnings: list[str] = []
        self.order_only, self.duplicates = False, 0

    def open(self, files: Mapping[str, Path]) -> None:
        """Check every file, and write those of events as they come."""
        config, now = self.config, self.config.clock.now()
        for name in set(_LARGE) - set(files):
            empty_frame(name).to_parquet(self.out / f"{name}.parquet", index=False)
        with (
            tempfile.TemporaryDirectory(prefix="gems-", dir=config.scratch) as scratch,
            explained(config.memory, config.threads),
            duckdb.connect(config=options_of(config.memory, config.threads, scratch)) as connection,
        ):
            connection.execute("SET TimeZone = 'UTC'")
            for name, path in files.items():
                source = load(connection, name, path)
                if name == "interactions":
                    self.order_only = is_order_only(connection, source)
                at = None if self.order_only and name == "interactions" else now
                if name in _LARGE:
                    self._stream(connection, source, at)
                else:
                    found = check_rows(connection, source, at, config.max_rejected_share)
                    self.small[name] = found.frame
                    self._note(found.rejected, found.warnings)

    def _stream(self, connection: duckdb.DuckDBPyConnection, source: Source, now: float | None) -> None:
        found = judge(connection, source, now, self.config.max_rejected_share)
        reader = connection.execute(found.query).to_arrow_reader(BATCH_ROWS)
        schema = reader.schema
        if source.table == "interactions":
            schema = schema.append(pa.field("reward", pa.float64()))
            self.duplicates = found.duplicates
        with PartWriter(self.out / f"{source.table}.parquet", schema) as file:
            for batch in reader:
                file.add(self._passed(typed(source.table, pa.Table.from_batches([batch]))))
        self.rows[source.table] = file.rows
        connection.execute("DROP TABLE judged")
        self._note(found.rejected, found.warnings)

    def _note(self, rejected: pd.DataFrame, warnings: tuple[str, ...]) -> None:
        self.rejected.append(rejected)
        self.warnings += warnings

    def _passed(self, part: pd.DataFrame) -> pd.DataFrame:
        """Events with rewards and pseudonyms; who and what they name is remembered."""
        self.items |= dict.fromkeys(part["item_id"])
        made = {"user_id": part["user_id"].map(self._names(part["user_id"])).astype(object)}
        if "event_type" in part:
            made["reward"] = rewards(part["event_type"], part["value"])
        return part.assign(**made)

    def _names(self, user_ids: pd.Series) -> dict[str, str]:
        for user in user_ids.unique():
            if user not in self.users:
                self.users[user] = self.pseudonyms.of(user) if self.pseudonyms else user
        return self.users

    def complete(self) -> str:
        """Write everyone and everything known; returns the fingerprint of the rows."""
        seen = pd.DataFrame({"item_id": pd.Series(list(self.items), dtype=object)})
        people = pd.DataFrame({"user_id": pd.Series(list(self.users), dtype=object)})
        items = complete_items({"items": self.small["items"], "interactions": seen, "impressions": seen[:0]})
        users = complete_users({"users": self.small["users"], "interactions": people, "impressions": people[:0]})
        self._names(users["user_id"])
        original = {new: old for old, new in self.users.items()}
        large = {name: _OnDisk(self.out / f"{name}.parquet", name, original) for name in _LARGE}
        mark = fingerprint({**large, "items": items, "users": users})
        items.to_parquet(self.out / "items.parquet", index=False)
        users = users.assign(user_id=users["user_id"].map(self.users).astype(object))
        users.to_parquet(self.out / "users.parquet", index=False)
        return mark


class _OnDisk:
    """A written table, a column at a time, with the ids of people as they came."""

    def __init__(self, path: Path, table: str, original: Mapping[str, str]) -> None:
        self.path, self.table, self.original = path, table, original

    def __len__(self) -> int:
        return int(pq.ParquetFile(self.path).metadata.num_rows)

    def __getitem__(self, name: str) -> pd.Series:
        column = pq.ParquetFile(self.path).read(columns=[name]).to_pandas()[name]
        if name == "user_id":
            return column.map(self.original).astype(object)
        flags = {each.name for each in FILES[self.table] if each.kind == "flag"}
        return column.astype("boolean") if name in flags else column
