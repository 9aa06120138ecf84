"""Every kind of cell: which value it becomes, or why its row is set aside – in CSV and in Parquet."""

import datetime as dt
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hidden_gems.core.clock import SimulatedClock
from hidden_gems.core.errors import NotADatasetError
from hidden_gems.datasets.validation import check_folder

NOW = 1_800_000_000
GOOD = "u0,g0,1700000000"
NOT_A_TIME = "no time (epoch seconds, or ISO 8601 with zone)"
MILLISECONDS = "later than now (milliseconds? seconds are expected)"


def with_column(column: str, cells: Iterable[str]) -> str:
    """CSV text with one good row, then one row for each content of a column."""
    good = {"user_id": "u0", "item_id": "g0", "timestamp": "1700000000"}
    good = {column: "0"} | good
    rows = [good, *(good | {"user_id": f"u{row + 1}", column: given} for row, given in enumerate(cells))]
    return pd.DataFrame(rows).to_csv(index=False)


def reasons(checked: Any, column: str, cells: Iterable[str]) -> dict[str, str]:
    """Reason of each content, if exactly these rows were set aside for that column."""
    given = list(cells)
    assert checked.rejected["row"].tolist() == [row + 2 for row in range(len(given))]
    assert set(checked.rejected["column"]) == {column}
    return dict(zip(given, checked.rejected["reason"], strict=True))


def only_reason(checked: Any, column: str) -> str:
    assert checked.rejected["column"].tolist() == [column]
    assert checked.rejected["row"].tolist() == [2]
    return str(checked.rejected["reason"].iloc[0])


TIMES: dict[str, int] = {
    "0": 0,
    "1700000000": 1_700_000_000,
    "1700000000.9": 1_700_000_000,
    "1.7e9": 1_700_000_000,
    " 1700000000 ": 1_700_000_000,
    str(NOW): NOW,
    "2026-05-04T17:30:00+03:00": 1_777_905_000,
    "2026-05-04T14:30:00Z": 1_777_905_000,
    "2026-05-04t14:30:00z": 1_777_905_000,
    "2026-05-04 14:30Z": 1_777_905_000,
    "2026-05-04 17:30+03": 1_777_905_000,
    "2026-05-04T17:30:00 +0300": 1_777_905_000,
    "2026-05-04T10:00:00-04:30": 1_777_905_000,
    "2026-05-04T14:30:00.999Z": 1_777_905_000,
    "1970-01-01T00:00:00Z": 0,
}
NO_TIMES: dict[str, str] = {
    "": "no timestamp",
    "  ": "no timestamp",
    "-1": "negative",
    "-0.5": "negative",
    "1969-12-31T23:59:59Z": "negative",
    str(NOW + 1): "later than now",
    "2040-01-01T00:00:00Z": "later than now",
    "100000000000": "later than now",
    "1700000000000": MILLISECONDS,
    "yesterday": NOT_A_TIME,
    "nan": NOT_A_TIME,
    "inf": NOT_A_TIME,
    "1_700_000_000": NOT_A_TIME,
    "2026-02-30T00:00:00Z": NOT_A_TIME,
    "2026-05-04T25:00:00Z": NOT_A_TIME,
    "04.05.2026 14:30": NOT_A_TIME,
    "2026-05-04T14:30:00 Europe/Istanbul": NOT_A_TIME,
    "2026-05-04": "a time without a zone",
    "2026-05-04T14:30": "a time without a zone",
    "2026-05-04 14:30:00.5": "a time without a zone",
}


def test_readable_times_become_epoch_seconds(check) -> None:
    rows = "".join(f"u{number},g1,{text}\n" for number, text in enumerate(TIMES))
    checked = check({"interactions": f"user_id,item_id,timestamp\n{rows}"})
    assert checked.rejected.empty
    table = checked.dataset.interactions.set_index("user_id")["timestamp"]
    assert {text: int(table[f"u{number}"]) for number, text in enumerate(TIMES)} == TIMES
    assert table.dtype == np.int64


def test_any_other_time_sets_its_row_aside(check) -> None:
    checked = check({"interactions": with_column("timestamp", NO_TIMES)})
    assert reasons(checked, "timestamp", NO_TIMES) == NO_TIMES
    assert checked.dataset.interactions["user_id"].tolist() == ["u0"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamps_of_parquet_need_a_zone(tmp_path, unit: str) -> None:
    folder = tmp_path / unit
    folder.mkdir()
    moment = dt.datetime(2026, 5, 4, 14, 30, tzinfo=dt.UTC)
    naive = moment.replace(tzinfo=None)
    for zone, values in (("Europe/Istanbul", [moment, moment]), (None, [naive, naive])):
        times = pa.array(values, type=pa.timestamp(unit, zone))
        pq.write_table(pa.table({"user_id": ["a", "b"], "item_id": ["x", "y"], "timestamp": times}), folder / "t")
        (folder / "t").rename(folder / "interactions.parquet")
        if zone:
            checked = check_folder(folder, clock=SimulatedClock(start=NOW))
            assert checked.dataset.interactions["timestamp"].tolist() == [1_777_905_000] * 2
        else:
            with pytest.raises(NotADatasetError, match=r"2 of 2 rows.*timestamp: a time without a zone.*in row 1"):
                check_folder(folder, clock=SimulatedClock(start=NOW))


def test_numeric_times_of_parquet(tmp_path) -> None:
    times = pa.array([1.7e9, math.nan, None, math.inf, -1.0, NOW + 1.0], type=pa.float64())
    table = pa.table({"user_id": list("abcdef"), "item_id": list("abcdef"), "timestamp": times})
    pq.write_table(table, tmp_path / "interactions.parquet")
    rejected = check_folder(tmp_path, max_rejected_share=1.0, clock=SimulatedClock(start=NOW)).rejected
    assert dict(zip(rejected["row"], rejected["reason"], strict=True)) == {
        2: "no timestamp",
        3: "no timestamp",
        4: NOT_A_TIME,
        5: "negative",
        6: "later than now",
    }


NUMBERS = {"5": 5.0, "5.": 5.0, ".5": 0.5, "-6e1": -60.0, "+1.5E1": 15.0, " 12 ": 12.0, "60": 60.0}
NO_NUMBERS: dict[str, str] = {
    "warm": "no number",
    "12abc": "no number",
    "1,5": "no number",
    "1_0": "no number",
    "0x10": "no number",
    "NaN": "NaN or infinite",
    "-inf": "NaN or infinite",
    "Infinity": "NaN or infinite",
    "1e999": "NaN or infinite",
    "60.1": "outside -60 to 60",
    "-60.1": "outside -60 to 60",
}


def test_numbers_are_read(check) -> None:
    checked = check({"interactions": with_column("temperature_c", [*NUMBERS, "", "  "])})
    assert checked.rejected.empty
    read = checked.dataset.interactions["temperature_c"].tolist()[1:]
    assert dict(zip(NUMBERS, read[:-2], strict=True)) == NUMBERS
    assert np.isnan(read[-2:]).all()


def test_any_other_number_sets_its_row_aside(check) -> None:
    checked = check({"interactions": with_column("temperature_c", NO_NUMBERS)})
    assert reasons(checked, "temperature_c", NO_NUMBERS) == NO_NUMBERS
    assert checked.rejected["value"].tolist() == list(NO_NUMBERS)


RANGES = {
    "lat": (-90, 90),
    "lon": (-180, 180),
    "hidden_factor": (1, 10),
    "authenticity": (0, 1),
    "tourist_ratio": (0, 1),
    "crowd_level": (0, 1),
    "price_level": (0, 4),
}


def test_ranges_are_closed(check) -> None:
    columns: dict[str, list[float]] = {
        name: [low, high, *[low] * (2 * len(RANGES))] for name, (low, high) in RANGES.items()
    }
    for number, (name, (low, high)) in enumerate(RANGES.items()):
        columns[name][2 + 2 * number : 4 + 2 * number] = [low - 0.01, high + 0.01]
    items = pd.DataFrame({"item_id": [f"i{row}" for row in range(len(columns["lat"]))], **columns})
    checked = check({"interactions": f"user_id,item_id,timestamp\n{GOOD}\n", "items": items})
    assert checked.rejected[["row", "column", "reason"]].to_numpy().tolist() == [
        [3 + 2 * number + side, name, f"outside {low} to {high}"]
        for number, (name, (low, high)) in enumerate(RANGES.items())
        for side in (0, 1)
    ]
    assert checked.dataset.items["item_id"].tolist() == ["i0", "i1", "g0"]
    assert checked.dataset.items[list(RANGES)].iloc[:2].to_numpy().T.tolist() == [
        list(ends) for ends in RANGES.values()
    ]


def test_positions_are_whole_and_start_at_0(check) -> None:
    wrong = {"-1": "below 0", "2.5": "no whole number", "first": "no number", "NaN": "NaN or infinite"}
    checked = check({"interactions": with_column("position", wrong)})
    assert reasons(checked, "position", wrong) == wrong
    assert checked.dataset.interactions["position"].tolist() == [0.0]


def test_propensities_lie_between_0_and_1(check) -> None:
    text = "slate_id,user_id,timestamp,item_id,position,propensity\n" + "".join(
        f"s,u,1700000000,g,0,{propensity}\n" for propensity in (0, 1, 1.01, -0.01)
    )
    checked = check({"interactions": f"user_id,item_id,timestamp\n{GOOD}\n", "impressions": text})
    assert checked.dataset.impressions["propensity"].tolist() == [0.0, 1.0]
    assert checked.rejected["reason"].tolist() == ["outside 0 to 1"] * 2


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_nan_in_parquet_is_bad_and_null_is_missing(tmp_path, kind: pa.DataType) -> None:
    columns = {
        "user_id": ["a", "b", "c"],
        "item_id": ["x", "y", "z"],
        "timestamp": [1_700_000_000] * 3,
        "temperature_c": pa.array([0.1, math.nan, None], type=kind),
    }
    pq.write_table(pa.table(columns), tmp_path / "interactions.parquet")
    checked = check_folder(tmp_path, max_rejected_share=1.0)
    assert only_reason(checked, "temperature_c") == "NaN or infinite"
    first, second = checked.dataset.interactions["temperature_c"]
    assert first == 0.1  # also from 4 bytes
    assert math.isnan(second)


def test_flags(check) -> None:
    yes, no = ["true", "YES", "1", "1.0", "t", "y"], ["False", "no", "0", "0.0", "f", "N"]
    users = "user_id,is_local,consent\n" + "".join(f"u{row},{flag},\n" for row, flag in enumerate(yes + no))
    read = check({"interactions": f"user_id,item_id,timestamp\n{GOOD}\n", "users": users}).dataset.users
    assert read["is_local"].tolist() == [True] * 6 + [False] * 6
    assert read["consent"].isna().all()
    assert read.dtypes[["is_local", "consent"]].tolist() == ["boolean", "boolean"]


@pytest.mark.parametrize("dtype", [bool, "int64", "float64"])
def test_flags_of_parquet(check, dtype: Any) -> None:
    users = pd.DataFrame({"user_id": ["u0", "u1"], "consent": pd.Series([1, 0]).astype(dtype)})
    read = check({"interactions": f"user_id,item_id,timestamp\n{GOOD}\n", "users": users}).dataset.users
    assert read["consent"].tolist() == [True, False]


def test_a_flag_that_is_neither_is_bad(check) -> None:
    users = "user_id,consent\nu0,1\nu1,perhaps\n"
    checked = check({"interactions": f"user_id,item_id,timestamp\n{GOOD}\n", "users": users})
    assert only_reason(checked, "consent") == "neither true nor false"


def test_odd_ids_of_text_are_kept_as_they_are(check) -> None:
    ids = ["1", "007", "ş", "🍵👍🏽", "a b", "x" * 64, "🍵" * 64, "d'or", "-5", "1.5", "a\u00a0b", 'say "tea"', "a,b"]
    table = pd.DataFrame({"user_id": ids, "item_id": ids, "timestamp": 1_700_000_000})
    for form in (table, table.to_csv(index=False)):
        checked = check({"interactions": form})
        assert checked.rejected.empty
        assert checked.dataset.interactions["user_id"].tolist() == ids
        assert checked.dataset.interactions["item_id"].tolist() == ids


NO_IDS = {
    "": "no item_id",
    "x" * 65: "longer than 64 characters",
    "🍵" * 65: "longer than 64 characters",
    "x" * 10_000: "longer than 64 characters",
    "a\tb": "has a control character",
    "a\nb": "has a control character",
    "a\u0085b": "has a control character",
    "a\x00b": "has a control character",
}


def test_any_other_id_sets_its_row_aside(check) -> None:
    checked = check({"interactions": with_column("item_id", NO_IDS)})
    assert reasons(checked, "item_id", NO_IDS) == NO_IDS
    assert checked.rejected["value"].tolist() == [None, *[given[:80] for given in NO_IDS if given]]


@pytest.mark.parametrize("length", [65, 10_000])
def test_a_bad_person_id_leaves_only_its_length(check, length: int) -> None:
    checked = check({"interactions": f"user_id,item_id,timestamp\n{GOOD}\n{'x' * length},g1,1700000000\n"})
    assert only_reason(checked, "user_id") == "longer than 64 characters"
    assert checked.rejected["value"].tolist() == [f"{length} characters"]


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint64", "float32", "float64"])
def test_integer_ids_of_parquet_become_text(check, dtype: str) -> None:
    table = pd.DataFrame({"user_id": [12, 3], "item_id": [7, 0], "timestamp": [1_700_000_000, 1_700_000_001]})
    read = check({"interactions": table.astype({"user_id": dtype, "item_id": dtype})}).dataset.interactions
    assert read[["user_id", "item_id"]].to_numpy().tolist() == [["12", "7"], ["3", "0"]]


@pytest.mark.parametrize("as_csv", [True, False])
def test_ids_that_became_floats_because_some_are_missing(check, as_csv: bool) -> None:
    table = pd.DataFrame(
        {"user_id": [12.0, None], "item_id": [7, 0], "timestamp": [1_700_000_000] * 2, "session_id": [4.0, None]}
    )
    checked = check({"interactions": table.to_csv(index=False) if as_csv else table})
    assert checked.dataset.interactions[["user_id", "session_id"]].to_numpy().tolist() == [["12", "4"]]
    assert only_reason(checked, "user_id") == "no user_id"


def test_ids_of_text_that_only_sometimes_look_like_floats_are_kept(check) -> None:
    text = "user_id,item_id,timestamp,session_id\n1.0,v2,1700000000,\nv2,1.0,1700000001,10.00\n"
    read = check({"interactions": text}).dataset.interactions
    assert read[["user_id", "item_id"]].to_numpy().tolist() == [["1.0", "v2"], ["v2", "1.0"]]
    assert read["session_id"].tolist() == [None, "10"]


@pytest.mark.parametrize("bad", [1.5, math.inf, 1e15, -2e15])
def test_a_float_that_is_no_whole_number_is_no_id(check, bad: float) -> None:
    table = pd.DataFrame({"user_id": ["a", "b"], "item_id": [1.0, bad], "timestamp": [1_700_000_000] * 2})
    assert only_reason(check({"interactions": table}), "item_id") == "no whole number"


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("item_id", [True, False], "has the type BOOLEAN, expected text or integers"),
        ("timestamp", [["a"], ["b"]], r"has the type VARCHAR\[\], expected epoch seconds or ISO 8601 with zone"),
        ("value", [b"1", b"2"], "has the type BLOB, expected numbers"),
        ("weather", [{"a": 1}, {"a": 2}], r"has the type STRUCT\(a BIGINT\), expected text"),
        ("user_id", [dt.date(2026, 5, 4)] * 2, "has the type DATE, expected text or integers"),
    ],
)
def test_a_type_that_cannot_hold_it_is_one_sentence(check, column: str, values: list[Any], expected: str) -> None:
    table = pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"], "timestamp": [1_700_000_000] * 2})
    table[column] = pd.Series(values, dtype=object)
    with pytest.raises(NotADatasetError, match=f"^interactions.parquet in .*: the column {column} {expected}$"):
        check({"interactions": table})


def test_a_flag_of_a_date_is_one_sentence(check) -> None:
    users = pd.DataFrame({"user_id": ["a"], "consent": [dt.date(2026, 5, 4)]})
    with pytest.raises(NotADatasetError, match=r"users.parquet in .*: the column consent .* expected true or false$"):
        check({"interactions": f"user_id,item_id,timestamp\n{GOOD}\n", "users": users})


def test_tags_may_be_a_list_and_names_may_be_numbers(check) -> None:
    items = pd.DataFrame({"item_id": ["a", "b"], "tags": [["quiet", "tea"], []], "name": [7, 8]})
    read = check({"interactions": f"user_id,item_id,timestamp\n{GOOD}\n", "items": items}).dataset.items
    assert read["tags"].tolist() == ["quiet;tea", None, None]
    assert read["name"].tolist() == ["7", "8", None]
