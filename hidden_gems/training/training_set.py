"""What the ranker learns from: queries of candidates with labels, each at a moment that knows nothing of its future."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.interactions import Rows
from hidden_gems.datasets.split import TimeSplit
from hidden_gems.features.counts import raw_columns
from hidden_gems.features.engines import EngineConfig
from hidden_gems.features.schema import FEATURE_NAMES, FEATURE_SERVICE
from hidden_gems.training.labels import LONGEST_WINDOW_SECONDS, impression_labels, interaction_labels

CandidateSource = Callable[[int, list[str], bool], list[list[str]]]
"""Candidates at a moment for these people, known items included or not: one list of item ids a person."""

CONTEXT = ("weather", "temperature_c", "lat", "lon")
MARKS = ("query_id", "user_id", "item_id", "timestamp", "label", "position", "slate_id", *CONTEXT)


@dataclass(frozen=True)
class TrainingSetConfig:
    """How many queries, and of what."""

    max_queries: int = 4_000
    negatives: int = 100  # candidates of a query that earned nothing
    moments: int = 4  # moments of the ranker's slice at which lists are made for everyone
    slates: bool = True  # learn from logged slates where there are any
    seed: int = 0
    engine: EngineConfig = field(default_factory=EngineConfig)  # what labels and counts


def build_marks(
    dataset: Dataset, split: TimeSplit, candidates: CandidateSource, config: TrainingSetConfig | None = None
) -> pd.DataFrame:
    """Queries of the slice [rank_from, test_from), labels read before test_from only.

    Two kinds. A logged slate: its impressions with final labels, at the moment of the slate. A list: at a few moments
    of the slice, the candidates of a person, labelled by what the person did from then to the end of the slice; once
    with known items and once without. Queries in which all labels are equal teach nothing and are left out.

    Args:
        dataset: A checked dataset.
        split: Cut-offs.
        candidates: Candidates as of a moment; must not look at or after it.
        config: Sizes and seed.

    Returns:
        Columns `MARKS`, rows of one query together, ordered by timestamp.
    """
    return _marks(dataset, split, candidates, config).reindex(columns=list(MARKS))


def _marks(
    dataset: Dataset, split: TimeSplit, candidates: CandidateSource, config: TrainingSetConfig | None
) -> pd.DataFrame:
    """Marks, and in `vector` what was logged for the impression behind a mark of a slate."""
    config = config or TrainingSetConfig()
    random = np.random.default_rng(config.seed)
    slice_ = dataset.between(split.rank_from, split.test_from)
    tables = []
    if config.slates and len(slice_.impressions):
        tables.append(_keep_queries(_slate_marks(slice_, split, config.engine), config.max_queries // 2, random))
    lists = _list_marks(slice_, candidates, config, random)
    tables.append(_keep_queries(lists, config.max_queries - sum(table["query"].nunique() for table in tables), random))
    marks = pd.concat([table for table in tables if len(table)] or [lists[:0]], ignore_index=True)
    marks["query"] = pd.factorize(marks["query"])[0]  # by appearance: names of people must not decide about an order
    marks = marks.sort_values(["timestamp", "query"], kind="stable").reset_index(drop=True)
    marks["query_id"] = pd.factorize(marks["query"])[0].astype(np.int64)
    return marks


def label_window(split: TimeSplit) -> int:
    """Longest label window in seconds that leaves half of the ranker's slice with final labels; at most 7 days."""
    return max(1, min(LONGEST_WINDOW_SECONDS, (split.test_from - split.rank_from) // 2))


def _slate_marks(slice_: Dataset, split: TimeSplit, engine: EngineConfig) -> pd.DataFrame:
    shown = slice_.impressions
    labels = impression_labels(shown, slice_.interactions, split.test_from, label_window(split), engine)
    marks = shown[["user_id", "item_id", "timestamp", "position", "slate_id", *CONTEXT]].copy()
    marks["label"] = labels.label
    marks["query"] = "slate " + shown["slate_id"].astype(str)
    if "vector" in shown:
        marks["vector"] = shown["vector"].where(shown["feature_service"] == FEATURE_SERVICE, None)
    seen = ~shown["unseen"].fillna(False).astype(bool) if "unseen" in shown else True
    return marks[labels.final & seen]


def _list_marks(
    slice_: Dataset, candidates: CandidateSource, config: TrainingSetConfig, random: np.random.Generator
) -> pd.DataFrame:
    """Marks of lists made at a few moments of the slice, of as many people as there are queries to make."""
    events = slice_.interactions
    events = events.assign(label=interaction_labels(events))[["user_id", "item_id", "timestamp", "label"]]
    events = events[events["label"] > 0]
    moments = _moments(events["timestamp"].to_numpy(np.int64), config.moments)
    most = max(1, config.max_queries // max(1, 2 * len(moments)))
    everyone = slice_.users["user_id"]
    parts: list[pd.DataFrame] = []
    for moment in moments:
        future = events[events["timestamp"] >= moment].groupby(["user_id", "item_id"])["label"].max()
        people = everyone[everyone.isin(future.index.get_level_values(0))].to_numpy(object)
        drawn = random.choice(len(people), min(most, len(people)), replace=False)
        chosen = people[np.sort(drawn)].tolist()
        for repeat in (False, True):
            found = candidates(moment, chosen, repeat)
            parts.append(_label_lists(chosen, found, future, config.negatives, random, (moment, repeat)))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*MARKS, "query"])


def _moments(times: NDArray[np.int64], count: int) -> list[int]:
    """Moments that cut the events of the slice into parts of equal size, the start of the first part included."""
    return sorted({int(times[len(times) * part // count]) for part in range(count)}) if len(times) else []


def _label_lists(
    people: list[str],
    found: list[list[str]],
    future: "pd.Series[int]",
    negatives: int,
    random: np.random.Generator,
    key: tuple[int, bool],
) -> pd.DataFrame:
    moment, repeat = key
    table = pd.DataFrame(
        {
            "user_id": np.repeat(np.array(people, dtype=object), [len(items) for items in found]),
            "item_id": [item for items in found for item in items],
        }
    )
    table["label"] = future.reindex(pd.MultiIndex.from_frame(table)).fillna(0).to_numpy(np.int64)
    table["query"] = f"list {moment} {'all' if repeat else 'new'} " + table["user_id"]
    draw = pd.Series(random.random(len(table)))
    silent = table["label"] == 0
    place = draw.where(silent, 2.0).groupby(table["query"]).rank(method="first")
    table = table[~silent | (place <= negatives)].reset_index(drop=True)
    return table.assign(timestamp=moment)


def _keep_queries(marks: pd.DataFrame, most: int, random: np.random.Generator) -> pd.DataFrame:
    """At most so many of the queries in which not all labels are equal."""
    if marks.empty:
        return marks
    label = marks.groupby("query", sort=False)["label"]
    names = label.min().index[label.min() < label.max()].to_numpy()
    if len(names) > most:
        names = random.choice(names, most, replace=False)
    return marks[marks["query"].isin(set(names))]


def build_training_set(
    dataset: Dataset, split: TimeSplit, candidates: CandidateSource, config: TrainingSetConfig | None = None
) -> "TrainingSet":
    """Marks of `build_marks` with the raw columns as of each; nothing from test_from on is read.

    A mark of a served slate has the vector that was logged for it, when it was made by the present feature service.
    """
    config = config or TrainingSetConfig()
    past = dataset.before(split.test_from)
    found = _marks(past, split, candidates, config)
    marks = found.reindex(columns=list(MARKS))
    logged, has_logged = _logged(found)
    return TrainingSet(
        marks, raw_columns(past, marks, config.engine), logged, has_logged, split, dataset.about.fingerprint
    )


def _logged(marks: pd.DataFrame) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Logged vectors, M X 60, NaN where there is none, and which marks have one, M."""
    logged = np.full((len(marks), len(FEATURE_NAMES)), np.nan, dtype=np.float32)
    has = np.zeros(len(marks), dtype=bool)
    for row, vector in enumerate(marks["vector"]) if "vector" in marks else ():
        if np.shape(vector) == logged.shape[1:]:  # a null has no shape
            logged[row], has[row] = vector, True
    return logged, has


@dataclass(frozen=True)
class TrainingSet:
    """Marks and the raw columns behind their features, row by row, or the features themselves as they were served.

    Notation: M marks.
    """

    marks: pd.DataFrame  # columns `MARKS`, M rows
    raw: pd.DataFrame  # raw columns of `features`, M rows
    logged: NDArray[np.float32]  # vectors as they were served, M X 60; NaN where there is none
    has_logged: NDArray[np.bool_]  # which marks learn from the vector that was served, M
    split: TimeSplit
    fingerprint: str  # of the dataset

    @property
    def queries(self) -> Rows:
        """How many marks each query has, in their order."""
        return np.bincount(self.marks["query_id"].to_numpy(np.int64))

    def write(self, folder: Path) -> None:
        """Write two Parquet files, the logged vectors and, last, a description."""
        folder.mkdir(parents=True, exist_ok=True)
        self.marks.to_parquet(folder / "marks.parquet", index=False)
        self.raw.to_parquet(folder / "raw.parquet", index=False)
        rows = np.flatnonzero(self.has_logged)
        np.savez(folder / "logged.npz", rows=rows, vectors=self.logged[rows])
        about = asdict(self.split) | {"fingerprint": self.fingerprint, "rows": len(self.marks)}
        (folder / "training_set.json").write_text(json.dumps(about, indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "TrainingSet":
        """Read what `write` wrote."""
        about = json.loads((folder / "training_set.json").read_text())
        with np.load(folder / "logged.npz") as file:
            rows, vectors = file["rows"], file["vectors"]
        logged = np.full((about["rows"], len(FEATURE_NAMES)), np.nan, dtype=np.float32)
        logged[rows] = vectors
        return cls(
            marks=pd.read_parquet(folder / "marks.parquet"),
            raw=pd.read_parquet(folder / "raw.parquet"),
            logged=logged,
            has_logged=np.isin(np.arange(len(logged)), rows),
            split=TimeSplit(about["rank_from"], about["test_from"]),
            fingerprint=about["fingerprint"],
        )
