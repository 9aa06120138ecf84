"""A simulated city whose last weeks arrive as a stream: rows must be what counting the whole history gives."""

import math

import numpy as np
import pandas as pd
import pytest

from hidden_gems.core.ids import Pseudonyms
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.validation import check_folder
from hidden_gems.features.counts import raw_columns
from hidden_gems.features.event_rows import item_table
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.request import RequestContext, request_columns, user_row
from hidden_gems.features.rows import ItemRow, UserRow
from hidden_gems.features.snapshot import answers, snapshot
from hidden_gems.features.store import MemoryStore
from hidden_gems.features.stream import LiveRows, remember_answers
from hidden_gems.simulation.write import simulate
from tests.unit.features.replay import Batch, batches

PEOPLE, DAYS = 60, 45


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("city")
    simulate(folder / "raw", PEOPLE, DAYS, seed=3)
    return check_folder(folder / "raw", pseudonyms=Pseudonyms(b"test")).dataset


@pytest.fixture(scope="module")
def start(city: Dataset) -> int:
    """Two weeks before the end, in the middle of the answers to one slate."""
    events = city.interactions[city.interactions["reward"] >= 0.3].dropna(subset=["slate_id"])
    events = events[events["timestamp"] >= city.now - 14 * 86_400]
    twice = events.groupby(["slate_id", "item_id"])["timestamp"].agg(["min", "max"])
    return int(twice.loc[twice["min"] < twice["max"], "max"].iloc[0])


def streamed(city: Dataset, start: int, changes: list[Batch]) -> MemoryStore:
    store, keys = MemoryStore(overwrite=True), MemoryKeyValue()
    users, items = snapshot(city.before(start), start)
    store.write_users(users, start)
    store.write_items(items, start)
    remember_answers(answers(city, start), keys)
    live = LiveRows(store, item_table(city.items), timezone=city.about.timezone, keys=keys, people=20)
    for interactions, slates, at in changes:
        live.apply(interactions, slates, at)
    return store


def stored(store: MemoryStore, city: Dataset, at: int) -> tuple[dict[str, UserRow], dict[str, ItemRow]]:
    """Rows of everyone and everything as of a second."""
    users, items = snapshot(city, at)
    people = {name: found.row.at(at) for name, found in zip(users, store.read_users(list(users)), strict=True) if found}
    rows = {name: found.row.at(at) for name, found in zip(items, store.read_items(list(items)), strict=True) if found}
    top = ItemRows.of(rows).top_likes(at)
    return people, {name: row.with_top(top) for name, row in rows.items()}


@pytest.mark.parametrize("seed", [0, 1])
def test_a_city_that_is_streamed_ends_with_the_rows_of_its_history(city: Dataset, start: int, seed: int) -> None:
    changes = list(batches(city, start, seed, most=120))
    assert sum(len(interactions) for interactions, _, _ in changes) > 800
    assert sum(len(slate.places) for _, slates, _ in changes for slate in slates) > 2_000
    people, gems = stored(streamed(city, start, changes), city, city.now)
    users, items = snapshot(city, city.now)
    assert {name: row.pack() for name, row in people.items()} == {name: row.pack() for name, row in users.items()}
    assert {name: row.pack() for name, row in gems.items()} == {name: row.pack() for name, row in items.items()}


def test_a_request_in_the_stream_sees_what_training_will_see(city: Dataset, start: int) -> None:
    changes = list(batches(city, start, 2, most=120))
    half = changes[: len(changes) // 2]
    at = half[-1][2]
    changes = [(events, slates, second) for events, slates, second in changes if second <= at]
    store, table = streamed(city, start, changes), item_table(city.items)
    gems, ids = ItemRows.read(store, city.items["item_id"].tolist()), city.items["item_id"].tolist()
    served, marks = [], []
    for later in (0, 3 * 3600, 2 * 86_400, 8 * 86_400):
        for user in [*city.users["user_id"].iloc[:5], "nobody"]:
            context = RequestContext(at + later, city.about.timezone)
            served.append(pd.DataFrame(request_columns(user_row(store, user), gems, ids, items=table, context=context)))
            marks.append(pd.DataFrame({"user_id": user, "item_id": ids, "timestamp": at + later}))
    trained = raw_columns(city.before(at), pd.concat(marks, ignore_index=True))
    pd.testing.assert_frame_equal(pd.concat(served, ignore_index=True)[list(trained)], trained, check_exact=True)
    assert trained["item_top_likes"].nunique() > 1


def test_events_out_of_order_are_counted_alike(city: Dataset, start: int) -> None:
    random = np.random.default_rng(5)
    events = [each for interactions, _, _ in batches(city, start, 0) for each in interactions]
    slates = [each for _, shown, _ in batches(city, start, 0) for each in shown]
    late = sorted(events, key=lambda each: math.floor(each.timestamp) + random.uniform(0, 3 * 86_400))
    assert [each.event_id for each in late] != [each.event_id for each in events]
    people, gems = stored(
        streamed(city, start, [(late[::2], slates, city.now), (late[1::2], [], city.now)]), city, city.now
    )
    users, items = snapshot(city, city.now)
    assert {name: row.pack() for name, row in gems.items()} == {name: row.pack() for name, row in items.items()}
    for name, row in users.items():
        assert people[name].totals[:-2] == pytest.approx(row.totals[:-2], abs=0, nan_ok=True)  # all but the last place
        assert {key: value[0] for key, value in people[name].own.items()} == {k: v[0] for k, v in row.own.items()}
        assert (people[name].types, people[name].neighborhoods) == (row.types, row.neighborhoods)
        assert people[name].recent == row.recent == tuple(sorted(row.recent))
        assert sorted(people[name].path) == sorted(row.path)
        assert [second for _, second in people[name].path] == [second for _, second in row.path]
