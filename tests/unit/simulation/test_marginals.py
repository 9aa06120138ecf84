"""The city is fitted to real people; here a small city is held to it."""

import pandas as pd
import pytest

from hidden_gems.simulation.city import City
from hidden_gems.simulation.marginals import NEW_YORK, measure, residents
from tests.unit.simulation.conftest import live

MONDAY = 1_777_852_800  # 2026-05-04T00:00:00Z


def test_measure_by_hand() -> None:
    hour = 3600
    visits = pd.DataFrame(
        [
            ("a", "x", MONDAY + 24 * hour),
            ("a", "x", MONDAY + 8 * hour),
            ("a", "y", MONDAY + 14 * hour),  # six hours later: the same session
            ("a", "x", MONDAY + 14 * hour + 6 * hour + 1),
            ("b", "y", MONDAY + 5 * 24 * hour),
        ],
        columns=["user_id", "item_id", "timestamp"],
    )
    got = measure(visits, 15, "UTC")
    assert got.popularity_gini == pytest.approx(0.1)
    assert got.repeat_share == pytest.approx(0.4)
    assert got.session_length == pytest.approx((1 / 3, 2 / 3, 0, 0, 0))
    assert got.activity[2] == pytest.approx(5.0)  # between 8 and 2 visits in 30 days
    assert got.time_of_day == pytest.approx((0.2, 0.2, 0.2, 0.4))
    assert got.weekend_share == pytest.approx(0.2)


def test_long_sessions_count_as_five() -> None:
    visits = pd.DataFrame({"user_id": "a", "item_id": "x", "timestamp": MONDAY + 60 * pd.Series(range(9))})
    assert measure(visits, 1, "UTC").session_length == (0, 0, 0, 0, 1)


def test_residents_are_visits_of_locals() -> None:
    table = pd.DataFrame({"user_id": ["a", "a", "b"], "event_type": ["visit", "click", "visit"]})
    users = pd.DataFrame({"user_id": ["a", "b"], "is_local": [True, False]})
    assert residents(table, users).index.tolist() == [0]


def test_the_city_has_the_marginals_of_real_people() -> None:
    """Sixty days as in New York; the real file lacks rare places, so the city's Gini may lie 0.15 above."""
    city = live(City(seed=3, people=700, days=60))
    got = measure(residents(city.interactions, city.users), 60, "Europe/Istanbul")
    assert NEW_YORK.popularity_gini - 0.05 < got.popularity_gini < NEW_YORK.popularity_gini + 0.15
    assert got.repeat_share == pytest.approx(NEW_YORK.repeat_share, abs=0.06)
    assert got.session_length == pytest.approx(NEW_YORK.session_length, abs=0.03)
    assert got.activity[1:5] == pytest.approx(NEW_YORK.activity[1:5], rel=0.3)
    assert got.time_of_day == pytest.approx(NEW_YORK.time_of_day, abs=0.04)
    assert got.weekend_share == pytest.approx(NEW_YORK.weekend_share, abs=0.03)
