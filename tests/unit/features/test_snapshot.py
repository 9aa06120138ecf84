import pandas as pd
import pytest

from hidden_gems.datasets.dataset import Dataset
from hidden_gems.features.rows import NEW, PATH_LENGTH
from hidden_gems.features.snapshot import answers, snapshot
from tests import factories

DAY, AT = 86_400, factories.MONDAY + 40 * 86_400


def told(*events: tuple[str | None, str, str, float, int]) -> Dataset:
    """Events of one person: slate, item, type, reward, seconds before `AT`."""
    table = pd.DataFrame(events, columns=["slate_id", "item_id", "event_type", "reward", "timestamp"])
    table["timestamp"] = AT - table["timestamp"]
    table = table.assign(user_id="u", value=float("nan")).sort_values("timestamp", ignore_index=True)
    gems, people = pd.DataFrame({"item_id": ["a", "b"]}), pd.DataFrame({"user_id": ["u"]})
    plain = factories.plain_dataset()
    return Dataset(table, gems, people, plain.impressions, plain.about)


def test_answers_are_clicks_and_better_of_the_last_eight_days() -> None:
    dataset = told(
        ("s1", "a", "click", 0.3, 1), ("s1", "a", "visit", 1.0, 1), ("s1", "b", "view", 0.1, 1),
        (None, "a", "click", 0.3, 1), ("s2", "a", "save", 0.7, 8 * DAY), ("s3", "a", "save", 0.7, 8 * DAY + 1),
        ("s4", "b", "visit", 1.0, 0), ("s6", "b", "click", 0.3, 2), ("s5", "b", "trust_answer", 0.9, 5),
    )  # fmt: skip
    assert sorted(answers(dataset, AT)) == [("s1", "a"), ("s2", "a"), ("s6", "b")]
    assert answers(factories.plain_dataset(), factories.MONDAY + 9 * DAY) == []


@pytest.mark.parametrize(("seconds", "known"), [(0, False), (1, True), (31 * DAY, True), (31 * DAY + 1, False)])
def test_rows_remember_the_likes_of_31_days_before_them(seconds: int, known: bool) -> None:
    users, items = snapshot(told((None, "a", "visit", 1.0, seconds), (None, "a", "skip", -0.1, 5)), AT)
    expected = (AT - seconds,) if known else ()
    assert users["u"].recent == items["a"].recent == expected
    assert users[NEW].recent == items[NEW].recent == items["b"].recent == ()


def test_likes_are_remembered_oldest_first_each_with_its_own() -> None:
    events = [(None, "ab"[number % 2], "visit", 1.0, 100 - number // 3) for number in range(9)]
    users, items = snapshot(told(*events), AT)
    seconds = [AT - 100 + number // 3 for number in range(9)]
    assert users["u"].recent == tuple(seconds)
    assert items["a"].recent == tuple(seconds[::2])
    assert items["b"].recent == tuple(seconds[1::2])


def test_an_order_remembers_no_times() -> None:
    dataset = factories.plain_dataset(order_only=True)
    users, items = snapshot(dataset, dataset.now)
    assert {row.recent for row in (*users.values(), *items.values())} == {()}


def test_a_path_holds_likes_before_the_second_repeats_included() -> None:
    events = [
        (None, "b", "visit", 1.0, 400 * DAY), (None, "a", "click", 0.3, 9), (None, "a", "skip", -0.1, 8),
        (None, "b", "dwell", 0.0, 7), (None, "a", "save", 0.7, 1), (None, "b", "visit", 1.0, 0),
    ]  # fmt: skip
    users, _ = snapshot(told(*events), AT)
    assert users["u"].path == (("b", AT - 400 * DAY), ("a", AT - 9), ("a", AT - 1))
    assert users[NEW].path == ()


def test_a_path_holds_the_last_likes_of_one_second_in_their_order() -> None:
    assert PATH_LENGTH == 200
    events = [(None, "ab"[number % 3 == 0], "visit", 1.0, 300 - number // 10) for number in range(205)]
    users, _ = snapshot(told(*events), AT)
    assert users["u"].path == tuple(("ab"[n % 3 == 0], AT - 300 + n // 10) for n in range(5, 205))


def test_an_order_has_a_path() -> None:
    dataset = factories.plain_dataset(order_only=True)
    users, _ = snapshot(dataset, dataset.now)
    table = dataset.interactions[dataset.interactions["reward"] > 0]
    for name, row in users.items():
        mine = table[table["user_id"] == name]
        assert row.path == tuple(zip(mine["item_id"], mine["timestamp"], strict=True))
    assert any(row.path for row in users.values())
