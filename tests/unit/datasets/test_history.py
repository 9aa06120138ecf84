from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.archive import impression_rows, interaction_rows, item_rows, write_parts
from hidden_gems.datasets.contract import FILES
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.history import LOGGED, read_history, with_history
from hidden_gems.events.records import Interaction, ItemChange, Place, Slate
from tests import tables


@pytest.fixture(scope="module")
def base() -> Dataset:
    return tables.rich_dataset()


def slate(name: str, user: str, at: float, items: list[str], vector: tuple[float, ...] = (0.5, float("nan"))) -> Slate:
    places = tuple(Place(item, n, 0.5 / (n + 1), 1.0 - n, ("near",), vector) for n, item in enumerate(items))
    return Slate(name, user, at, "ranker+thompson", "r1", "ranker_v1", 3, places, (), {"weather": "rain", "lat": 41.0})


def archive(folder: Path, *records: Interaction | Slate | ItemChange) -> Path:
    for record in records:
        if isinstance(record, Interaction):
            write_parts(folder, "interactions", interaction_rows(record))
        elif isinstance(record, Slate):
            write_parts(folder, "impressions", impression_rows(record))
        else:
            write_parts(folder, "items", item_rows(record))
    return folder


def event(name: str, at: float, event_type: str = "click", **more: object) -> Interaction:
    return Interaction(name, "u1", "g1", event_type, at, at + 1.0, **more)  # type: ignore[arg-type]


def nones(table: pd.DataFrame) -> pd.DataFrame:
    """The same with one kind of null."""
    plain = table.astype(object)
    return plain.where(plain.notna(), None)


def test_no_archive_changes_nothing(base: Dataset, tmp_path: Path) -> None:
    assert with_history(base, tmp_path / "nowhere") is base
    empty = read_history(tmp_path)
    assert (len(empty.interactions), len(empty.impressions), len(empty.items)) == (0, 0, 0)


def test_each_message_counts_once_whatever_was_written_twice(base: Dataset, tmp_path: Path) -> None:
    last = float(base.interactions["timestamp"].iloc[-1])
    records = [event("e1", last + 10), event("e2", last + 5), slate("s-live", "u1", last + 1, ["g1", "g2"])]
    archive(tmp_path, *records, *records)
    found = read_history(tmp_path)
    assert found.interactions["event_id"].tolist() == ["e2", "e1"]
    assert found.impressions[["slate_id", "position"]].to_numpy().tolist() == [["s-live", 0], ["s-live", 1]]
    whole = with_history(base, tmp_path)
    assert len(whole.interactions) == len(base.interactions) + 2
    assert len(whole.impressions) == len(base.impressions) + 2
    assert len(with_history(whole, tmp_path).interactions) == len(whole.interactions)
    assert len(with_history(whole, tmp_path).impressions) == len(whole.impressions)


def test_events_stand_where_their_second_puts_them_with_reward_and_signature(base: Dataset, tmp_path: Path) -> None:
    middle = int(base.interactions["timestamp"].iloc[300])
    archive(
        tmp_path,
        event("e1", middle + 0.75, "rating", value=3.0, signed=True, slate_id="s9", position=2),
        event("e2", middle + 0.5, "dwell", value=60.0, context={"lat": 41.0, "lon": 29.0}),
        event("e3", middle + 0.5, "wink"),
    )
    found = with_history(base, tmp_path)
    table = found.interactions
    assert table["timestamp"].is_monotonic_increasing
    assert table["timestamp"].dtype == np.int64
    new = table[table["event_id"].isin(["e1", "e2", "e3"])]
    assert new["event_id"].tolist() == ["e2", "e1"]  # no kind of event is called wink
    assert new["timestamp"].tolist() == [middle, middle]
    assert new["reward"].tolist() == [0.25, 0.5]
    assert new["signed"].tolist() == [False, True]
    assert new["position"].tolist()[1] == 2.0
    assert new["slate_id"].tolist() == [None, "s9"]
    assert new["lat"].tolist()[0] == 41.0
    same_second = table[table["timestamp"] == middle]
    assert same_second["event_id"].tolist()[-2:] == ["e2", "e1"]
    old = table[~table["event_id"].isin(["e1", "e2"])]
    assert old["signed"].isna().all()
    pd.testing.assert_frame_equal(old.drop(columns="signed").reset_index(drop=True), base.interactions)
    assert list(table.columns) == [*base.interactions.columns, "signed"]


def test_what_was_seen_takes_the_place_of_the_slate(base: Dataset, tmp_path: Path) -> None:
    at = float(base.interactions["timestamp"].iloc[-1])
    archive(
        tmp_path,
        slate("s1", "u1", at + 1, ["g1", "g2", "g3", "g4"]),
        slate("s2", "u1", at + 2, ["g1", "g2"]),
        event("e1", at + 3, "shown", slate_id="s1", signed=True, items=("g3", "g1", "g9")),
        event("e2", at + 4, "shown", slate_id="s1", signed=True, items=("g3", "g4")),  # further down
        event("e3", at + 4, "shown", slate_id="s2", signed=False, items=("g2",)),
    )
    found = with_history(base, tmp_path).impressions
    new = found[found["slate_id"].isin(["s1", "s2"])].sort_values(["slate_id", "item_id"])
    assert new["item_id"].tolist() == ["g1", "g2", "g3", "g4", "g1", "g2"]
    assert new["unseen"].tolist() == [False, True, False, False, False, False]
    assert new["position"].tolist() == [1, 3, 0, 2, 0, 1]
    assert found["unseen"].iloc[: len(base.impressions)].isna().all()


def test_types_and_columns_stay_those_of_a_dataset(base: Dataset, tmp_path: Path) -> None:
    last = float(base.interactions["timestamp"].iloc[-1])
    archive(tmp_path, event("e1", last), slate("s-live", "new-person", last + 0.9, ["new-gem"]))
    found = with_history(base, tmp_path)
    for name in ("interactions", "items", "users", "impressions"):
        was, now = getattr(base, name), getattr(found, name)
        assert [now[column].dtype for column in was] == [was[column].dtype for column in was]
        assert list(now.columns)[: len(was.columns)] == list(was.columns)
    assert list(found.impressions.columns) == [*base.impressions.columns, *LOGGED]
    found.write(tmp_path / "dataset")
    again = Dataset.read(tmp_path / "dataset")
    pd.testing.assert_frame_equal(nones(again.interactions), nones(found.interactions))
    assert again.interactions.dtypes.equals(found.interactions.dtypes)
    assert again.impressions["vector"].iloc[-1].tolist()[0] == 0.5


def test_places_carry_what_was_logged(base: Dataset, tmp_path: Path) -> None:
    last = float(base.interactions["timestamp"].iloc[-1])
    archive(tmp_path, slate("s-live", "u1", last + 0.9, ["g3", "g1"]))
    shown = with_history(base, tmp_path).impressions
    assert shown["vector"].notna().sum() == 2
    new = shown[shown["slate_id"] == "s-live"]
    assert new["item_id"].tolist() == ["g3", "g1"]
    assert new["timestamp"].tolist() == [int(last)] * 2
    assert new["propensity"].tolist() == [0.5, 0.25]
    assert new["score"].tolist() == [1.0, 0.0]
    assert new[["policy", "release", "feature_service", "state_version", "weather", "lat"]].iloc[0].tolist() == [
        "ranker+thompson",
        "r1",
        "ranker_v1",
        3.0,
        "rain",
        41.0,
    ]
    np.testing.assert_array_equal(new["vector"].iloc[1], np.array([0.5, np.nan], dtype=np.float32))


def test_people_and_gems_known_from_the_archive_alone_join(base: Dataset, tmp_path: Path) -> None:
    last = float(base.interactions["timestamp"].iloc[-1])
    archive(tmp_path, slate("s-live", "new-person", last, ["new-gem"]))
    found = with_history(base, tmp_path)
    assert found.users["user_id"].tolist().count("new-person") == 1
    assert sorted(found.users["user_id"]) == sorted([*base.users["user_id"], "new-person"])
    assert found.items["item_id"].tolist() == [*base.items["item_id"], "new-gem"]


def test_a_slate_that_names_nobody_is_kept_and_teaches_nothing(base: Dataset, tmp_path: Path) -> None:
    last = float(base.interactions["timestamp"].iloc[-1])
    archive(tmp_path, slate("s-nobody", "", last, ["g1"]), slate("s-live", "u1", last, ["g1"]))
    assert read_history(tmp_path).impressions["slate_id"].tolist() == ["s-live", "s-nobody"]
    found = with_history(base, tmp_path)
    assert found.impressions["slate_id"].tolist()[-1] == "s-live"
    assert len(found.impressions) == len(base.impressions) + 1
    assert "" not in set(found.users["user_id"])


def test_gems_have_their_last_attributes_and_closed_ones_stay(base: Dataset, tmp_path: Path) -> None:
    archive(
        tmp_path,
        ItemChange("g5", 2e9, {"name": "Later", "price_level": 3, "tags": ["tea", "view"], "unknown": 1}),
        ItemChange("g5", 1.9e9, {"name": "Earlier"}),
        ItemChange("fresh", 2e9, {"name": "Fresh", "type": "cafe", "created_at": 1.9e9, "lat": "north"}),
        ItemChange("fresh", 2.1e9, None),
        ItemChange("gone", 2e9, None),
    )
    items = with_history(base, tmp_path).items
    assert items["item_id"].tolist() == [*base.items["item_id"], "fresh"]
    changed = items.set_index("item_id")
    assert changed.loc["g5", ["name", "price_level", "tags"]].tolist() == ["Later", 3.0, "tea, view"]
    assert changed.loc["g5", "type"] is None
    assert np.isnan(changed.loc["g5", "authenticity"])
    assert changed.loc["fresh", ["name", "type", "created_at"]].tolist() == ["Fresh", "cafe", 1.9e9]
    assert np.isnan(changed.loc["fresh", "lat"])
    same = ~base.items["item_id"].isin(["g5"])
    pd.testing.assert_frame_equal(nones(items[: len(base.items)][same.to_numpy()]), nones(base.items[same]))
    assert list(items.columns) == list(base.items.columns)


def test_the_fingerprint_tells_histories_apart_and_not_files(base: Dataset, tmp_path: Path) -> None:
    last = float(base.interactions["timestamp"].iloc[-1])
    one = archive(tmp_path / "one", event("e1", last), event("e2", last))
    other = archive(tmp_path / "other", event("e2", last), event("e1", last))
    more = archive(tmp_path / "more", event("e1", last), event("e2", last), event("e3", last))
    marks = [with_history(base, folder).about.fingerprint for folder in (one, other, more)]
    assert marks[0] == marks[1]
    assert len({*marks, base.about.fingerprint}) == 3


def test_a_history_cannot_follow_an_order(tmp_path: Path) -> None:
    plain = tables.plain_dataset()
    orders = replace(plain, about=replace(plain.about, order_only=True))
    archive(tmp_path, event("e1", 1.9e9))
    with pytest.raises(BadInputError, match="has an order instead of times"):
        with_history(orders, tmp_path)


def test_a_dataset_without_impressions_gets_those_of_the_archive(tmp_path: Path) -> None:
    plain = tables.plain_dataset()
    shown = with_history(plain, archive(tmp_path, slate("s", "u1", 1.9e9, ["g1"]))).impressions
    assert shown["slate_id"].tolist() == ["s"]
    assert {column.name for column in FILES["impressions"]} <= set(shown.columns)


def test_a_gem_that_does_not_say_so_was_created_when_it_entered_or_as_known(base: Dataset, tmp_path: Path) -> None:
    known = replace(base, items=base.items.assign(created_at=1.5e9))
    archive(tmp_path, ItemChange("g5", 2e9, {"name": "Later"}), ItemChange("fresh", 2e9, {"name": "Fresh"}))
    created = with_history(known, tmp_path).items.set_index("item_id")["created_at"]
    assert created[["g5", "fresh"]].tolist() == [1.5e9, 2e9]
