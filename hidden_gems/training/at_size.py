"""The training set of a dataset that fits on a disk and not into memory: Parquet in, Parquet out.

Events become numbers in parts, an engine joins and counts, and what comes out is finished in parts: with the same
functions and the same expressions that a dataset in memory goes through.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hidden_gems.core.clock import HOUR_SECONDS
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import About
from hidden_gems.datasets.parts import read_parts, write_parts
from hidden_gems.datasets.split import TimeSplit, split_times
from hidden_gems.features import expressions as ex
from hidden_gems.features.counts import Counts, assembled
from hidden_gems.features.engines import Engine, EngineConfig, Table, engine_of
from hidden_gems.features.event_rows import Coding
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.training.labels import LONGEST_WINDOW_SECONDS, answer_columns, labelled
from hidden_gems.training.training_set import CONTEXT, MARKS, label_window

Which = Literal["all", "ranker"]
WHICH: tuple[str, ...] = get_args(Which)
BATCH_ROWS = 262_144
_TOLD = ("user_id", "item_id", "timestamp", "event_type", "value", "reward", "slate_id", "lat", "lon")
_SHOWN = ("user_id", "item_id", "timestamp", "position", "slate_id", *CONTEXT)
_INTEGERS, _TEXTS = ("query_id", "timestamp", "label", "position"), ("user_id", "item_id", "slate_id", "weather")
_MARKS_SCHEMA = pa.schema(
    [(n, pa.int64() if n in _INTEGERS else pa.string() if n in _TEXTS else pa.float64()) for n in MARKS]
)
_CARRIED = ("position", "slate_id", *CONTEXT)
_KEYS = ("user", "item", "type", "neighborhood", "slate", "sec", "seq")
_SHOWN_SCHEMA = pa.schema([*((n, pa.int64()) for n in _KEYS), *(_MARKS_SCHEMA.field(n) for n in _CARRIED)])
LABELLED, NUMBERED = "labelled.parquet", "numbered.parquet"


@dataclass(frozen=True)
class AtSizeConfig:
    """Which rows are made, and by what."""

    rows: Which = "all"  # every impression with a final label, or what the ranker learns from: slates of its slice
    engine: EngineConfig = field(default_factory=EngineConfig)


@dataclass(frozen=True)
class Slice:
    """Which impressions become rows."""

    start: int  # first second
    end: int  # first second that is not known
    longest_window: int  # of a label, seconds
    telling: bool  # only slates in which not all labels are equal


class Folder:
    """A checked dataset on disk, of which only the items and the ids of the people are in memory."""

    def __init__(self, path: Path) -> None:
        try:
            self.about = About(**json.loads((path / "dataset.json").read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise BadInputError(f"{path} is no checked dataset; expected what `validate_data` writes") from error
        self.path = path
        users = pd.read_parquet(path / "users.parquet", columns=["user_id"])["user_id"]
        self.coding = Coding.of(pd.read_parquet(path / "items.parquet"), users, self.about)
        self.impressions = pq.ParquetFile(path / "impressions.parquet").metadata.num_rows
        if not self.impressions:
            raise BadInputError(f"{path} has no impressions to label; `gems train` makes lists instead")
        if "vector" in self.columns("impressions"):
            raise BadInputError(f"{path} has vectors that were served, which are not read here; use `gems train`")

    def columns(self, table: str) -> list[str]:
        """Columns of a table."""
        return list(pq.read_schema(self.path / f"{table}.parquet").names)

    def split(self) -> tuple[TimeSplit, int]:
        """Cut-offs, and the moment the data know."""
        times = pq.read_table(self.path / "interactions.parquet", columns=["timestamp"])["timestamp"].to_numpy()
        return split_times(times), int(times[-1]) + (1 if self.about.order_only else HOUR_SECONDS)

    def slice(self, which: Which, split: TimeSplit, now: int) -> Slice:
        """Which impressions become rows."""
        if which == "ranker":
            return Slice(split.rank_from, split.test_from, label_window(split), telling=True)
        if which == "all":
            return Slice(0, now, LONGEST_WINDOW_SECONDS, telling=False)
        raise BadInputError(f"there are no rows {which!r}; expected one of {', '.join(WHICH)}")

    def encode(self, end: int, scratch: Path) -> None:
        """Write `events`, `answers` and `shown` in numbers, as far as they came before `end`, a part at a time."""
        names = [name for name in self.columns("interactions") if name in (*_TOLD, "signed")]
        path = self.path / "interactions.parquet"
        write_parts(scratch / "events.parquet", self._feedback(path, names, end))
        write_parts(scratch / "answers.parquet", self._answers(path, names, end))
        write_parts(scratch / "shown.parquet", self._shown(end), _SHOWN_SCHEMA)

    def _feedback(self, path: Path, names: list[str], end: int) -> Iterator[pd.DataFrame]:
        seq = 0
        for part in read_parts(path, BATCH_ROWS, names):
            yield self.coding.feedback(part[part["timestamp"] < end], seq)
            seq += len(part)

    def _answers(self, path: Path, names: list[str], end: int) -> Iterator[pd.DataFrame]:
        for part in read_parts(path, BATCH_ROWS, names):
            known = part[part["timestamp"] < end].reset_index(drop=True)
            found = self.coding.keys(known).assign(**answer_columns(known, LONGEST_WINDOW_SECONDS))
            yield found.loc[found["label"] > 0, ["user", "item", "slate", "sec", "label", "window"]]

    def _shown(self, end: int) -> Iterator[pd.DataFrame]:
        seq = 0
        for part in read_parts(self.path / "impressions.parquet", BATCH_ROWS, _SHOWN):
            known = part[part["timestamp"] < end].reset_index(drop=True)
            yield self.coding.keys(known, seq).join(known[list(_CARRIED)])
            seq += len(part)


def prepare(checked: Path, out: Path, config: AtSizeConfig | None = None) -> dict[str, float]:
    """Write the training set of a checked dataset, as `TrainingSet.write` does, without holding it in memory.

    Args:
        checked: Folder that `Dataset.write` wrote.
        out: Folder of the training set.
        config: Which rows, and which engine makes them.

    Returns:
        queries, rows, and share of rows with a label above 0.

    Raises:
        BadInputError: If the folder is no checked dataset or has no impressions, or a setting is none.
        MissingExtraError: If the engine is not installed.
        OutOfMemoryError: If the engine has too little memory.
    """
    config = config or AtSizeConfig()
    folder = Folder(checked)
    split, now = folder.split()
    part = folder.slice(config.rows, split, now)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gems-", dir=config.engine.scratch) as name:
        scratch = Path(name)
        folder.encode(part.end, scratch)
        with engine_of(config.engine) as engine:
            shown = engine.read("shown", scratch / "shown.parquet")
            answers = engine.read("answers", scratch / "answers.parquet")
            engine.write(marks_of(shown, answers, part), scratch / LABELLED, ("sec", "first", "seq"))
            counts = _number(scratch)
            states = _count(engine, shown, scratch, folder.about.order_only)
        write_parts(out / "marks.parquet", _described(scratch, folder.coding), _MARKS_SCHEMA)
        write_parts(out / "raw.parquet", _finished(scratch, states, folder.coding))
    np.savez(out / "logged.npz", rows=np.zeros(0, np.int64), vectors=np.zeros((0, len(FEATURE_NAMES)), np.float32))
    about = asdict(split) | {"fingerprint": folder.about.fingerprint, "rows": counts["rows"]}
    (out / "training_set.json").write_text(json.dumps(about, indent=2) + "\n")
    return counts


def marks_of(shown: Table, answers: Table, part: Slice) -> Table:
    """Impressions of the slice with final labels, and `first`, which orders the slates of a second."""
    inside = shown.filter(shown.sec >= part.start, shown.sec < part.end)
    inside = inside.select("user", "item", "slate", "sec", impression="seq")
    answers = answers.mutate(window=ibis.least(answers.window, part.longest_window))
    marks = labelled(inside, answers, part.end, part.longest_window)
    marks = marks.filter(marks.final).select("slate", "label", seq="impression")
    slates = marks.group_by("slate").agg(first=marks.seq.min(), least=marks.label.min(), most=marks.label.max())
    if part.telling:
        slates = slates.filter(slates.least < slates.most)
    chosen = marks.join(slates.select("slate", "first"), "slate").select("seq", "label", "first")
    return shown.join(chosen, "seq")


def _number(scratch: Path) -> dict[str, float]:
    """Give each mark its place and each slate its number, both in the order of the rows; counts of them."""
    known: dict[int, int] = {}
    rows = positive = 0

    def numbered() -> Iterator[pd.DataFrame]:
        nonlocal rows, positive
        for part in read_parts(scratch / LABELLED, BATCH_ROWS):
            codes, firsts = pd.factorize(part["first"])
            query = np.array([known.setdefault(first, len(known)) for first in firsts.tolist()], dtype=np.int64)
            yield part.assign(mark=np.arange(rows, rows + len(part)), query_id=query[codes])
            rows += len(part)
            positive += int((part["label"] > 0).sum())

    write_parts(scratch / NUMBERED, numbered())
    if not rows:
        raise BadInputError("no impression has a final label, so there is nothing to learn; bring a longer history")
    return {"queries": len(known), "rows": rows, "positive_share": positive / rows}


def _count(engine: Engine, shown: Table, scratch: Path, order_only: bool) -> list[Path]:
    """Write what was known at each mark, a file for every kind of key, in the order of the marks."""
    feedback = engine.keep("feedback", ex.with_firsts(engine.read("events", scratch / "events.parquet")))
    marks = engine.read("marks", scratch / NUMBERED)
    written: list[Path] = []
    for state, keys in Counts(engine, feedback, shown, order_only).states(marks):
        written.append(scratch / f"by_{keys[-2]}_{len(written)}")
        engine.write(ex.beside_marks(marks, state, keys), written[-1], ("mark",))
    return written


def _finished(scratch: Path, states: list[Path], coding: Coding) -> Iterator[pd.DataFrame]:
    """Raw columns of the marks, a part at a time."""
    counted = [read_parts(path, BATCH_ROWS) for path in states]
    for marks, *found in zip(read_parts(scratch / NUMBERED, BATCH_ROWS), *counted, strict=True):
        for frame in found:
            if not np.array_equal(frame["mark"].to_numpy(), marks["mark"].to_numpy()):
                raise AssertionError("an engine wrote other marks than it was given")
        timed = marks.rename(columns={"sec": "timestamp"})
        yield assembled(found, coding, timed, marks["item"].to_numpy(), impressions=True)


def _described(scratch: Path, coding: Coding) -> Iterator[pd.DataFrame]:
    """Marks with the ids of people and items, a part at a time."""
    users, items = coding.users.words.to_numpy(object), np.array(coding.table.ids, dtype=object)
    for part in read_parts(scratch / NUMBERED, BATCH_ROWS):
        yield part.assign(user_id=users[part["user"] - 1], item_id=items[part["item"] - 1], timestamp=part["sec"])
