from pathlib import Path

from hidden_gems.features.engines import EngineConfig
from hidden_gems.features.spark_engine import settings


def test_under_spark_submit_all_but_what_the_rows_depend_on_is_the_cluster_s() -> None:
    config = EngineConfig("spark", memory="6GB", threads=3)
    alone, submitted = (settings(config, Path("/scratch"), each) for each in (False, True))
    assert submitted == {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    }
    assert submitted.items() <= alone.items()
    assert (alone["spark.master"], alone["spark.driver.memory"]) == ("local[3]", "6g")
    assert (alone["spark.driver.host"], alone["spark.local.dir"]) == ("127.0.0.1", "/scratch")
    assert "spark.driver.memory" not in settings(EngineConfig("spark"), Path("/scratch"), False)
    assert settings(EngineConfig("spark"), Path("/scratch"), False)["spark.master"] == "local[*]"
