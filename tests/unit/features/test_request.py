import subprocess
import sys

import numpy as np
import pytest

from hidden_gems.datasets.dataset import Dataset
from hidden_gems.features.event_rows import item_table
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.request import RequestContext, request_columns, user_row
from hidden_gems.features.rows import NEW, NEW_ITEM, NEW_USER, ItemRow, UserRow
from hidden_gems.features.snapshot import item_rows, snapshot, user_rows
from hidden_gems.features.store import MemoryStore
from tests import factories
from tests.unit.features.parity import assert_parity


def middle(dataset: Dataset) -> int:
    return int(dataset.interactions["timestamp"].iloc[int(0.7 * len(dataset.interactions))])


def stored(dataset: Dataset, at: int) -> MemoryStore:
    store = MemoryStore()
    users, items = snapshot(dataset, at)
    store.write_users(users, at)
    store.write_items(items, at)
    return store


@pytest.fixture(scope="module")
def rich() -> tuple[Dataset, MemoryStore]:
    """A dataset, and the rows of everyone and everything in its middle; to be read."""
    dataset = factories.rich_dataset()
    return dataset, stored(dataset, middle(dataset))


@pytest.mark.parametrize(
    "dataset",
    [factories.rich_dataset(), factories.plain_dataset(), factories.plain_dataset(order_only=True)],
    ids=["rich", "interactions alone", "order only"],
)
def test_a_request_sees_what_training_sees(dataset: Dataset) -> None:
    at = middle(dataset)
    assert_parity(dataset, at, stored(dataset, at))


@pytest.mark.parametrize("later", [1, 3 * 3600, 2 * 86_400, 8 * 86_400, 29 * 86_400 + 7, 30 * 86_400, 45 * 86_400])
def test_a_request_later_than_the_rows_still_sees_what_training_sees(
    rich: tuple[Dataset, MemoryStore], later: int
) -> None:
    dataset, store = rich
    at = middle(dataset)
    assert_parity(dataset.before(at), at + later, store)


def test_feedback_in_the_second_of_a_request_is_counted_but_lies_in_no_window() -> None:
    rows = UserRow((*NEW_USER.totals[:1], 2.0, *NEW_USER.totals[2:]), recent=(factories.MONDAY, factories.MONDAY + 1))
    gem = ItemRow(NEW_ITEM.totals, (factories.MONDAY, factories.MONDAY + 1))
    for second, within in ((0, 0), (1, 1), (2, 2)):
        raw = request_columns(
            rows, ItemRows.of({"g1": gem}), ["g1"],
            items=item_table(factories.items()), context=RequestContext(factories.MONDAY + second, "Europe/Istanbul"),
        )  # fmt: skip
        windows = ("user_likes_7d", "user_likes_30d", "item_likes_7d", "item_likes_30d")
        assert [raw[name].tolist() for name in windows] == [[within]] * 4
        assert raw["user_likes"].tolist() == [2.0]


def test_snapshots_of_one_side_are_those_of_both() -> None:
    dataset = factories.rich_dataset(events=100)
    at = middle(dataset)
    users, items = snapshot(dataset, at)
    assert {name: row.pack() for name, row in user_rows(dataset, at).items()} == {n: r.pack() for n, r in users.items()}
    assert {name: row.pack() for name, row in item_rows(dataset, at).items()} == {n: r.pack() for n, r in items.items()}
    assert set(users) == {NEW, *dataset.users["user_id"]}
    assert set(items) == {NEW, *dataset.items["item_id"]}
    assert set(users[NEW].totals) - {0.0} == {value for value in users[NEW].totals if np.isnan(value)}


def test_an_empty_store_answers_with_a_new_person_and_new_gems() -> None:
    dataset = factories.rich_dataset(events=20)
    raw = request_columns(
        user_row(MemoryStore(), "u1"), ItemRows.read(MemoryStore(), ["g1"]), ["g1", "nowhere"],
        items=item_table(dataset.items), context=RequestContext(factories.MONDAY, "Europe/Istanbul"),
    )  # fmt: skip
    assert raw["user_likes"].tolist() == raw["item_likes"].tolist() == raw["own_likes"].tolist() == [0.0, 0.0]
    assert np.isnan(raw["user_last_time"]).all()
    assert np.isnan(raw["lat"]).all()


def test_no_candidates_make_no_rows() -> None:
    raw = request_columns(
        NEW_USER, ItemRows.of({}), [], items=item_table(factories.items()), context=RequestContext(1, "Europe/Istanbul")
    )
    assert {len(column) for column in raw.values()} == {0}


def test_serving_imports_neither_pandas_nor_an_engine() -> None:
    code = (
        "import sys, hidden_gems.features.request, hidden_gems.features.vector\n"
        "print([m for m in ('pandas', 'ibis', 'duckdb', 'feast', 'torch', 'pyarrow') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
