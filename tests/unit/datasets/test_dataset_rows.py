"""Rows: how many bad ones are too many, what an event must be, what comes twice, which words are ours."""

import numpy as np
import pandas as pd
import pytest

from hidden_gems.datasets.rows import REJECTED_COLUMNS, TooManyBadRowsError
from hidden_gems.events.kinds import KINDS, reward_of

START = 1_700_000_000


def visits(count: int, bad: int = 0) -> pd.DataFrame:
    table = pd.DataFrame({"user_id": "u", "item_id": "g", "timestamp": START + np.arange(count)})
    table.loc[table.index[:bad], "timestamp"] = -1
    return table


@pytest.mark.parametrize(("rows", "bad"), [(100, 1), (300, 3), (700, 7), (1, 0)])
def test_exactly_one_percent_is_accepted(check, rows: int, bad: int) -> None:
    checked = check({"interactions": visits(rows, bad)}, max_rejected_share=0.01)
    assert checked.counts()["rejected"] == bad
    assert checked.counts()["interactions"] == rows - bad
    assert checked.counts()["rejected_share"] == bad / rows


@pytest.mark.parametrize(("rows", "bad", "share"), [(99, 1, "1.01%"), (1000, 20, "2.00%"), (2, 1, "50.00%")])
def test_more_is_an_error_with_the_reason_an_example_and_the_rows(check, rows: int, bad: int, share: str) -> None:
    with pytest.raises(TooManyBadRowsError) as caught:
        check({"interactions": visits(rows, bad)}, max_rejected_share=0.01)
    message = str(caught.value)
    assert message.startswith("interactions.parquet in ")
    assert message.endswith(
        f": {bad:,} of {rows:,} rows are bad ({share}, at most 1.00% may be); most often timestamp: negative, "
        "for example in row 1 ('-1')"
    )
    assert caught.value.rejected["row"].tolist() == list(range(1, bad + 1))


def test_the_share_is_counted_in_each_file(check) -> None:
    items = pd.DataFrame({"item_id": [f"g{row}" for row in range(10)], "authenticity": [2.0] + [0.5] * 9})
    tables = {"interactions": visits(1000), "items": items}
    assert check(tables, max_rejected_share=0.1).counts()["rejected_share"] == 0.1
    with pytest.raises(TooManyBadRowsError, match=r"^items.parquet .* 1 of 10 rows .* row 1 \('2.0'\)$"):
        check(tables, max_rejected_share=0.09)


def test_the_most_frequent_reason_is_named(check) -> None:
    table = visits(10, bad=3).astype({"user_id": object})
    table.loc[[5, 6, 7, 8], "user_id"] = "x" * 65
    with pytest.raises(TooManyBadRowsError, match=r"7 of 10 .* user_id: longer than 64 characters.*row 6 \('65 char"):
        check({"interactions": table}, max_rejected_share=0.5)


def test_a_row_is_set_aside_once_with_its_first_reason(check) -> None:
    text = f"user_id,item_id,timestamp\nu,g,{START}\n,g,-1\nu,g,-1\n"
    rejected = check({"interactions": text}).rejected
    assert rejected.columns.tolist() == list(REJECTED_COLUMNS)
    assert rejected.to_numpy().tolist() == [
        ["interactions.csv", 2, "user_id", "no user_id", None],
        ["interactions.csv", 3, "timestamp", "negative", "-1"],
    ]


def test_without_bad_rows_the_table_of_them_is_empty_but_whole(check) -> None:
    rejected = check({"interactions": visits(2)}).rejected
    assert rejected.columns.tolist() == list(REJECTED_COLUMNS)
    assert len(rejected) == 0
    assert rejected["row"].dtype == np.int64


def test_half_a_coordinate(check) -> None:
    text = f"user_id,item_id,timestamp,lat,lon\nu,a,{START},41,29\nu,b,{START},,29\nu,c,{START},41,\nu,d,{START},,\n"
    checked = check({"interactions": text})
    assert checked.dataset.interactions["item_id"].tolist() == ["a", "d"]
    assert checked.rejected[["row", "column", "reason", "value"]].to_numpy().tolist() == [
        [2, "lat", "half a coordinate", None],
        [3, "lon", "half a coordinate", None],
    ]


@pytest.mark.parametrize(("present", "absent"), [("lat", "lon"), ("lon", "lat")])
def test_a_coordinate_column_without_the_other_is_a_missing_feature(check, present: str, absent: str) -> None:
    checked = check({"interactions": f"user_id,item_id,timestamp,{present}\nu,a,{START},41\n"})
    assert checked.warnings == (
        f"interactions.csv: the column {present} is not used because there is no column {absent}.",
    )
    assert checked.dataset.interactions[["lat", "lon"]].isna().all(axis=None)
    assert checked.rejected.empty


def test_events_have_the_rewards_of_the_one_table(check) -> None:
    values = {"dwell": 60.0, "rating": 4.0, "relevance_rating": 5.0, "explanation_rating": 1.0, "trust_answer": 1.0}
    table = pd.DataFrame({"user_id": "u", "item_id": "g", "timestamp": START, "event_type": list(KINDS)})
    table["value"] = table["event_type"].map(values)
    read = check({"interactions": table}).dataset.interactions
    assert read["event_type"].tolist() == list(KINDS)
    assert read["reward"].tolist() == [reward_of(kind, values.get(kind)) for kind in KINDS]
    assert dict(zip(read["event_type"], read["reward"], strict=True)) == {
        "impression": 0.0, "shown": 0.0, "view": 0.1, "click": 0.3, "dwell": 0.25, "save": 0.7, "share": 0.8,
        "visit": 1.0, "rating": 0.75, "skip": -0.1, "dismiss": -0.5, "relevance_rating": 0.0,
        "explanation_rating": 0.0, "trust_answer": 0.0,
    }  # fmt: skip
    assert read["reward"].dtype == np.float64


def test_ratings_and_dwell_times_are_rewarded_one_by_one(check) -> None:
    types, values = ["rating", "rating", "dwell", "dwell", "visit"], [1.0, 5.0, 30.0, 500.0, 77.0]
    table = pd.DataFrame({"user_id": "u", "item_id": "g", "timestamp": START, "event_type": types, "value": values})
    checked = check({"interactions": table})
    assert checked.dataset.interactions["reward"].tolist() == [0.0, 1.0, 0.125, 0.5, 1.0]
    assert checked.rejected.empty


def test_event_types_are_mapped_to_ours(check) -> None:
    given = ["like", "favourite", "dislike", "scroll", " VISIT ", "", "Click"]
    rows = "".join(f"u,g{row},{START},{kind}\n" for row, kind in enumerate(given))
    read = check({"interactions": f"user_id,item_id,timestamp,event_type\n{rows}"}).dataset.interactions
    assert read["event_type"].tolist() == ["save", "save", "dismiss", "view", "visit", "visit", "click"]


def test_without_event_types_all_are_visits(check) -> None:
    read = check({"interactions": visits(3)}).dataset.interactions
    assert read["event_type"].tolist() == ["visit"] * 3
    assert read["reward"].tolist() == [1.0] * 3


def test_an_unknown_event_type_is_bad_and_the_known_ones_are_named(check) -> None:
    rejected = check(
        {"interactions": f"user_id,item_id,timestamp,event_type\nu,g,{START},visit\nu,g,{START},checkin\n"}
    ).rejected
    assert rejected["column"].tolist() == ["event_type"]
    assert rejected["value"].tolist() == ["checkin"]
    assert rejected["reason"].iloc[0] == "none of " + ", ".join(KINDS)


def test_values_that_an_event_needs(check) -> None:
    given = [
        ("rating", "1", None), ("rating", "5", None), ("rating", "0.99", "rating outside 1 to 5"),
        ("rating", "5.01", "rating outside 1 to 5"), ("rating", "", "rating without a value"),
        ("dwell", "0", None), ("dwell", "99999", None), ("dwell", "-1", "dwell below 0"),
        ("dwell", "", "dwell without a value"), ("trust_answer", "1", None),
        ("trust_answer", "1.1", "trust_answer outside 0 to 1"), ("trust_answer", "", "trust_answer without a value"),
        ("relevance_rating", "0", "relevance_rating outside 1 to 5"),
        ("explanation_rating", "6", "explanation_rating outside 1 to 5"),
        ("view", "", None), ("view", "1", None), ("view", "1.5", "view outside 0 to 1"),
        ("visit", "120", None), ("save", "-3", None),
    ]  # fmt: skip
    rows = "".join(f"u{row},g,{START},{kind},{value}\n" for row, (kind, value, _) in enumerate(given))
    checked = check({"interactions": f"user_id,item_id,timestamp,event_type,value\n{rows}"})
    found = dict(zip(checked.rejected["row"] - 1, checked.rejected["reason"], strict=True))
    assert found == {row: reason for row, (_, _, reason) in enumerate(given) if reason}
    assert set(checked.rejected["column"]) == {"value"}


def test_a_rating_needs_a_column_of_values(check) -> None:
    text = f"user_id,item_id,timestamp,event_type\nu,g,{START},visit\nu,g,{START},rating\n"
    rejected = check({"interactions": text}).rejected
    assert rejected[["row", "column", "reason", "value"]].to_numpy().tolist() == [
        [2, "value", "rating without a value", None]
    ]


def test_an_event_that_comes_twice_is_dropped_and_counted(check) -> None:
    text = "user_id,item_id,timestamp,event_id\n" + "".join(
        f"u,{item},{START + second},{event}\n"
        for item, second, event in [
            ("a", 9, "e1"),
            ("a", 9, "e1"),
            ("b", 1, "e1"),
            ("c", 2, ""),
            ("c", 2, ""),
            ("d", 3, "e2"),
        ]
    )
    checked = check({"interactions": text})
    assert checked.dataset.interactions["item_id"].tolist() == ["c", "c", "d", "a"]
    assert checked.counts()["duplicates"] == checked.dataset.about.duplicates == 2
    assert checked.warnings == (
        "interactions.csv: 2 rows repeat the event_id of an earlier row and are dropped "
        "(1 of them with other content).",
    )
    assert checked.rejected.empty


def test_a_bad_row_does_not_make_a_good_one_a_duplicate(check) -> None:
    text = f"user_id,item_id,timestamp,event_id\nu,a,-1,e1\nu,b,{START},e1\n"
    checked = check({"interactions": text})
    assert checked.dataset.interactions["item_id"].tolist() == ["b"]
    assert checked.dataset.about.duplicates == 0


def test_an_item_or_person_that_comes_twice_keeps_its_first_row(check) -> None:
    tables = {
        "interactions": visits(2),
        "items": pd.DataFrame({"item_id": ["g", "h", "g"], "name": ["first", "other", "second"]}),
        "users": pd.DataFrame({"user_id": ["u", "u"], "language": ["tr", "tr"]}),
    }
    checked = check(tables)
    assert checked.dataset.items["name"].tolist() == ["first", "other"]
    assert checked.dataset.users["language"].tolist() == ["tr"]
    assert checked.warnings == (
        "items.parquet: 1 rows repeat the item_id of an earlier row and are dropped (1 of them with other content).",
        "users.parquet: 1 rows repeat the user_id of an earlier row and are dropped.",
    )
    assert checked.dataset.about.duplicates == 0


def test_words_are_mapped_and_unknown_ones_are_other_and_counted(check) -> None:
    weathers = ["sunny", "RAINY", " Partly Cloudy", "partly-cloudy", "snow", "hail", "hail", "hot", "other", ""]
    rows = "".join(f"u,g,{START},{weather},Calm\n" for weather in weathers)
    checked = check({"interactions": f"user_id,item_id,timestamp,weather,mood\n{rows}"})
    assert checked.dataset.interactions["weather"].tolist() == [
        "clear", "rain", "partly_cloudy", "partly_cloudy", "snow", "other", "other", "other", "other", None,
    ]  # fmt: skip
    assert checked.dataset.interactions["mood"].unique().tolist() == ["calm"]
    assert checked.warnings == ("interactions.csv: 3 unknown words of weather are kept as other: hail (2), hot (1).",)


def test_at_most_five_unknown_words_are_listed(check) -> None:
    rows = "".join(f"s,u,{START},g,0,m{number}\n" for number in range(6))
    impressions = f"slate_id,user_id,timestamp,item_id,position,mood\n{rows}"
    assert check({"interactions": visits(1), "impressions": impressions}).warnings == (
        "impressions.csv: 6 unknown words of mood are kept as other: m0 (1), m1 (1), m2 (1), m3 (1), m4 (1), ….",
    )


def test_words_of_items(check) -> None:
    items = pd.DataFrame(
        {
            "item_id": list("abc"),
            "type": ["Music Venue", "cafe", None],
            "neighborhood": ["SoHo", "", "Balat"],
            "setting": ["Indoor", "rooftop", "both"],
            "best_time": ["evening", "sunset", None],
        }
    )
    checked = check({"interactions": visits(1), "items": items})
    read = checked.dataset.items.iloc[:3]
    assert read["type"].tolist() == ["Music Venue", "cafe", None]
    assert read["neighborhood"].tolist() == ["SoHo", None, "Balat"]
    assert read["setting"].tolist() == ["indoor", "other", "both"]
    assert read["best_time"].tolist() == ["evening", "other", None]
    assert len(checked.warnings) == 2


def test_extra_columns_are_kept_and_ignored_with_one_warning(check) -> None:
    table = visits(2).assign(device=["phone", None], steps=[1, 2], reward=9.0)
    table["day"] = pd.to_datetime(["2026-05-04", "2026-05-05"])
    checked = check({"interactions": table, "items": pd.DataFrame({"item_id": ["g", "h"], "stars": [3, 4]})})
    read = checked.dataset.interactions
    assert read["device"].tolist() == ["phone", None]
    assert read["steps"].tolist() == [1, 2]
    assert read["day"].tolist() == ["2026-05-04 00:00:00", "2026-05-05 00:00:00"]
    assert read["reward"].tolist() == [1.0, 1.0]
    assert checked.dataset.items["stars"].tolist() == [3, 4]
    assert checked.warnings == (
        "interactions.parquet: 4 extra columns are kept and ignored: device, steps, reward, day.",
        "items.parquet: 1 extra columns are kept and ignored: stars.",
    )


def test_interactions_and_impressions_are_sorted_by_time_then_file(check) -> None:
    text = "user_id,item_id,timestamp\n" + "".join(
        f"u,{item},{second}\n" for item, second in [("c", 1.9e8), ("a", 1.5e8), ("d", 1.9e8), ("b", 1.5e8)]
    )
    impressions = (
        "slate_id,user_id,timestamp,item_id,position\ns,u,200000000,a,1\ns,u,200000000,b,0\ns,u,150000000,c,0\n"
    )
    dataset = check({"interactions": text, "impressions": impressions}).dataset
    assert dataset.interactions["item_id"].tolist() == ["a", "b", "c", "d"]
    assert dataset.impressions["item_id"].tolist() == ["c", "a", "b"]
    assert dataset.impressions["position"].dtype == np.int64


@pytest.mark.parametrize(("last", "order_only"), [(99_999_999, True), (100_000_000, False)])
def test_times_that_are_all_below_ten_to_the_eight_are_an_order(check, last: int, order_only: bool) -> None:
    checked = check({"interactions": f"user_id,item_id,timestamp\nu,a,{last}\nu,b,3\n"})
    assert checked.dataset.about.order_only is order_only
    assert checked.dataset.interactions["timestamp"].tolist() == [3, last]
    assert checked.dataset.now == last + (1 if order_only else 3600)
    warnings = ("The timestamps are all below 10^8: they are read as an order, without hours, sessions or ages.",)
    assert checked.warnings == (warnings if order_only else ())


def test_an_order_is_never_in_the_future_but_may_be_negative(check) -> None:
    from hidden_gems.core.clock import SimulatedClock

    text = "user_id,item_id,timestamp\nu,a,500\nu,b,1\nu,c,-1\n"
    checked = check({"interactions": text}, clock=SimulatedClock(start=10.0))
    assert checked.dataset.interactions["timestamp"].tolist() == [1, 500]
    assert checked.rejected["reason"].tolist() == ["negative"]


def test_items_and_users_are_not_created_later_than_now(check) -> None:
    tables = {
        "interactions": visits(1),
        "items": "item_id,created_at\na,1700000000\nb,\nc,2040-01-01T00:00:00Z\n",
        "users": "user_id,created_at\nu,2026-05-04T17:30:00.5+03:00\nv,-1\n",
    }
    checked = check(tables)
    assert checked.dataset.items["created_at"].fillna(-1).tolist() == [1_700_000_000, -1, -1]
    assert checked.dataset.users["created_at"].tolist() == [1_777_905_000]
    assert checked.rejected["reason"].tolist() == ["later than now", "negative"]


def test_the_example_has_the_reason_and_the_column_that_are_named(check) -> None:
    table = visits(10).astype({"user_id": object})
    table.loc[0, "user_id"] = None
    table.loc[[3, 4], "user_id"] = "x" * 65
    with pytest.raises(TooManyBadRowsError, match=r"most often user_id: longer than 64 .*in row 4 "):
        check({"interactions": table}, max_rejected_share=0.1)
