"""`gems features materialize` from an archive in a bucket into a real Redis, beside a learner's newer rows."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from hidden_gems.cli.__main__ import app
from hidden_gems.cli.processes import redis_server
from hidden_gems.core import erasures
from hidden_gems.core.addresses import files_below, reading
from hidden_gems.core.errors import BadInputError
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.datasets.archive import impression_rows, interaction_rows, write_parts
from hidden_gems.datasets.blank import blank
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.history import with_history
from hidden_gems.events.records import Interaction, Place, Slate
from hidden_gems.features.feast_store import FeastSettings, FeastStore
from hidden_gems.features.hot_store import HotStore
from hidden_gems.features.rows import NEW
from hidden_gems.features.snapshot import snapshot
from tests import factories
from tests.buckets import bucket

TIMEZONE = "Europe/Istanbul"
PEOPLE = ("ada", "bob", "cem")


def archived(history: str, start: int) -> int:
    """Put an hour of three people into an archive; the second of the last event."""
    place = Place("g1", 0, 0.5, 1.0, ("near",), (0.0,))
    clicks = [
        Interaction(f"e{n}", PEOPLE[n % 3], f"g{n % 5}", "click", start + 60.0 * n, start + 60.0 * n) for n in range(60)
    ]
    slates = [Slate(f"s{n}", PEOPLE[n % 3], start + 60.0 * n, "p", "r", "f", 1, (place,)) for n in range(0, 60, 4)]
    write_parts(history, "interactions", [row for each in clicks for row in interaction_rows(each)])
    write_parts(history, "impressions", [row for each in slates for row in impression_rows(each)])
    return start + 60 * 59


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FeastSettings]:
    """Where the command is told to write, and to read its registry."""
    with redis_server(tmp_path / "redis") as redis, bucket("materialized") as address:
        registry = f"sqlite:///{tmp_path / 'registry.sqlite'}"
        told = {
            "GEMS_REDIS": redis,
            "GEMS_REDIS_USERNAME": "default",
            "GEMS_REDIS_PASSWORD": "local-only",
            "GEMS_HISTORY": f"{address}/{tmp_path.name}/history",
            "GEMS_FEAST_FOLDER": f"{address}/{tmp_path.name}/feast",
            "GEMS_FEAST_REGISTRY": registry,
            "GEMS_FEATURE_REPO": "feature_repo",
        }
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        yield FeastSettings(redis, tmp_path / "here", 5.0, registry=registry)


def materialized(*arguments: str) -> dict[str, int]:
    done = CliRunner().invoke(app, ["features", "materialize", *arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def rows_are_those_of(dataset: Dataset, at: int, settings: FeastSettings, people: list[str]) -> None:
    users, items = snapshot(dataset, at)
    reader = FeastStore(settings)
    found = reader.read_users(people)
    assert [row and (row.row.pack(), row.timestamp) for row in found] == [(users[name].pack(), at) for name in people]
    gems = reader.read_items(list(items))
    assert [row and row.row.pack() for row in gems] == [row.pack() for row in items.values()]


def test_an_archive_alone_is_enough(store: FeastSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    history = f"s3://materialized/{tmp_path.name}/history"
    assert materialized() == {"users": 0, "items": 0, "replaced": 0}
    at = archived(history, factories.MONDAY) + 1
    dataset = with_history(blank("history", TIMEZONE), history)
    fresher = snapshot(dataset, at)[0]["cem"]
    learner = HotStore(RedisKeyValue(store.redis, 5.0))
    learner.write_users({"bob": fresher}, at + 5)  # it has seen more by now
    erasures.note(RedisKeyValue(store.redis, 5.0), "cem", at + 1.0)
    assert materialized() == {"users": 2, "items": 5, "replaced": 0}
    assert materialized() == {"users": 2, "items": 5, "replaced": 0}
    left = replace(dataset, **{
        table: getattr(dataset, table)[getattr(dataset, table)["user_id"] != "cem"].reset_index(drop=True)
        for table in ("interactions", "impressions", "users")
    })  # fmt: skip
    rows_are_those_of(left, at, store, ["ada"])
    bob, cem = FeastStore(store).read_users(["bob", "cem"])
    assert bob is not None
    assert (bob.row.pack(), bob.timestamp, cem) == (fresher.pack(), at + 5, None)
    offline = [each for each in files_below(f"s3://materialized/{tmp_path.name}/feast") if "user_rows" in each]
    with reading(offline[0]) as file:
        assert set(pd.read_parquet(file)["user_id"]) == {NEW, "ada", "bob"}


def test_an_archive_goes_on_from_a_dataset(store: FeastSettings, tmp_path: Path) -> None:
    before = factories.rich_dataset(users=6, count=8, events=60)
    (tmp_path / "data").mkdir()
    columns = ["user_id", "item_id", "timestamp"]
    before.interactions[columns].to_parquet(tmp_path / "data" / "interactions.parquet")
    history = f"s3://materialized/{tmp_path.name}/history"
    at = archived(history, before.now) + 1
    found = materialized("--data", str(tmp_path / "data"))
    assert (found["users"], found["replaced"]) == (9, 0)
    pseudonyms = Pseudonyms.load(tmp_path)
    people = [*PEOPLE, *(pseudonyms.of(name) for name in before.users["user_id"])]
    assert [row and row.timestamp for row in FeastStore(store).read_users(people)] == [at] * 9


def test_nothing_to_go_by_is_said_so(store: FeastSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMS_HISTORY")
    with pytest.raises(BadInputError, match="name a dataset, the archive, or both"):
        materialized()
