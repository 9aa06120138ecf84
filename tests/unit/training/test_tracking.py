from pathlib import Path

import pytest
from mlflow import MlflowClient

from hidden_gems.training.loop import Epoch, Report
from hidden_gems.training.tracking import EXPERIMENT, TrackedRun, artifact_folder, flattened, learning_curves

SEARCH = Report([0.9, 0.5, 0.4], [0.1, 0.3, 0.2], [0.01, 0.02, 0.02], best_epoch=2, seconds=3.0, peak_bytes=200)
FIT = Report([0.8, 0.4], [], [0.01, 0.02], seconds=1.5, peak_bytes=100)


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/deep/mlflow.db"


def test_a_run_holds_parameters_curves_a_plot_and_costs(uri: str) -> None:
    with TrackedRun(uri, "ncf", {"seed": 1, "settings": {"loop": {"batch": 64}, "hidden": [8, 4]}}) as run:
        for number in (1, 2, 3):
            run.watch("search", SEARCH.epoch(number))
        run.watch("fit", FIT.epoch(1))
        run.finish([SEARCH, FIT])
    client = MlflowClient(uri)
    found = client.get_run(run.run_id)
    experiment = client.get_experiment(found.info.experiment_id)
    assert (experiment.name, EXPERIMENT) == ("hidden-gems-training", "hidden-gems-training")
    assert found.info.run_name == "ncf"
    assert found.info.status == "FINISHED"
    assert found.data.params == {"seed": "1", "settings.loop.batch": "64", "settings.hidden": "[8, 4]"}

    def curve(name: str) -> list[tuple[int, float]]:
        return [(metric.step, metric.value) for metric in client.get_metric_history(run.run_id, name)]

    assert curve("search/loss") == [(1, 0.9), (2, 0.5), (3, 0.4)]
    assert curve("search/validation") == [(1, 0.1), (2, 0.3), (3, 0.2)]
    assert curve("search/learning_rate") == [(1, 0.01), (2, 0.02), (3, 0.02)]
    assert curve("fit/loss") == [(1, 0.8)]
    assert curve("fit/validation") == []
    assert (curve("seconds"), curve("peak_bytes")) == ([(0, 4.5)], [(0, 200.0)])
    plot = Path(found.info.artifact_uri.removeprefix("file://")) / "learning_curve.png"
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert plot.is_relative_to(Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts")


def test_a_second_run_lies_beside_the_first_and_a_broken_one_has_failed(uri: str) -> None:
    with TrackedRun(uri, "first", {}) as first:
        pass
    with pytest.raises(ZeroDivisionError), TrackedRun(uri, "second", {}) as second:
        raise ZeroDivisionError
    client = MlflowClient(uri)
    one, other = (client.get_run(run.run_id) for run in (first, second))
    assert one.info.experiment_id == other.info.experiment_id
    assert (one.info.status, other.info.status) == ("FINISHED", "FAILED")


def test_the_plot_shows_every_phase_and_the_best_epoch() -> None:
    left, right = learning_curves([SEARCH, FIT]).axes
    assert [line.get_ydata().tolist() for line in left.lines] == [[0.9, 0.5, 0.4], [0.8, 0.4]]
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["search", "fit"]
    curve, best = right.lines
    assert (curve.get_xdata().tolist(), curve.get_ydata().tolist()) == ([1, 2, 3], [0.1, 0.3, 0.2])
    assert list(best.get_xdata()) == [2, 2]
    assert (left.get_title(), right.get_title(), left.get_xlabel()) == ("loss", "validation", "epoch")
    assert learning_curves([FIT]).axes[1].get_legend() is None


def test_an_epoch_of_a_report() -> None:
    assert SEARCH.epoch(3) == Epoch(3, 0.4, 0.2, 0.02)
    assert FIT.epoch(2) == Epoch(2, 0.4, None, 0.02)


def test_artifacts_lie_beside_a_database_file_and_with_a_server_where_it_says(tmp_path: Path) -> None:
    database = tmp_path / "new" / "mlflow.db"
    assert artifact_folder(f"sqlite:///{database}") == f"file://{tmp_path}/new/mlartifacts"
    assert database.parent.is_dir()
    assert artifact_folder("http://mlflow:5000") is None


def test_nested_settings_become_one_level() -> None:
    assert flattened({"a": {"b": {"c": 1}, "d": (2,)}, "e": None}) == {"a.b.c": 1, "a.d": (2,), "e": None}
