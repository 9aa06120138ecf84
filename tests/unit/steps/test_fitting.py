import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from hidden_gems.core.errors import BadInputError
from hidden_gems.steps import fit
from hidden_gems.steps.fitting import REPORT, FitConfig, deep_model, fit_deep, parameters_sha256
from hidden_gems.steps.learning import cut_off, open_shelf
from hidden_gems.training.loop import Epoch, Progress
from hidden_gems.training.ncf import NCFRecommender
from tests import tables

QUICK = FitConfig("ncf", loop={"epochs": 2, "batch": 256})


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitting") / "checked"
    tables.rich_dataset(users=60, events=4_000, days=80).write(folder)
    return folder


def test_fits_writes_and_reports(checked: Path, tmp_path: Path) -> None:
    steps: list[Progress] = []
    epochs: list[tuple[str, int]] = []

    def watch(phase: str, epoch: Epoch) -> None:
        epochs.append((phase, epoch.number))

    report = fit_deep(str(checked), str(tmp_path / "ncf"), QUICK, progress=steps.append, watch=watch)
    model = NCFRecommender.load(tmp_path / "ncf")
    shelf = open_shelf(checked, 0)
    log = shelf.log(shelf.split.test_from)
    expected = deep_model(QUICK, shelf, log).fit(log)
    assert isinstance(expected, NCFRecommender)
    assert report["parameters_sha256"] == parameters_sha256(model.module) == parameters_sha256(expected.module)
    assert len(report["parameters_sha256"]) == 64
    search, last = expected.reports
    assert (report["model"], report["processes"]) == ("ncf", 1)
    assert (report["epochs"], report["loss"]) == (len(last.losses), last.losses[-1])
    assert report["validation"] == max(search.validations)
    assert epochs[:3] == [("search", 1), ("search", 2), ("fit", 1)]
    assert len(steps) > 2
    written = json.loads((tmp_path / "ncf" / REPORT).read_text())
    assert {key: written[key] for key in report} == report
    assert written["curves"][0]["validations"] == search.validations
    assert model.settings.loop.epochs == 2


def test_other_settings_seeds_and_cut_offs_learn_something_else(checked: Path, tmp_path: Path) -> None:
    shelf = open_shelf(checked, 0)
    plain = deep_model(QUICK, shelf, shelf.log(shelf.split.test_from))
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(plain.plain | {"width": 8}))
    hashes = set()
    for number, config in enumerate(
        (QUICK, replace(QUICK, seed=1), replace(QUICK, until="rank"), replace(QUICK, settings=str(file)))
    ):
        hashes.add(fit_deep(str(checked), str(tmp_path / str(number)), config)["parameters_sha256"])
    assert len(hashes) == 4
    assert NCFRecommender.load(tmp_path / "3").settings.width == 8
    assert NCFRecommender.load(tmp_path / "1").settings.loop.seed == 1


def test_the_cut_offs(checked: Path) -> None:
    shelf = open_shelf(checked, 0)
    assert cut_off(shelf, "rank") == shelf.split.rank_from < cut_off(shelf, "test") == shelf.split.test_from
    assert cut_off(shelf, "now") == shelf.dataset.now
    with pytest.raises(BadInputError, match="until must be one of rank, test, now, got 'never'"):
        cut_off(shelf, "never")


def test_every_folder_may_be_an_address(checked: Path, tmp_path: Path) -> None:
    addresses = {"checkpoint": f"file://{tmp_path}/checkpoints"}
    config = replace(QUICK, **addresses)
    first = fit_deep(f"file://{checked}", f"file://{tmp_path}/out", config)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["fit", "search"]
    assert NCFRecommender.load(tmp_path / "out").module.user.num_embeddings > 1
    steps: list[Progress] = []
    again = fit_deep(str(checked), str(tmp_path / "again"), config, progress=steps.append)
    assert steps == []  # both phases were over
    assert again["parameters_sha256"] == first["parameters_sha256"]
    with pytest.raises(BadInputError, match=r"belongs to another run \(.*seed.*\)"):
        fit_deep(str(checked), str(tmp_path / "other"), replace(config, seed=5))


def test_mlflow_gets_the_run(checked: Path, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    told: list[str] = []
    report = fit_deep(
        str(checked), str(tmp_path / "ncf"), replace(QUICK, mlflow=uri), watch=lambda phase, _: told.append(phase)
    )
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("hidden-gems-training")
    (run,) = client.search_runs([experiment.experiment_id])
    shelf = open_shelf(checked, 0)
    assert run.data.params["fingerprint"] == shelf.dataset.about.fingerprint
    assert run.data.params["settings.loop.epochs"] == "2"
    assert (run.data.params["model"], run.data.params["until"], run.data.params["processes"]) == ("ncf", "test", "1")
    assert "git_sha" in run.data.params
    assert run.data.metrics["fit/loss"] == report["loss"]
    assert run.data.metrics["seconds"] == pytest.approx(report["seconds"], abs=1e-3)
    assert told[0] == "search"
    assert told[-1] == "fit"


def test_a_search_before_the_fit(checked: Path, tmp_path: Path) -> None:
    config = replace(QUICK, tune_seconds=3.0, tuning=str(tmp_path / "tuning"))
    fit_deep(str(checked), str(tmp_path / "ncf"), config)
    best = json.loads((tmp_path / "tuning" / "settings.json").read_text())
    assert NCFRecommender.load(tmp_path / "ncf").plain == best
    assert (tmp_path / "tuning" / "trials.csv").is_file()
    with pytest.raises(BadInputError, match="needs a folder to keep it in"):
        fit_deep(str(checked), str(tmp_path / "ncf"), replace(QUICK, tune_seconds=3.0))


def test_what_cannot_be_fitted(checked: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="there is no deep model 'popular'; the shelf has ncf"):
        fit_deep(str(checked), str(tmp_path), FitConfig("popular"))
    with pytest.raises(BadInputError, match="LoopConfig has no setting epoch"):
        fit_deep(str(checked), str(tmp_path), replace(QUICK, loop={"epoch": 2}))


def test_the_command_line(checked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--model", "ncf", "--checked", str(checked), "--out", str(tmp_path / "ncf")]
    assert fit.main([*flags, "--loop", '{"epochs": 2, "batch": 256}']) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["model"] == "ncf"
    assert err.splitlines()[0].startswith("search: epoch 1, loss ") or err.startswith("step ")
    assert ", validation 0." in err
    assert fit.main([*flags, "--until", "never"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "fit: until must be one of rank, test, now, got 'never'\n")


def test_the_command_line_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    teller = fit._Teller()
    teller(Progress(1, 10, 0.5, 60.0))
    assert capsys.readouterr().err == ""
    teller.told -= 6.0
    teller(Progress(2, 10, 0.25, 59.6))
    teller(Progress(3, 10, 0.25, 58.0))
    assert capsys.readouterr().err == "step 2 of 10, loss 0.2500, at most 60 s left\n"


def test_the_options_of_the_command_line() -> None:
    flags = ["--model", "m", "--checked", "c", "--out", "o", "--tune", "90s", "--tuning", "t", "--mlflow", "u"]
    more = ["--until", "rank", "--seed", "3", "--preset", "plan", "--settings", "f", "--checkpoint", "p"]
    options = fit._parser().parse_args([*flags, *more])
    assert fit._config(options) == FitConfig("m", "rank", 3, "plan", "f", {}, "p", "u", 90.0, "t")
    assert fit._config(fit._parser().parse_args(flags[:6])) == FitConfig("m")
    assert np.isclose(FitConfig("m").tune_seconds, 0.0)
