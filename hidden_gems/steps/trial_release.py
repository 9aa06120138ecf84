"""A city lives under the logging policy, and a release is trained on its log: where a trial of learning begins."""

import json
from collections.abc import Sequence
from pathlib import Path

from hidden_gems.benchmark.loop_release import TrialRelease
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.validation import check_folder
from hidden_gems.export.onnx import export_deep, served_order
from hidden_gems.export.sessions import REPOSITORY, DeepSession, RankerSession
from hidden_gems.export.trees import export_lambdamart
from hidden_gems.export.triton import write_model_repository
from hidden_gems.features.snapshot import snapshot
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.online.state import prior_state
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.simulation.city import City
from hidden_gems.simulation.log import TRUTH_COLUMNS, impressions_of, interactions_of, users_of
from hidden_gems.simulation.write import ABOUT, describe
from hidden_gems.steps.learning import build_training_set, fit_lambdamart, open_shelf, train_model, trained
from hidden_gems.steps.packing import release_tables, write_policy
from hidden_gems.training.saved import load_deep

PSEUDONYMS = Pseudonyms(b"trial")


def live_logged(city: City, days: int, folder: Path) -> None:
    """Live days under the logging policy, and write what was logged up to their end as a dataset folder."""
    logs = [city.step() for _ in range(days)]
    end = city.start + days * DAY_SECONDS
    users = users_of(city.people, city.gems)
    tables = {
        "interactions": interactions_of(logs, city.people, city.gems, end),
        "impressions": impressions_of(logs, city.people, city.gems, end).drop(columns=list(TRUTH_COLUMNS)),
        "items": city.gems.places,
        "users": users[users["created_at"] < end],  # nobody knows yet who will come
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    about = describe(len(city.people), days, city.seed, parameters=city.parameters)
    (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n")


def train(root: Path, seed: int, deep: Sequence[str] = ()) -> None:
    """Train a release on the log in a folder, by the steps of the training pipeline.

    Args:
        root: Has the dataset in `log`; everything else is written beside it.
        seed: Of everything random.
        deep: Models of the served graph; none leaves neighbours and trees.
    """
    checked, models, ranker, release = (root / name for name in ("checked", "models", "ranker", "release"))
    check_folder(root / "log", pseudonyms=PSEUDONYMS).write(checked)
    build_training_set(checked, root / "set", seed)
    for name in deep:
        train_model(checked, models / name, name, "auto", seed)
    fit_lambdamart(checked, root / "set", models, ranker, seed)
    shelf = open_shelf(checked, seed)
    fitted = served_order({name: load_deep(models / name / "test") for name in trained(models)}) if deep else {}
    release_tables(shelf, fitted).save(release / "tables")
    write_policy(shelf, release / "policy")
    if fitted:
        write_model_repository(export_deep(fitted, root / "graphs"), release / REPOSITORY)
    (release / "ranker").mkdir()
    export_lambdamart(LambdaMART.load(ranker), release / "ranker" / "lambdamart.onnx")


def opened(root: Path, seed: int, at: int) -> TrialRelease:
    """What `train` wrote, with the rows that were true at a second."""
    shelf, release = open_shelf(root / "checked", seed), root / "release"
    users, items = snapshot(shelf.dataset, at)
    names = trained(root / "models") if (root / "models").is_dir() else ()
    return TrialRelease(
        version=f"trial-{seed}",
        about=shelf.dataset.about,
        tables=ReleaseTables.load(release / "tables"),
        deep=DeepSession(release, names) if names else None,
        ranker=RankerSession(release),
        prior=lambda: prior_state(release),
        embeddings={name: row for row, name in enumerate(shelf.users.ids) if row},
        users=users,
        items=items,
        at=at,
    )
