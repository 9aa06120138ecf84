"""What the log of a small city must look like."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hidden_gems.catalogue.hours import open_at
from hidden_gems.core.clock import DAY_SECONDS, SimulatedClock
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.contract import FILES, MOODS, WEATHERS
from hidden_gems.events.kinds import KINDS
from hidden_gems.simulation.city import City
from hidden_gems.simulation.feedback import examination
from hidden_gems.simulation.log import TRUTH_COLUMNS
from hidden_gems.simulation.rhythm import TIMEZONE, start_of
from hidden_gems.simulation.write import simulate
from tests.unit.simulation.conftest import Lived

START = 1_772_312_400  # 2026-03-01T00:00:00+03:00


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    counts = [simulate(tmp_path / name, people=60, days=3, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    first, again, other = (_bytes(tmp_path / name) for name in "abc")
    assert first == again
    assert counts[0] == counts[1]
    assert first["interactions.parquet"] != other["interactions.parquet"]
    assert first["users.parquet"] != other["users.parquet"]


def test_days_one_by_one_are_the_same_days() -> None:
    short, long = (City(seed=1, people=60, days=3) for _ in range(2))
    logs = [short.step() for _ in range(2)]
    again = [long.step() for _ in range(2)]
    for one, other in zip(logs, again, strict=True):
        for left, right in zip(one.impressions, other.impressions, strict=True):
            assert all(np.array_equal(left[name], right[name]) for name in left)


def test_columns_and_words_of_the_contract(lived: Lived) -> None:
    for name, columns in FILES.items():
        table = getattr(lived, name)
        assert set(table.columns) - set(TRUTH_COLUMNS) == {column.name for column in columns}
        for column in columns:
            if column.required or name == "impressions":
                assert table[column.name].notna().all(), column.name
    assert set(lived.interactions["weather"]) <= set(WEATHERS)
    assert set(lived.interactions["mood"]) == set(MOODS)
    assert set(lived.interactions["event_type"]) <= set(KINDS)
    assert lived.interactions["event_id"].is_unique
    assert lived.users["user_id"].str.match(r"^u\d{5}$").all()


def test_values_are_in_their_ranges(lived: Lived) -> None:
    table = lived.interactions
    rating = table.loc[table["event_type"] == "rating", "value"]
    dwell = table.loc[table["event_type"] == "dwell", "value"]
    assert set(rating) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert dwell.between(0.1, 3600).all()
    assert table.loc[~table["event_type"].isin(["rating", "dwell"]), "value"].isna().all()
    assert (dwell > 120).any()
    assert (dwell < 30).any()


def test_clicks_of_impressions_are_clicks_of_the_log(lived: Lived) -> None:
    clicks = lived.interactions[lived.interactions["event_type"] == "click"]
    clicked = lived.impressions[lived.impressions["clicked"]]
    keys = ["slate_id", "item_id", "position", "user_id"]
    logged = set(clicks[keys].astype({"position": int}).itertuples(index=False, name=None))
    shown = set(clicked[keys].itertuples(index=False, name=None))
    assert logged <= shown
    assert len(logged) >= len(shown) - 5  # clicks after the last midnight are cut off


def test_events_of_one_impression_agree(lived: Lived) -> None:
    table = lived.interactions.dropna(subset=["slate_id"])
    kinds = table.groupby(["slate_id", "item_id"])["event_type"].agg(set)
    with_click = kinds[kinds.map(lambda names: bool(names & {"dwell", "save", "share", "visit", "rating"}))]
    assert (with_click.map(lambda names: "click" in names)).all()
    assert not kinds.map(lambda names: {"skip", "click"} <= names or {"skip", "dismiss"} <= names).any()


def test_slates_have_no_item_twice_and_positions_from_zero(lived: Lived) -> None:
    shown = lived.impressions
    assert not shown.duplicated(["slate_id", "item_id"]).any()
    size = shown.groupby("slate_id")["position"].agg(["min", "max", "count"])
    assert (size["min"] == 0).all()
    assert (size["max"] == size["count"] - 1).all()
    assert size["count"].max() == 10


def test_all_times_lie_in_the_simulated_days(lived: Lived) -> None:
    end = START + 30 * DAY_SECONDS
    assert start_of("2026-03-01") == START
    for table in (lived.interactions, lived.impressions):
        assert table["timestamp"].between(START, end - 1).all()
        assert table["timestamp"].is_monotonic_increasing
    assert lived.interactions["timestamp"].max() > end - DAY_SECONDS


def test_nobody_acts_before_joining_or_after_leaving(lived: Lived) -> None:
    city, users = lived.city, lived.users.set_index("user_id")
    times = lived.interactions.groupby("user_id")["timestamp"].agg(["min", "max"])
    assert (times["min"] > users.loc[times.index, "created_at"]).all()
    row = pd.Series(np.arange(len(users)), index=users.index)[times.index].to_numpy()
    # a session that begins late on the last day may go on through the next
    assert (times["max"] < START + (city.people.last_day[row] + 2) * DAY_SECONDS).all()
    assert (users["created_at"] >= START).mean() > 0.3


def test_new_gems_are_cold_and_then_found(lived: Lived) -> None:
    created = lived.items.set_index("item_id")["created_at"]
    new = created[created >= START]
    assert len(new) == round(0.12 * len(created))
    assert new.min() >= START + 4 * DAY_SECONDS
    assert new.max() < START + 26 * DAY_SECONDS
    for table in (lived.interactions, lived.impressions):
        assert (table["timestamp"].to_numpy() >= created[table["item_id"]].to_numpy()).all()
    assert lived.impressions["item_id"].isin(new.index).sum() > 100


def test_visits_happen_while_the_gem_is_open(lived: Lived) -> None:
    """Opening is judged at half past each hour, so a visit may miss it by at most half an hour."""
    visits = lived.interactions[lived.interactions["event_type"] == "visit"].sample(1500, random_state=0)
    hours = lived.items.set_index("item_id")["opening_hours"]
    closed = [
        not any(open_at(hours[item], at + minutes * 60, TIMEZONE) for minutes in (-30, 0, 30))
        for item, at in zip(visits["item_id"], visits["timestamp"], strict=True)
    ]
    assert sum(closed) == 0
    always = [not open_at(hours[item], START + 3 * 3600, TIMEZONE) for item in visits["item_id"]]
    assert np.mean(always) > 0.4  # the test could fail: many of these gems do close


def test_position_bias_is_the_examination(lived: Lived) -> None:
    shown = lived.impressions
    look = examination(lived.city.parameters.feedback, 10)
    assert look[0] == 1.0
    assert look[9] == pytest.approx(10**-0.45)
    expected = (shown["click_probability"] * look[shown["position"]]).groupby(shown["position"]).agg(["sum", "count"])
    clicks = shown.groupby("position")["clicked"].sum()
    assert (abs(clicks - expected["sum"]) < 4 * np.sqrt(expected["sum"])).all()
    assert clicks[0] > 1.8 * clicks[9]


def test_people_repeat_and_go_alone(lived: Lived) -> None:
    visits = lived.interactions[lived.interactions["event_type"] == "visit"]
    assert 0.3 < visits.duplicated(["user_id", "item_id"]).mean() < 0.7
    assert 0.5 < visits["slate_id"].isna().mean() < 0.95
    assert (visits["slate_id"].isna() == visits["position"].isna()).all()
    sessions = lived.impressions.merge(lived.interactions[["slate_id", "session_id"]].drop_duplicates(), on="slate_id")
    assert sessions.groupby("session_id")["slate_id"].nunique().max() > 2


def test_the_clock_is_moved_to_the_end_of_each_day() -> None:
    clock = SimulatedClock(start=0.0)
    city = City(seed=0, people=5, days=2, clock=clock)
    city.step()
    assert clock.now() == START + DAY_SECONDS
    city.step()
    assert clock.now() == START + 2 * DAY_SECONDS
    with pytest.raises(BadInputError, match="all 2 simulated days are over"):
        city.step()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"people": 0}, "at least 1 of people, got 0"),
        ({"days": 0}, "at least 1 of days, got 0"),
        ({"start": "spring"}, "'spring' is not a date"),
        ({"start": "2016-12-31"}, "before 2017"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        City(**arguments)  # type: ignore[arg-type]


def test_the_smallest_city_lives() -> None:
    city = City(seed=0, people=1, days=1, start="2017-01-01")
    assert city.step().day == 0
