"""DuckDB and Spark compute the same expressions: the same rows to the last bit."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.split import split_by_time
from hidden_gems.features.engines import EngineConfig, engine_of
from hidden_gems.training.at_size import AtSizeConfig, prepare
from hidden_gems.training.training_set import TrainingSet, TrainingSetConfig, build_training_set
from tests import tables

pytest.importorskip("pyspark", reason="the extra `scale` is not installed")
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]

SPARK = EngineConfig("spark", memory="2GB", threads=2)


@pytest.fixture(scope="module")
def rich() -> Dataset:
    """Slates that share a second, answers that quote none, and a few thousand events."""
    made = tables.rich_dataset(users=40, events=2_000, days=80)
    shown = made.impressions.assign(timestamp=made.impressions["timestamp"] // 86_400 * 86_400)
    told = made.interactions.assign(slate_id=made.interactions["slate_id"].where(made.interactions.index % 2 == 0))
    return replace(made, impressions=shown, interactions=told)


@pytest.mark.parametrize(("rows", "order_only"), [("all", False), ("ranker", True)])
def test_a_training_set_at_size_is_the_same_on_both(rich: Dataset, tmp_path: Path, rows: str, order_only: bool) -> None:
    replace(rich, about=replace(rich.about, order_only=order_only)).write(tmp_path / "checked")
    made = {}
    for engine in (EngineConfig(), SPARK):
        prepare(tmp_path / "checked", tmp_path / engine.name, AtSizeConfig(rows, engine))  # type: ignore[arg-type]
        made[engine.name] = TrainingSet.read(tmp_path / engine.name)
    pd.testing.assert_frame_equal(made["spark"].marks, made["duckdb"].marks, check_exact=True)
    pd.testing.assert_frame_equal(made["spark"].raw, made["duckdb"].raw, check_exact=True)
    assert len(made["spark"].marks) > (300 if rows == "ranker" else 2_000)


def test_lists_of_candidates_are_the_same_on_both(rich: Dataset) -> None:
    split, config = split_by_time(rich), TrainingSetConfig(max_queries=60)
    items = rich.items["item_id"].tolist()
    made = [
        build_training_set(rich, split, lambda _, people, __: [items] * len(people), replace(config, engine=engine))
        for engine in (EngineConfig(), SPARK)
    ]
    pd.testing.assert_frame_equal(made[0].marks, made[1].marks, check_exact=True)
    pd.testing.assert_frame_equal(made[0].raw, made[1].raw, check_exact=True)
    assert made[0].marks["query_id"].nunique() == 60


def test_a_spark_that_cannot_start_says_so() -> None:
    with (
        pytest.raises(BadInputError, match=r"Spark cannot start with memory lots and .*; expected as in 6GB"),
        engine_of(EngineConfig("spark", memory="lots")),
    ):
        pass
