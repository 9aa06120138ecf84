import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.split import split_by_time
from hidden_gems.features.counts import raw_columns
from hidden_gems.features.engines import EngineConfig
from hidden_gems.training import at_size
from hidden_gems.training.at_size import AtSizeConfig, prepare
from hidden_gems.training.labels import impression_labels
from hidden_gems.training.training_set import TrainingSet, TrainingSetConfig, build_training_set
from tests import tables


def shuffled_in_their_second(dataset: Dataset) -> Dataset:
    """Slates of several people at one second, the rows of each apart from one another."""
    shown = dataset.impressions.sort_values(["position", "slate_id"], kind="stable")
    shown = shown.assign(timestamp=shown["timestamp"] // 86_400 * 86_400).sort_values("timestamp", kind="stable")
    return replace(dataset, impressions=shown.reset_index(drop=True))


@pytest.fixture(scope="module")
def rich() -> Dataset:
    return shuffled_in_their_second(tables.rich_dataset(days=80))


@pytest.fixture(scope="module")
def checked(rich: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checked")
    rich.write(folder)
    return folder


@pytest.fixture(scope="module")
def prepared(checked: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    """All rows of the dataset."""
    folder = tmp_path_factory.mktemp("prepared")
    prepare(checked, folder)
    return TrainingSet.read(folder)


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(left, right, check_dtype=False, check_exact=True)


def test_the_rankers_rows_are_those_of_the_path_in_memory(
    rich: Dataset, checked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_size, "BATCH_ROWS", 37)  # many parts
    counts = prepare(checked, tmp_path, AtSizeConfig(rows="ranker"))
    made = TrainingSet.read(tmp_path)
    in_memory = build_training_set(
        rich, split_by_time(rich), lambda *_: [], TrainingSetConfig(max_queries=1_000_000, moments=0)
    )
    same(made.marks, in_memory.marks)
    same(made.raw, in_memory.raw)
    assert made.split == in_memory.split
    assert made.fingerprint == in_memory.fingerprint
    assert not made.has_logged.any()
    assert counts == {
        "queries": len(in_memory.queries),
        "rows": len(in_memory.marks),
        "positive_share": pytest.approx((in_memory.marks["label"] > 0).mean()),
    }
    assert counts["queries"] > 5


def test_all_rows_are_the_impressions_with_final_labels_and_what_was_known_before_each(
    rich: Dataset, prepared: TrainingSet
) -> None:
    labels = impression_labels(rich.impressions, rich.interactions, rich.now)
    expected = rich.impressions.assign(label=labels.label)[labels.final]
    columns = ["slate_id", "user_id", "item_id", "timestamp", "position", "label"]
    order = ["slate_id", "position"]
    same(
        prepared.marks[columns].sort_values(order, ignore_index=True),
        expected[columns].sort_values(order, ignore_index=True),
    )
    assert 0 < (prepared.marks["label"] > 0).sum() < len(prepared.marks) < len(rich.impressions)
    same(prepared.raw, raw_columns(rich, prepared.marks))


def test_rows_of_a_slate_stand_together_in_the_order_of_time(prepared: TrainingSet) -> None:
    marks = prepared.marks
    assert marks["timestamp"].is_monotonic_increasing
    assert marks["query_id"].is_monotonic_increasing
    assert marks["query_id"].tolist() == pd.factorize(marks["slate_id"])[0].tolist()
    assert marks["timestamp"].nunique() < marks["query_id"].nunique()  # several slates in one second
    assert marks.groupby("query_id")["position"].apply(lambda p: p.is_monotonic_increasing).all()


def test_two_runs_write_the_same_bytes(checked: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        prepare(checked, tmp_path / name, AtSizeConfig(engine=EngineConfig(threads=2)))
    for file in ("marks.parquet", "raw.parquet", "training_set.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_an_order_has_no_ages_at_size_either(tmp_path: Path) -> None:
    rich = tables.rich_dataset(days=80)
    order = replace(rich, about=replace(rich.about, order_only=True))
    order.write(tmp_path / "checked")
    prepare(tmp_path / "checked", tmp_path / "set", AtSizeConfig(rows="ranker"))
    made = TrainingSet.read(tmp_path / "set")
    same(made.raw, raw_columns(order, made.marks))
    assert made.raw["local_hour"].isna().all()
    assert made.raw["item_top_likes"].max() > 0


def test_feedback_without_a_valid_token_labels_and_does_not_count(tmp_path: Path) -> None:
    rich = tables.rich_dataset(days=80)
    signed = pd.Series([None, True, False] * len(rich.interactions), dtype="boolean")[: len(rich.interactions)]
    live = replace(rich, interactions=rich.interactions.assign(signed=signed))
    live.write(tmp_path / "checked")
    prepare(tmp_path / "checked", tmp_path / "set")
    made = TrainingSet.read(tmp_path / "set")
    same(made.raw, raw_columns(live, made.marks))
    assert (made.raw["user_interactions"] < raw_columns(rich, made.marks)["user_interactions"]).any()


def test_what_cannot_be_prepared_says_why(rich: Dataset, checked: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is no checked dataset"):
        prepare(tmp_path, tmp_path / "set")
    with pytest.raises(BadInputError, match="there are no rows 'some'; expected one of all, ranker"):
        prepare(checked, tmp_path / "set", AtSizeConfig(rows="some"))  # type: ignore[arg-type]
    replace(rich, impressions=rich.impressions[:0]).write(tmp_path / "silent")
    with pytest.raises(BadInputError, match="has no impressions to label"):
        prepare(tmp_path / "silent", tmp_path / "set")
    served = rich.impressions.assign(vector=[np.zeros(60, np.float32)] * len(rich.impressions))
    replace(rich, impressions=served).write(tmp_path / "served")
    with pytest.raises(BadInputError, match="vectors that were served"):
        prepare(tmp_path / "served", tmp_path / "set")
    early = rich.impressions[rich.impressions["timestamp"] >= rich.now - 3600]
    late = early if len(early) else rich.impressions.tail(3).assign(timestamp=rich.now - 5)
    silent = late.assign(item_id="nobody-goes-there")
    replace(rich, impressions=silent).write(tmp_path / "fresh")
    with pytest.raises(BadInputError, match="no impression has a final label"):
        prepare(tmp_path / "fresh", tmp_path / "set")
    assert not (tmp_path / "set" / "training_set.json").exists()


def test_a_fingerprint_and_cut_offs_are_written_last(checked: Path, tmp_path: Path, rich: Dataset) -> None:
    prepare(checked, tmp_path, AtSizeConfig(rows="ranker"))
    about = json.loads((tmp_path / "training_set.json").read_text())
    split = split_by_time(rich)
    assert about["rank_from"] == split.rank_from
    assert about["test_from"] == split.test_from
    assert about["fingerprint"] == rich.about.fingerprint
    assert about["rows"] == len(pd.read_parquet(tmp_path / "marks.parquet"))
