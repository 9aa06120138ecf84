import json
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer.main

from hidden_gems.cli.__main__ import app
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.door_at_size import DoorConfig
from hidden_gems.steps.preparing import REPORT, Preparation, prepare, prepare_on_cluster
from hidden_gems.steps.spark_application import SCRATCH, SparkApplication
from hidden_gems.training.at_size import AtSizeConfig
from hidden_gems.training.training_set import TrainingSet
from tests import factories
from tests.train_jobs import Cluster, jobs_of


class Operator(Cluster):
    """Runs what the driver would, here and on DuckDB, before it answers."""

    path = "/apis/sparkoperator.k8s.io/v1beta2/namespaces/team/sparkapplications"
    scratch = ""

    def work(self, job: dict[str, Any]) -> None:
        here = {"spark": "duckdb", SCRATCH: self.scratch}
        arguments = [here.get(each, each) for each in job["spec"]["arguments"]]
        typer.main.get_command(app).main(arguments, standalone_mode=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    told = factories.interactions(events=300)
    tables = {"interactions": told, "items": factories.items(), "impressions": factories.impressions(told)}
    return factories.write_folder(tmp_path_factory.mktemp("preparing") / "city", **tables)


def test_the_same_set_in_a_folder_and_at_an_address(folder: Path, tmp_path: Path) -> None:
    told: list[str] = []
    here = prepare(str(folder), str(tmp_path / "here"), DoorConfig(), AtSizeConfig(), told.append)
    there = prepare(f"file://{folder}", f"file://{tmp_path}/there/", DoorConfig(), AtSizeConfig(), told.append)
    sets = [TrainingSet.read(tmp_path / name) for name in ("here", "there")]
    pd.testing.assert_frame_equal(sets[0].raw, sets[1].raw, check_exact=True)
    assert len(sets[0].marks) == here["counts"]["rows"] == there["counts"]["rows"] > 100
    assert json.loads((tmp_path / "there" / REPORT).read_text()) == there
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == sorted(
        path.name for path in (tmp_path / "here").iterdir()
    )
    assert "is a dataset; checked in" in told[0]


def test_a_set_that_is_cut_off_has_no_report(folder: Path, tmp_path: Path) -> None:
    (tmp_path / REPORT).write_text("of an earlier one")
    with pytest.raises(BadInputError, match="there are no rows 'some'"):
        prepare(str(folder), str(tmp_path), DoorConfig(), AtSizeConfig("some"), lambda _: None)  # type: ignore[arg-type]
    assert not (tmp_path / REPORT).exists()


def test_a_cluster_prepares_and_the_step_tells_what_came_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMS_HOME", str(tmp_path / "home"))
    (tmp_path / "scratch").mkdir()
    what = Preparation(f"file://{folder}", f"file://{tmp_path}/set", max_rejected_share=0.02, rows="ranker")
    with Operator({"applicationState": {"state": "COMPLETED"}}) as cluster:
        cluster.scratch = str(tmp_path / "scratch")
        threading.Thread(target=cluster.serve_forever, daemon=True).start()
        report = prepare_on_cluster(
            what, SparkApplication("team", "hidden-gems/scale:1", driver_gb=3), jobs_of(cluster)
        )
        cluster.shutdown()
    [(name, made)] = cluster.jobs.items()
    assert name.startswith("gems-prepare-")
    arguments = made["spec"]["arguments"]
    assert arguments[arguments.index("--memory") + 1] == "3GB"
    assert arguments[arguments.index("--engine") + 1] == "spark"
    assert report["counts"]["rows"] == len(TrainingSet.read(tmp_path / "set").marks) > 0


def test_a_cluster_reaches_no_folder_of_this_machine() -> None:
    with pytest.raises(BadInputError, match="/data is a folder of one machine"):
        prepare_on_cluster(Preparation("/data", "s3://bucket/set"), SparkApplication("team", "i"))
