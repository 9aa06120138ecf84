"""One dataset out of the files: everyone and everything known, pseudonyms, fingerprint, what is written."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from hidden_gems.core.errors import BadInputError, NotADatasetError
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.contract import FILES
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.interactions import Index, Interactions
from hidden_gems.datasets.report import missing
from hidden_gems.datasets.validation import check_folder
from tests import factories

START = 1_700_000_000
TABLES = {
    "interactions": f"user_id,item_id,timestamp\nbora,pier,{START + 2}\nada,cafe,{START + 1}\ncan,well,{START + 2}\n",
    "items": "item_id,name\ncafe,Café\ntower,\n",
    "users": "user_id,language\nzeki,tr\nada,en\n",
    "impressions": "slate_id,user_id,timestamp,item_id,position\n"
    f"s1,ece,{START},arch,0\ns1,bora,{START + 3},cafe,1\ns2,zeki,{START + 9},gate,0\n",
}


def test_items_are_in_the_order_of_their_file_then_of_first_appearance(check) -> None:
    items = check(TABLES).dataset.items
    assert items["item_id"].tolist() == ["cafe", "tower", "pier", "well", "arch", "gate"]
    assert items["name"].tolist() == ["Café", None, None, None, None, None]
    assert items.columns.tolist() == [column.name for column in FILES["items"]]
    assert items["lat"].dtype == np.float64


def test_users_are_in_the_order_of_first_appearance_then_of_their_file(check) -> None:
    users = check(TABLES).dataset.users
    assert users["user_id"].tolist() == ["ada", "bora", "can", "ece", "zeki"]
    assert users["language"].tolist() == ["en", None, None, None, "tr"]


def test_a_bad_row_makes_nobody_known(check) -> None:
    text = f"user_id,item_id,timestamp\nada,cafe,{START}\nbora,pier,-1\n"
    dataset = check({"interactions": text}).dataset
    assert dataset.items["item_id"].tolist() == ["cafe"]
    assert dataset.users["user_id"].tolist() == ["ada"]


def test_missing_files_and_columns_are_empty_tables_of_the_right_types(check) -> None:
    dataset = check({"interactions": TABLES["interactions"]}).dataset
    assert dataset.interactions.columns.tolist() == [*(column.name for column in FILES["interactions"]), "reward"]
    assert dataset.impressions.columns.tolist() == [column.name for column in FILES["impressions"]]
    assert len(dataset.impressions) == 0
    types = {"time": np.float64, "number": np.float64, "flag": "boolean", "text": object, "id": object}
    for column in FILES["users"]:
        assert dataset.users[column.name].dtype == types[column.kind], column.name
    assert dataset.impressions[["timestamp", "position"]].dtypes.tolist() == [np.int64, np.int64]
    assert dataset.interactions["weather"].tolist() == [None] * 3


def test_people_become_pseudonyms_everywhere(check) -> None:
    pseudonyms = Pseudonyms(b"key")
    checked = check(TABLES, pseudonyms=pseudonyms)
    dataset, order = checked.dataset, ["ada", "bora", "can", "ece", "zeki"]
    assert dataset.users["user_id"].tolist() == [pseudonyms.of(user) for user in order]
    assert dataset.interactions["user_id"].tolist() == [pseudonyms.of(user) for user in ("ada", "bora", "can")]
    assert dataset.impressions["user_id"].tolist() == [pseudonyms.of(user) for user in ("ece", "bora", "zeki")]
    assert dataset.about.pseudonym_key == pseudonyms.key_id
    assert checked.original_user_ids == {pseudonyms.of(user): user for user in order}


def test_without_pseudonyms_ids_stay_as_they_came(check) -> None:
    checked = check(TABLES)
    assert checked.dataset.about.pseudonym_key == ""
    assert checked.original_user_ids["ada"] == "ada"


def test_what_is_written_holds_no_id_of_a_person(check, tmp_path: Path) -> None:
    text = f"user_id,item_id,timestamp\nada-lovelace,cafe,{START}\nada-lovelace,pier,-1\n{'ada-lovelace' * 6},pier,1\n"
    checked = check({"interactions": text}, pseudonyms=Pseudonyms(b"key"))
    checked.write(tmp_path / "out")
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == [
        "dataset.json", "impressions.parquet", "interactions.parquet", "items.parquet", "rejected.parquet",
        "report.md", "users.parquet",
    ]  # fmt: skip
    for path in (tmp_path / "out").iterdir():
        assert b"lovelace" not in path.read_bytes(), path.name
    assert pd.read_parquet(tmp_path / "out" / "rejected.parquet")["value"].tolist() == ["-1", "72 characters"]


def test_pseudonyms_of_the_same_key_are_kept_and_of_another_refused(check, tmp_path: Path) -> None:
    pseudonyms = Pseudonyms(b"key")
    first = check(TABLES, pseudonyms=pseudonyms)
    first.write(tmp_path / "out")
    again = check_folder(tmp_path / "out", pseudonyms=pseudonyms)
    assert_frame_equal(again.dataset.interactions, first.dataset.interactions)
    assert_frame_equal(again.dataset.users, first.dataset.users)
    assert again.dataset.about.pseudonym_key == pseudonyms.key_id
    assert check_folder(tmp_path / "out").dataset.about.pseudonym_key == pseudonyms.key_id
    other = Pseudonyms(b"other")
    with pytest.raises(NotADatasetError, match=f"of the key {pseudonyms.key_id}, ours is {other.key_id}; bring"):
        check_folder(tmp_path / "out", pseudonyms=other)


def test_a_written_dataset_is_read_as_it_was(check, tmp_path: Path) -> None:
    dataset = check(TABLES | {"users": "user_id,is_local\nada,1\n"}).dataset
    dataset.write(tmp_path / "out")
    read = Dataset.read(tmp_path / "out")
    assert read.about == dataset.about
    for name in FILES:
        assert_frame_equal(getattr(read, name), getattr(dataset, name))


def test_results_do_not_depend_on_the_key(check) -> None:
    rows = []
    for key in (b"one", b"two"):
        dataset = check({"interactions": factories.interactions()}, pseudonyms=Pseudonyms(key)).dataset
        users, items = Index(dataset.users["user_id"]), Index(dataset.items["item_id"])
        made = Interactions.of(dataset, users, items)
        rows.append((dataset.about.fingerprint, made.user.tolist(), made.item.tolist()))
    assert rows[0] == rows[1]
    assert rows[0][1][:3] == [1, 2, 3]


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("interactions", "bora,pier", "bora,well"),
        ("interactions", "ada,", "ayşe,"),
        ("interactions", str(START + 1), str(START)),
        ("items", "Café", "Cafe"),
        ("items", "tower,", "tower,cafe"),
        ("users", "zeki,tr", "zeki,en"),
        ("impressions", "arch,0", "arch,1"),
        ("impressions", "s2", "s3"),
    ],
)
def test_a_changed_value_changes_the_fingerprint(check, table: str, old: str, new: str) -> None:
    changed = TABLES | {table: TABLES[table].replace(old, new)}
    assert changed != TABLES
    assert check(changed).dataset.about.fingerprint != check(TABLES).dataset.about.fingerprint


def test_what_the_data_are_not_does_not_change_the_fingerprint(check) -> None:
    mark = check(TABLES).dataset.about.fingerprint
    assert len(mark) == 64
    more = TABLES | {"items": "item_id,extra,name,lat,lon\ncafe,1,Café,,\ntower,2,,,\n"}
    bad = TABLES | {"interactions": TABLES["interactions"] + "bora,pier,-1\n"}
    reordered = TABLES | {
        "interactions": "item_id,timestamp,user_id\n"
        f"pier,{START + 2},bora\nwell,{START + 2},can\ncafe,{START + 1},ada\n"
    }
    for tables in (more, bad, reordered):
        assert check(tables).dataset.about.fingerprint == mark
    for options in ({"timezone": "America/New_York"}, {"simulated": True}, {"pseudonyms": Pseudonyms(b"k")}):
        assert check(TABLES, **options).dataset.about.fingerprint == mark


def test_the_fingerprint_tells_missing_from_zero_and_one_cell_from_two(check) -> None:
    rows = ["a,bc", "ab,c", "abc,", ",abc"]
    marks = {
        check({**TABLES, "items": f"item_id,name,local_tip\ncafe,{row}\n"}).dataset.about.fingerprint for row in rows
    }
    numbers = {
        check({**TABLES, "items": f"item_id,authenticity,crowd_level\ncafe,{row}\n"}).dataset.about.fingerprint
        for row in ["0,", ",0", "0,0", "-0,"]
    }
    assert len(marks) == 4
    assert len(numbers) == 3  # -0 is 0


_LETTERS = st.characters(exclude_categories=["Cc", "Cs"])
_IDS = st.text(_LETTERS, min_size=1, max_size=64).filter(str.strip)
_WORDS = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20))
_ROWS = st.lists(
    st.tuples(_IDS, _IDS, st.integers(0, START), st.one_of(st.none(), st.floats(-60, 60)), _WORDS),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_ROWS)
def test_csv_and_parquet_are_the_same_data(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object]]) -> None:
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp", "temperature_c", "language"])
    table = table.astype({"temperature_c": "float64"})
    text, binary = tmp_path_factory.mktemp("csv"), tmp_path_factory.mktemp("parquet")
    table.to_csv(text / "interactions.csv.gz", index=False, quoting=csv.QUOTE_NONNUMERIC)  # a bare \r would end a row
    table.to_parquet(binary / "interactions.parquet")
    one, two = check_folder(text), check_folder(binary)
    assert one.rejected.empty
    assert one.dataset.about.fingerprint == two.dataset.about.fingerprint
    assert_frame_equal(one.dataset.interactions, two.dataset.interactions)
    assert one.dataset.interactions["temperature_c"].count() == table["temperature_c"].count()


def test_a_folder_says_whether_it_is_simulated(check, tmp_path: Path) -> None:
    assert not check(TABLES).dataset.about.simulated
    assert check(TABLES, simulated=True).dataset.about.simulated
    folder = factories.write_folder(tmp_path / "city", interactions=factories.interactions(events=5))
    (folder / "dataset.json").write_text(json.dumps({"simulated": True, "timezone": "America/New_York"}))
    checked = check_folder(folder)
    assert checked.dataset.about.simulated is True
    assert check_folder(folder, simulated=False).dataset.about.simulated is True
    assert checked.dataset.about.timezone == "Europe/Istanbul"
    assert checked.dataset.about.name == "city"
    assert checked.warnings == (
        "dataset.json names the time zone America/New_York, but Europe/Istanbul was asked for and is used.",
    )
    assert check_folder(folder, timezone="America/New_York").warnings == ()


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"{", "is not readable JSON"), (b"\xff", "is not readable JSON"), (b"[]", "one JSON object")],
)
def test_a_broken_dataset_json_is_one_sentence(tmp_path: Path, content: bytes, expected: str) -> None:
    folder = factories.write_folder(tmp_path, interactions=factories.interactions(events=5))
    (folder / "dataset.json").write_bytes(content)
    with pytest.raises(NotADatasetError, match=f"^dataset.json in .*{expected}; repair or remove it$"):
        check_folder(folder)


@pytest.mark.parametrize("timezone", ["Mars/Base", "", "../etc/passwd", "/etc/localtime"])
def test_a_time_zone_that_is_none(check, timezone: str) -> None:
    with pytest.raises(BadInputError, match=f"^the time zone '{timezone}' is not known; expected one like Europe/Ist"):
        check(TABLES, timezone=timezone)


@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan")])
def test_a_share_that_is_none(check, share: float) -> None:
    with pytest.raises(BadInputError, match="must lie between 0 and 1, got"):
        check(TABLES, max_rejected_share=share)


def test_the_report_tells_counts_what_is_missing_and_why_rows_were_rejected(check) -> None:
    text = TABLES["interactions"] + "".join(
        f"{user},{item},{time}\n"
        for user, item, time in [("", "a", 1), ("u", "", 1), ("u", "b", -1), ("u", "c", -1), ("u", "d", "x")]
    )
    checked = check({"interactions": text, "items": "item_id,name,lat\ncafe,Café,41\n"}, simulated=True)
    report = checked.markdown()
    assert report.startswith("# Dataset city (simulated)\n\nTime zone Europe/Istanbul, fingerprint `")
    for line in (
        "| interactions | 3 |",
        "| rejected | 5 |",
        "| duplicates | 0 |",
        "Largest share of bad rows in one file: 62.50%.",
        "- interactions.event_id: duplicates cannot be found",
        "- items.type: no features or filters by type",
        "- users.all: people are known by their interactions only",
        "- items.csv: the column lat is not used because there is no column lon.",
    ):
        assert line in report.splitlines()
    assert "items.name" not in report
    assert report.split("rejected rows\n\n")[1].splitlines() == [
        "- 2 × interactions.csv, timestamp: negative",
        "- 1 × interactions.csv, item_id: no item_id",
        "- 1 × interactions.csv, timestamp: no time (epoch seconds, or ISO 8601 with zone)",
        "- 1 × interactions.csv, user_id: no user_id",
    ]
    assert checked.counts() == {
        "interactions": 3, "items": 3, "users": 3, "impressions": 0, "rejected": 5, "duplicates": 0,
        "rejected_share": 0.625,
    }  # fmt: skip


def test_no_more_than_five_reasons_are_reported(check) -> None:
    rows = [",g,1,1", "u,,1,1", "u,g,,1", "u,g,-1,1", "u,g,x,1", "u,g,1,warm"]
    text = "user_id,item_id,timestamp,temperature_c\nu,g,1,1\n" + "".join(f"{row}\n" for row in rows)
    report = check({"interactions": text}).markdown()
    assert report.count("× interactions.csv") == 5


def test_everything_that_is_missing_is_told_once_with_its_cost(check) -> None:
    told = missing(check(TABLES | {"items": "item_id,name\ncafe,\n", "users": "user_id\nzeki\n"}).dataset)
    assert [(table, column) for table, column, _ in told] == [
        *(("interactions", name) for name in (
            "event_id", "value", "session_id", "slate_id", "position", "weather", "temperature_c", "mood", "language",
            "lat",
        )),
        ("items", "all"),
        ("users", "all"),
        ("impressions", "all"),
    ]  # fmt: skip
    assert all(cost for _, _, cost in told)
    told = missing(check(TABLES | {"impressions": TABLES["impressions"].replace("position", "position,policy").replace(
        ",0\n", ",0,epsilon\n").replace(",1\n", ",1,\n")}).dataset)  # fmt: skip
    assert [(table, column) for table, column, _ in told if table != "interactions"] == [
        *(("items", name) for name in (
            "type", "neighborhood", "lat", "opening_hours", "authenticity", "tourist_ratio", "crowd_level",
            "price_level", "setting", "created_at", "tags", "description_en", "description_tr",
        )),
        *(("users", name) for name in ("home_neighborhood", "is_local", "created_at", "consent")),
        *(("impressions", name) for name in ("propensity", "clicked")),
    ]  # fmt: skip
