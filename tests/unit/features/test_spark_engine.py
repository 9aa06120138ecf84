from pathlib import Path

import pytest

from hidden_gems.core.errors import BadInputError
from hidden_gems.features.engines import EngineConfig
from hidden_gems.features.spark_engine import settings, shared_folder


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


def test_executors_elsewhere_need_an_address_and_those_of_this_process_do_not() -> None:
    config = EngineConfig("spark", shared="s3://bucket/set/exchange")
    assert [shared_folder(config, master) for master in ("local", "local[2]", "local[*]")] == ["", "", ""]
    for master in ("k8s://https://10.0.0.1:443", "local-cluster[2,1,1024]", "spark://host:7077"):
        assert shared_folder(config, master) == "s3://bucket/set/exchange"
        with pytest.raises(BadInputError, match="see no files of this machine; --out must be an address"):
            shared_folder(EngineConfig("spark"), master)
