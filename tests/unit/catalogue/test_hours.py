from datetime import UTC, date, datetime

import numpy as np
import pytest

from hidden_gems.catalogue.hours import HOURS_A_WEEK, open_at, open_hours_of_week
from hidden_gems.core.errors import BadInputError

ISTANBUL = "Europe/Istanbul"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-05-05T08:59:59+03:00", False),
        ("2026-05-05T09:00:00+03:00", True),
        ("2026-05-05T16:59:59+03:00", True),
        ("2026-05-05T17:00:00+03:00", False),
        ("2026-05-04T12:00:00+03:00", False),  # a Monday
    ],
)
def test_hours_are_local_and_end_when_they_say(moment: str, is_open: bool) -> None:
    assert open_at("Tu-Su 09:00-17:00", at(moment), ISTANBUL) is is_open


def test_the_same_moment_is_another_hour_in_another_zone() -> None:
    moment = int(datetime(2026, 5, 5, 7, 0, tzinfo=UTC).timestamp())  # 10:00 in Istanbul, 03:00 in New York
    assert open_at("Mo-Su 09:00-17:00", moment, ISTANBUL) is True
    assert open_at("Mo-Su 09:00-17:00", moment, "America/New_York") is False


@pytest.mark.parametrize(
    "text", [None, "", "   ", "when the owner feels like it", "Tu-Su 9 to 5", float("nan"), "24/7 unknown"]
)
def test_what_is_not_known_is_none(text: str | None) -> None:
    assert open_at(text, at("2026-05-05T12:00:00+03:00"), ISTANBUL) is None


def test_past_midnight_belongs_to_the_day_before() -> None:
    assert open_at("Fr 18:00-02:00", at("2026-05-09T01:30:00+03:00"), ISTANBUL) is True
    assert open_at("Fr 18:00-02:00", at("2026-05-08T01:30:00+03:00"), ISTANBUL) is False


def test_the_week_starts_on_monday_at_midnight() -> None:
    week = open_hours_of_week(["24/7", "Mo 09:00-11:00; Su 22:00-24:00", "24/7"])
    assert week.shape == (3, HOURS_A_WEEK)
    assert week.dtype == np.bool_
    assert week[0].all()
    assert week[2].all()
    assert np.flatnonzero(week[1]).tolist() == [9, 10, 166, 167]


def test_an_hour_is_judged_at_half_past() -> None:
    assert np.flatnonzero(open_hours_of_week(["Mo 09:15-11:45"])[0]).tolist() == [9, 10, 11]
    assert np.flatnonzero(open_hours_of_week(["Mo 09:31-11:30"])[0]).tolist() == [10]


def test_the_season_is_that_of_the_week_meant() -> None:
    summer_only = ["Jun-Sep Mo-Su 10:00-12:00"]
    assert open_hours_of_week(summer_only).sum() == 0
    assert open_hours_of_week(summer_only, monday=date(2026, 7, 6)).sum() == 14
    assert open_hours_of_week(["2026 May 04 10:00-12:00"]).sum() == 2  # the ordinary week is that of 4 May 2026


def test_no_places_have_no_hours() -> None:
    assert open_hours_of_week([]).shape == (0, HOURS_A_WEEK)


@pytest.mark.parametrize("text", ["sometimes", ""])
def test_a_week_of_unreadable_hours_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="cannot be read, expected OpenStreetMap syntax"):
        open_hours_of_week(["24/7", text])
