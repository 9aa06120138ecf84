from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.features.counts import raw_columns
from hidden_gems.features.raw import CONTEXT, NEEDS_TIME, RAW_COLUMNS, STATIC
from tests import factories
from tests.unit.features.oracle import Oracle

DAY = 86_400


def marks(dataset: Dataset, count: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    times = dataset.interactions["timestamp"].to_numpy()
    return pd.DataFrame(
        {
            "user_id": random.choice([*dataset.users["user_id"], "nobody"], count),
            "item_id": random.choice([*dataset.items["item_id"], "nowhere"], count),
            "timestamp": np.where(
                random.random(count) < 0.5, random.choice(times, count), random.integers(times[0], times[-1], count)
            ),
        }
    )


def visits(*events: tuple[str, str, int]) -> Dataset:
    plain = factories.plain_dataset(users=2, items=2, events=2)
    table = pd.DataFrame(events, columns=["user_id", "item_id", "timestamp"]).assign(event_type="visit", reward=1.0)
    gems = pd.DataFrame({"item_id": sorted(table["item_id"].unique())})
    return replace(plain, interactions=table, items=gems)


def at_times(dataset: Dataset, user: str, item: str, *at: int) -> pd.DataFrame:
    return raw_columns(dataset, pd.DataFrame({"user_id": user, "item_id": item, "timestamp": at}))


def one(dataset: Dataset, user: str, item: str, at: int) -> pd.Series:
    return at_times(dataset, user, item, at).iloc[0]


def test_counts_sums_and_times_are_those_of_the_definitions() -> None:
    dataset = factories.rich_dataset(users=8, count=12, events=500)
    asked = marks(dataset, 100)
    oracle = Oracle(dataset)
    expected = pd.DataFrame([oracle.row(u, i, t) for u, i, t in asked.itertuples(index=False)]).astype(float)
    raw = raw_columns(dataset, asked)
    assert set(expected) == set(RAW_COLUMNS) - set(STATIC) - set(CONTEXT)
    for name in expected:
        np.testing.assert_array_equal(raw[name], expected[name], err_msg=name)
    assert (expected.fillna(0).abs().max() > 0).all()  # every column was put to the test


def test_every_column_is_there_in_order_and_in_float64() -> None:
    dataset = factories.rich_dataset(events=50)
    raw = raw_columns(dataset, marks(dataset, 7))
    assert list(raw) == list(RAW_COLUMNS)
    assert set(raw.dtypes) == {np.dtype(np.float64)}
    assert len(raw) == 7


def test_the_second_of_the_mark_itself_does_not_count() -> None:
    start = factories.MONDAY
    dataset = visits(("u", "g", start), ("u", "g", start + 10), ("u", "g", start + 10))
    raw = at_times(dataset, "u", "g", start, start + 10, start + 11)
    for name in ("user_likes", "item_likes", "own_likes"):
        assert raw[name].tolist() == [0, 1, 3]
    assert raw["own_last_time"].iloc[1:].tolist() == [start, start + 10]


@pytest.mark.parametrize(("days", "name"), [(7, "likes_7d"), (30, "likes_30d")])
def test_a_window_forgets_after_its_last_second(days: int, name: str) -> None:
    start = factories.MONDAY
    dataset = visits(("u", "g", start))
    raw = at_times(dataset, "u", "g", start + days * DAY, start + days * DAY + 1)
    assert raw[f"user_{name}"].tolist() == raw[f"item_{name}"].tolist() == [1, 0]


def test_the_most_liked_gem_is_counted_over_thirty_full_days_before_the_day() -> None:
    start = factories.MONDAY
    dataset = visits(("u", "g", start), ("v", "g", start + DAY - 1), ("v", "h", start + 5))
    at = (start + DAY - 1, start + DAY, start + 31 * DAY - 1, start + 31 * DAY)  # at the first the day is not over
    assert at_times(dataset, "u", "h", *at)["item_top_likes"].tolist() == [0, 2, 2, 0]


def test_of_two_places_in_one_second_the_later_row_is_the_last_known() -> None:
    start = factories.MONDAY
    dataset = visits(("u", "g", start), ("u", "h", start))
    placed = replace(dataset, interactions=dataset.interactions.assign(lat=[41.0, 41.1], lon=[29.0, 29.1]))
    assert one(placed, "u", "g", start + 1)[["user_last_lat", "user_last_lon"]].tolist() == [41.1, 29.1]


def test_two_answers_to_one_impression_count_once() -> None:
    start = factories.MONDAY
    dataset = visits(*(("u", "g", start + second) for second in range(3)))
    table = dataset.interactions.assign(slate_id=["a", "a", "b"])
    shown = pd.DataFrame({"slate_id": ["a", "b"], "user_id": "u", "timestamp": start, "item_id": "g", "position": 0})
    raw = one(replace(dataset, interactions=table, impressions=shown), "u", "g", start + 9)
    assert raw[["item_answers", "item_impressions"]].tolist() == [2, 2]


def test_reports_about_the_product_are_not_feedback() -> None:
    start = factories.MONDAY
    dataset = visits(("u", "g", start), ("u", "g", start + 1))
    table = dataset.interactions.assign(event_type=["visit", "trust_answer"])
    assert one(replace(dataset, interactions=table), "u", "g", start + 9)["user_interactions"] == 1


def test_live_feedback_without_a_valid_token_moves_no_counts() -> None:
    dataset = factories.rich_dataset(users=8, count=12, events=400)
    random = np.random.default_rng(3)
    told = pd.array(random.choice(np.array([True, False, None], dtype=object), 400), dtype="boolean")
    asked = marks(dataset, 100)
    mixed = replace(dataset, interactions=dataset.interactions.assign(signed=told))
    counted = dataset.interactions[told.fillna(True).to_numpy(bool)].reset_index(drop=True)
    assert 200 < len(counted) < 330
    expected = raw_columns(replace(dataset, interactions=counted), asked)
    pd.testing.assert_frame_equal(raw_columns(mixed, asked), expected)
    for flags in (told.to_numpy(dtype=object, na_value=None), told.to_numpy(dtype=object, na_value=np.nan)):
        other = replace(dataset, interactions=dataset.interactions.assign(signed=flags))
        pd.testing.assert_frame_equal(raw_columns(other, asked), expected)
    plain = replace(dataset, interactions=dataset.interactions.assign(signed=np.zeros(400, dtype=bool)))
    assert (raw_columns(plain, asked)["user_interactions"] == 0).all()


def test_interactions_alone_are_enough() -> None:
    dataset = factories.plain_dataset(events=60)
    raw = raw_columns(dataset, marks(dataset, 40))
    unknown = {"item_answers", "item_impressions", *STATIC, "weather", "temperature_c", "lat", "lon"}
    unknown -= {"item_has_type", "item_has_neighborhood"}
    assert raw[sorted(unknown)].isna().all().all()
    assert raw[["user_likes", "item_likes", "own_likes"]].notna().all().all()
    assert raw["item_has_type"].eq(0).all()


def test_an_order_has_no_hours_windows_or_ages() -> None:
    dataset = factories.plain_dataset(order_only=True, events=80)
    raw = raw_columns(dataset, marks(dataset, 40))
    assert raw[sorted(NEEDS_TIME)].isna().all().all()
    assert raw[["local_hour", "weekday", "day_of_year", "item_created_at"]].isna().all().all()
    assert raw["user_likes"].max() > 0


def test_an_order_knows_the_most_liked_gem_so_far() -> None:
    dataset = visits(("u", "g", 1), ("u", "h", 2), ("u", "g", 3), ("u", "h", 4), ("u", "h", 5))
    dataset = replace(dataset, about=replace(dataset.about, order_only=True))
    assert at_times(dataset, "u", "g", 1, 2, 3, 4, 5, 6)["item_top_likes"].tolist() == [0, 1, 1, 2, 2, 3]


def test_context_comes_from_the_marks() -> None:
    dataset = factories.plain_dataset(events=20)
    asked = pd.DataFrame(
        {
            "user_id": ["u1", "u1"], "item_id": ["g0", "g0"], "timestamp": [factories.MONDAY + 3600] * 2,
            "weather": ["rainy", None], "temperature_c": [12.0, None], "lat": [41.0, None], "lon": [29.0, None],
        }
    )  # fmt: skip
    raw = raw_columns(dataset, asked)
    assert raw["weather"].iloc[0] == 0.75
    assert raw[["local_hour", "weekday", "day_of_year"]].iloc[0].tolist() == [4.0, 0.0, 124.0]
    assert raw[["temperature_c", "lat", "lon"]].iloc[0].tolist() == [12.0, 41.0, 29.0]
    assert raw[["weather", "temperature_c", "lat", "lon"]].iloc[1].isna().all()


def test_a_mark_without_a_time_is_refused_by_name() -> None:
    with pytest.raises(BadInputError, match="missing: timestamp"):
        raw_columns(factories.plain_dataset(events=5), pd.DataFrame({"user_id": ["u1"], "item_id": ["g1"]}))
