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
from hidden_gems.simulation.log import TRUTH_COLUMNS, interactions_of, users_of
from hidden_gems.simulation.log import impressions_of as shown_of
from hidden_gems.simulation.write import ABOUT, describe
from hidden_gems.steps.learning import build_training_set, fit_lambdamart, open_shelf, train_model, trained
from hidden_gems.steps.packing import release_tables, write_policy
from hidden_gems.training.saved import load_deep

PSEUDONYMS = Pseudonyms(b"trial")


def live_and_train(city: City, days: int, root: Path, seed: int, deep: Sequence[str] = ()) -> TrialRelease:
    """Live the first days of a city under the logging policy and train a release on their log.

    Args:
        city: Fresh; stands at the day of the release afterwards.
        days: Before the release.
        root: Folder for dataset, models and release.
        seed: Of everything random but the city.
        deep: Models of the served graph; none leaves neighbours and trees.
    """
    _write_log(city, days, root / "log")
    checked, models, ranker, release = (root / name for name in ("checked", "models", "ranker", "release"))
    check_folder(root / "log", pseudonyms=PSEUDONYMS).write(checked)
    build_training_set(checked, root / "set", seed)
    for name in deep:
        train_model(checked, models / name, name, "auto", seed)
    fit_lambdamart(checked, root / "set", models, ranker, seed)
    shelf = open_shelf(checked, seed)
    release_tables(shelf).save(release / "tables")
    write_policy(shelf, release / "policy")
    (release / "ranker").mkdir()
    export_lambdamart(LambdaMART.load(ranker), release / "ranker" / "lambdamart.onnx")
    names = tuple(served_order({name: load_deep(models / name / "test") for name in trained(models)})) if deep else ()
    if names:
        graphs = export_deep({name: load_deep(models / name / "test") for name in names}, root / "graphs")
        write_model_repository(graphs, release / REPOSITORY)
    at = city.start + days * DAY_SECONDS
    users, items = snapshot(shelf.dataset, at)
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


def _write_log(city: City, days: int, folder: Path) -> None:
    """Live days and write what was logged up to their end as a dataset folder."""
    logs = [city.step() for _ in range(days)]
    end = city.start + days * DAY_SECONDS
    tables = {
        "interactions": interactions_of(logs, city.people, city.gems, end),
        "impressions": shown_of(logs, city.people, city.gems, end).drop(columns=list(TRUTH_COLUMNS)),
        "items": city.gems.places,
        "users": users_of(city.people, city.gems),
    }
    folder.mkdir(parents=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    about = describe(len(city.people), days, city.seed, parameters=city.parameters)
    (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n")
