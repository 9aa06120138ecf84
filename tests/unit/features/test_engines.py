import re
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from hidden_gems.core.errors import BadInputError, MissingExtraError, OutOfMemoryError
from hidden_gems.datasets.parts import read_parts
from hidden_gems.features import engines, spark_engine
from hidden_gems.features.engines import EngineConfig, engine_of


def numbers(rows: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame({"key": random.permutation(rows), "value": random.random(rows)})


def test_duckdb_loads_keeps_writes_in_order_and_reads_again(tmp_path: Path) -> None:
    frame = numbers(500)
    with engine_of(EngineConfig(threads=1, memory="200MB", scratch=tmp_path)) as engine:
        kept = engine.keep("doubled", engine.load("numbers", frame).mutate(value=ibis._.value * 2))
        assert len(engine.frame(kept)) == 500
        engine.write(kept, tmp_path / "sorted.parquet", ("key",))
        again = engine.read("again", tmp_path / "sorted.parquet")
        assert engine.frame(again.filter(again.key < 3))["key"].tolist() == [0, 1, 2]
        [settings] = engine.connection.con.execute(  # type: ignore[attr-defined]
            "SELECT current_setting('threads') || ' ' || current_setting('memory_limit')"
        ).fetchall()
        assert re.fullmatch(r"1 190\.\d MiB", settings[0])
        assert list(tmp_path.glob("gems-*"))
    assert not list(tmp_path.glob("gems-*"))  # scratch is gone
    [found] = read_parts(tmp_path / "sorted.parquet", 1_000)
    expected = frame.assign(value=frame["value"] * 2).sort_values("key", ignore_index=True)
    pd.testing.assert_frame_equal(found, expected)


def all_in_one_row(config: EngineConfig) -> None:
    """A list of five million numbers: the one thing that no engine can put aside."""
    with engine_of(config) as engine:
        rows = ibis.range(5_000_000).unnest().name("number").as_table()
        engine.frame(engine.keep("row", rows.agg(all=rows.number.collect())))


def test_too_little_memory_says_how_much_there_was_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OutOfMemoryError, match=r"ran out of memory with memory 20MB and threads 1: .*give it more mem"):
        all_in_one_row(EngineConfig(memory="20MB", threads=1, scratch=tmp_path))


def test_settings_that_are_none_are_refused_by_name() -> None:
    with (
        pytest.raises(BadInputError, match="there is no engine 'hive'; expected one of duckdb, spark"),
        engine_of(
            EngineConfig("hive")  # type: ignore[arg-type]
        ),
    ):
        pass
    with (
        pytest.raises(BadInputError, match="DuckDB cannot start with memory lots and threads as they come"),
        engine_of(EngineConfig(memory="lots")),
    ):
        pass


def test_spark_without_pyspark_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_engine, "find_spec", lambda _: None)
    with (
        pytest.raises(MissingExtraError, match=r"'pyspark', which comes with: pip install 'hidden-gems\[scale\]'"),
        engine_of(EngineConfig("spark")),
    ):
        pass


def test_duckdb_is_the_engine_as_it_comes() -> None:
    with engine_of() as engine:
        assert isinstance(engine, engines.DuckDB)
    assert engines.ENGINES == ("duckdb", "spark")
    assert EngineConfig() == EngineConfig("duckdb", "", 0, None)
