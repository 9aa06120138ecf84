import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
import yaml
from feast import Entity, FeatureView
from feast.feature_view import FeatureViewState
from feast.repo_operations import parse_repo

from hidden_gems.cli.processes import free_port, redis_server
from hidden_gems.core.errors import BadInputError, PartUnavailableError, StepFailedError
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.core.redis_access import RedisAccess
from hidden_gems.features.event_rows import item_table
from hidden_gems.features.feast_definitions import definitions
from hidden_gems.features.feast_store import FeastSettings, FeastStore, apply, materialize
from hidden_gems.features.hot_store import HotStore
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.raw import ITEM, USER
from hidden_gems.features.schema import FEATURE_SERVICE
from hidden_gems.features.snapshot import answers, snapshot
from hidden_gems.features.stream import LiveRows, remember_answers
from tests import factories
from tests.unit.features.parity import assert_parity
from tests.unit.features.replay import batches


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as address:
        yield address


@pytest.fixture(autouse=True)
def _definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMS_FEATURE_REPO", "feature_repo")


def test_a_request_through_feast_sees_what_training_sees(redis: str, tmp_path: Path) -> None:
    dataset = factories.rich_dataset()
    at = int(dataset.interactions["timestamp"].iloc[400])
    counts = materialize(dataset, at, redis=redis, folder=tmp_path)
    assert counts == {"users": 30, "items": 40, "replaced": 0}
    assert_parity(dataset, at, FeastStore(FeastSettings(redis, tmp_path, timeout_seconds=5.0)))


def test_materializing_again_changes_nothing_and_other_data_replace(redis: str, tmp_path: Path) -> None:
    dataset = factories.rich_dataset(users=6, count=8, events=60)
    assert materialize(dataset, dataset.now, redis=redis, folder=tmp_path)["replaced"] == 0
    first = (tmp_path / "user_rows.parquet").read_bytes()
    assert materialize(dataset, dataset.now, redis=redis, folder=tmp_path)["replaced"] == 0
    assert (tmp_path / "user_rows.parquet").read_bytes() == first
    other = replace(dataset, interactions=dataset.interactions.iloc[:-20])
    assert materialize(other, dataset.now, redis=redis, folder=tmp_path)["replaced"] > 0
    users, items = snapshot(other, dataset.now)
    store = FeastStore(FeastSettings(redis, tmp_path, timeout_seconds=5.0))
    assert [f and f.row.pack() for f in store.read_users(list(users))] == [row.pack() for row in users.values()]
    assert [f and f.row.pack() for f in store.read_items(list(items))] == [row.pack() for row in items.values()]
    table = pd.read_parquet(tmp_path / "item_rows.parquet")
    assert str(table["event_timestamp"].dtype) == "datetime64[us, UTC]"
    assert table["event_timestamp"].unique().tolist() == [pd.Timestamp(dataset.now, unit="s", tz="UTC")]


def test_a_fresher_row_of_the_stream_survives_materializing(redis: str, tmp_path: Path) -> None:
    dataset = factories.rich_dataset(users=4, count=5, events=30)
    materialize(dataset, dataset.now, redis=redis, folder=tmp_path)
    store = FeastStore(FeastSettings(redis, tmp_path, timeout_seconds=5.0))
    users, _ = snapshot(dataset, dataset.now)
    store.write_users({"u1": users["u2"]}, dataset.now + 5)
    materialize(dataset, dataset.now + 1, redis=redis, folder=tmp_path)
    [found] = store.read_users(["u1"])
    assert found is not None
    assert (found.row.pack(), found.timestamp) == (users["u2"].pack(), dataset.now + 5)


def test_the_hot_read_sees_what_feast_sees_after_materializing_and_after_pushes(redis: str, tmp_path: Path) -> None:
    dataset = factories.rich_dataset()
    at = dataset.now
    materialize(dataset, at, redis=redis, folder=tmp_path)
    settings = FeastSettings(redis, tmp_path, timeout_seconds=5.0)
    store, hot = FeastStore(settings, overwrite=True), HotStore(RedisKeyValue(redis, 5.0))
    users, items = snapshot(dataset, at)
    people, gems = [*users, "nobody"], [*items, "nowhere"]
    for second in (at, at, at + 1):
        theirs, ours = store.read_users(people), hot.read_users(people)
        assert [f and (f.row.pack(), f.timestamp) for f in ours] == [f and (f.row.pack(), f.timestamp) for f in theirs]
        assert [f and f.row.pack() for f in ours] == [*(row.pack() for row in users.values()), None]
        ours_too = hot.read_items(gems)
        assert [f and (f.row.pack(), f.timestamp) for f in ours_too] == [
            f and (f.row.pack(), f.timestamp) for f in store.read_items(gems)
        ]
        users |= {"u1": users["u2"], "u2": users["u1"]}
        store.write_users({"u1": users["u1"], "u2": users["u2"]}, second)  # twice within the second of materializing


def test_the_stream_through_feast_ends_with_the_rows_of_the_history(redis: str, tmp_path: Path) -> None:
    dataset = factories.rich_dataset(users=12, count=15, events=300)
    start = int(dataset.interactions["timestamp"].iloc[200])
    materialize(dataset.before(start), start, redis=redis, folder=tmp_path)
    keys = RedisKeyValue(redis, 5.0)
    remember_answers(answers(dataset, start), keys)
    live = LiveRows(
        FeastStore(FeastSettings(redis, tmp_path, timeout_seconds=5.0), overwrite=True),
        item_table(dataset.items), timezone=dataset.about.timezone, keys=keys, people=5,
    )  # fmt: skip
    for interactions, slates, at in batches(dataset, start, seed=1):
        live.apply(interactions, slates, at)
    users, items = snapshot(dataset, dataset.now)
    people = HotStore(keys).read_users(list(users))
    gems = HotStore(keys).read_items(list(items))
    rows = {name: found.row.at(dataset.now) for name, found in zip(items, gems, strict=True) if found}
    top = ItemRows.of(rows).top_likes(dataset.now)
    assert [f and f.row.at(dataset.now).pack() for f in people] == [row.pack() for row in users.values()]
    assert [row.with_top(top).pack() for row in rows.values()] == [row.pack() for row in items.values()]


def test_rows_are_read_while_others_materialize(redis: str, tmp_path: Path) -> None:
    dataset = factories.rich_dataset(users=4, count=5, events=30)
    materialize(dataset, dataset.now, redis=redis, folder=tmp_path)
    settings = FeastSettings(redis, tmp_path, timeout_seconds=5.0)
    registry = FeastStore(settings)._feast.registry
    view = registry.get_feature_view("user_rows", "hidden_gems")
    assert view.state == FeatureViewState.AVAILABLE_ONLINE
    view.state = FeatureViewState.MATERIALIZING
    registry.apply_feature_view(view, "hidden_gems")
    store = FeastStore(settings, overwrite=True)
    assert store._feast.registry.get_feature_view("user_rows", "hidden_gems").state == FeatureViewState.MATERIALIZING
    [found] = store.read_users(["u1"])
    assert found is not None
    store.write_users({"u1": found.row}, dataset.now + 7)
    assert [each and each.timestamp for each in store.read_users(["u1"])] == [dataset.now + 7]


def test_a_redis_that_is_away_is_named(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    settings = FeastSettings(address, tmp_path)
    apply(settings)
    store = FeastStore(settings)
    with pytest.raises(PartUnavailableError, match=f"features is unavailable: Redis at {address}"):
        store.read_users(["u1"])
    with pytest.raises(PartUnavailableError) as caught:
        store.write_items(snapshot(factories.rich_dataset(events=10), factories.MONDAY)[1], 5)
    assert caught.value.part == "features"


def test_feast_itself_loads_the_definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FeastSettings("127.0.0.1:1", tmp_path).environment().items():
        monkeypatch.setenv(name, value)
    repo = Path("feature_repo").absolute()
    monkeypatch.chdir(repo)
    monkeypatch.syspath_prepend(str(repo))
    found = parse_repo(repo)
    for path in repo.glob("*.py"):
        sys.modules.pop(path.stem)
    assert {view.name: len(view.schema) for view in found.feature_views} == {
        "user_rows": 1 + len(USER), "item_rows": 1 + len(ITEM),
    }  # fmt: skip
    assert [service.name for service in found.feature_services] == [FEATURE_SERVICE]
    assert {source.name for source in found.data_sources} >= {"user_rows_push", "item_rows_push"}


def test_where_the_registry_is_sql_production_holds(redis: str, tmp_path: Path) -> None:
    dataset = factories.rich_dataset()
    access = RedisAccess(redis, username="default", password="any, for this one knows no users")
    settings = FeastSettings(access, tmp_path / "rows", 5.0, registry=f"sqlite:///{tmp_path / 'registry.sqlite'}")
    told = yaml.safe_load(settings.told())
    assert (told["registry"]["registry_type"], told["registry"]["path"]) == ("sql", settings.registry)
    assert "redis_type" not in told["online_store"]  # one shard
    users, _ = snapshot(dataset, dataset.now)
    store = HotStore(RedisKeyValue(access))  # of a learner that was here before anything was materialized
    store.write_users({"early": users["u1"]}, 5)
    counts = materialize(dataset, dataset.now, redis=access, folder=tmp_path / "rows", registry=settings.registry)
    assert counts == {"users": 30, "items": 40, "replaced": 0}
    assert_parity(dataset, dataset.now, FeastStore(settings))
    assert not (tmp_path / "rows" / "registry.db").exists()
    store.write_users({"u1": users["u2"]}, dataset.now + 5)
    assert [found and found.timestamp for found in store.read_users(["early", "u1"])] == [5, dataset.now + 5]


def test_a_registry_that_is_away_is_named(tmp_path: Path) -> None:
    nowhere = FeastSettings("127.0.0.1:1", tmp_path, registry=f"sqlite:///{tmp_path / 'none' / 'registry.sqlite'}")
    with pytest.raises(PartUnavailableError, match="features is unavailable: the registry of Feast: "):
        apply(nowhere)


def test_loading_definitions_leaves_the_process_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMS_FEAST_REDIS", "mine")
    monkeypatch.delenv("GEMS_FEAST_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "entities", ModuleType("entities"))
    before, path = sys.modules["entities"], list(sys.path)
    settings = FeastSettings("127.0.0.1:1", tmp_path)
    found = definitions(settings.definitions(), settings.environment())
    assert sorted(thing.name for thing in found if isinstance(thing, FeatureView | Entity)) == [
        "item", "item_rows", "user", "user_rows",
    ]  # fmt: skip
    assert (os.environ["GEMS_FEAST_REDIS"], "GEMS_FEAST_DATA" in os.environ) == ("mine", False)
    assert (sys.modules["entities"], sys.path) == (before, path)
    assert "feature_views" not in sys.modules


def test_definitions_that_are_missing_or_broken_are_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "feature_store.yaml").write_text(Path("feature_repo/feature_store.yaml").read_text())
    (broken / "entities.py").write_text("raise RuntimeError('no such thing')\n")
    with pytest.raises(StepFailedError, match=r"broken/entities\.py cannot be loaded: no such thing"):
        apply(FeastSettings("127.0.0.1:1", tmp_path, repo=broken))
    monkeypatch.delenv("GEMS_FEATURE_REPO")
    with pytest.raises(BadInputError, match="set GEMS_FEATURE_REPO"):
        apply(FeastSettings("127.0.0.1:1", tmp_path, repo=tmp_path))
