import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from hidden_gems.core.errors import BadInputError, StepFailedError
from hidden_gems.steps import fit as command
from hidden_gems.steps.distributed import Fit, Place, job_name, train_distributed
from hidden_gems.steps.fitting import REPORT
from hidden_gems.training.ncf import NCFRecommender
from tests import tables
from tests.train_jobs import Cluster, condition, jobs_of

QUICK = Fit("ncf", loop='{"epochs": 2, "batch": 256}')


class OneNode(Cluster):
    """Runs the training of a job here, in one process, before it answers."""

    def work(self, job: dict[str, Any]) -> None:
        trainer = job["spec"]["trainer"]
        assert trainer["command"] == ["torchrun"]
        assert trainer["args"][:2] == ["-m", "hidden_gems.steps.fit"]
        assert command.main(trainer["args"][2:]) == 0


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributed") / "checked"
    tables.rich_dataset(users=60, events=4_000, days=80).write(folder)
    return folder


def test_a_cluster_takes_the_data_and_gives_the_model(checked: Path, tmp_path: Path) -> None:
    work = f"file://{tmp_path}/work"
    environment = {"OMP_NUM_THREADS": "1"}
    place = Place("cluster", 1, 3, 2, work + "/", "team", "hidden-gems/train:1", "reader", environment, 60)
    with OneNode({"conditions": [condition("Complete")]}) as cluster:
        threading.Thread(target=cluster.serve_forever, daemon=True).start()
        report = train_distributed(checked, tmp_path / "model", QUICK, place, jobs_of(cluster))
        cluster.shutdown()
    assert report == json.loads((tmp_path / "model" / REPORT).read_text())
    assert len(NCFRecommender.load(tmp_path / "model").settings.hidden) == 3
    assert (tmp_path / "work" / "checkpoints" / "fit" / "last.pt").is_file()
    ((name, job),) = cluster.jobs.items()
    assert name == job_name("ncf", work)
    trainer = job["spec"]["trainer"]
    assert (trainer["numNodes"], trainer["numProcPerNode"], trainer["image"]) == (3, 1, "hidden-gems/train:1")
    assert trainer["resourcesPerNode"]["limits"]["nvidia.com/gpu"] == "2"
    assert trainer["env"] == [{"name": "OMP_NUM_THREADS", "value": "1"}]
    assert job["spec"]["activeDeadlineSeconds"] == 60
    assert "serviceAccountName" in json.dumps(job["spec"]["runtimePatches"])


def test_a_job_that_fails_gives_no_model(checked: Path, tmp_path: Path) -> None:
    place = Place("cluster", work=f"file://{tmp_path}/work", namespace="team", image="i")
    with Cluster({"conditions": [condition("Failed", "FailedJobs", "no luck")]}) as cluster:
        threading.Thread(target=cluster.serve_forever, daemon=True).start()
        with pytest.raises(StepFailedError, match="FailedJobs: no luck"):
            train_distributed(checked, tmp_path / "model", QUICK, place, jobs_of(cluster))
        cluster.shutdown()
    assert cluster.jobs == {}
    assert not (tmp_path / "model").exists()


def test_the_command_line_of_a_process() -> None:
    assert QUICK.arguments("c", "o", "") == [
        *("-m", "hidden_gems.steps.fit", "--model", "ncf", "--checked", "c", "--out", "o", "--until", "test"),
        *("--seed", "0", "--preset", "auto", "--loop", '{"epochs": 2, "batch": 256}'),
    ]
    more = Fit("ncf", "rank", 3, "plan", "{}", "http://mlflow").arguments("c", "o", "s3://b/w")
    assert more[more.index("--until") + 1 :] == [
        *("rank", "--seed", "3", "--preset", "plan", "--loop", "{}"),
        *("--checkpoint", "s3://b/w/checkpoints", "--mlflow", "http://mlflow"),
    ]


def test_a_place_that_is_not_complete(tmp_path: Path) -> None:
    with Cluster() as cluster, pytest.raises(BadInputError, match="a cluster needs work, image"):
        train_distributed(tmp_path, tmp_path, QUICK, Place("cluster", namespace="team"), jobs_of(cluster))
    with pytest.raises(BadInputError, match="where must be local or cluster, got 'moon'"):
        train_distributed(tmp_path, tmp_path, QUICK, Place("moon"))


def test_the_handler_of_sigterm_is_put_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(BadInputError):
        train_distributed(tmp_path, tmp_path, QUICK, Place("moon"))
    assert signal.getsignal(signal.SIGTERM) is before


def test_names_of_jobs() -> None:
    name = job_name("wide_deep", "s3://bucket/runs/a")
    assert name == job_name("wide_deep", "s3://bucket/runs/a") != job_name("wide_deep", "s3://bucket/runs/b")
    assert name.startswith("gems-wide-deep-")
    assert len(name) == len("gems-wide-deep-") + 8
