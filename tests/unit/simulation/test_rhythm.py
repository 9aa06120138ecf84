from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from hidden_gems.simulation.parameters import PARAMETERS
from hidden_gems.simulation.rhythm import Moment, hour_of_week, moment_of, month_of, start_of, sunset_hour


def _at(*texts: str) -> np.ndarray:
    zone = ZoneInfo("Europe/Istanbul")
    return np.array([int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) for text in texts])


def _moment(*texts: str) -> Moment:
    return moment_of(_at(*texts), PARAMETERS.context, PARAMETERS.pull)


def test_start_is_local_midnight() -> None:
    assert start_of("2026-07-15") == _at("2026-07-15T00:00:00")[0]
    assert start_of("2017-01-01") == _at("2017-01-01T00:00:00")[0]


def test_hour_of_week_and_month() -> None:
    at = _at("2026-03-02T00:00:00", "2026-03-01T23:59:59", "2026-03-04T13:30:00")  # Monday, Sunday, Wednesday
    assert hour_of_week(at.astype(float)).tolist() == [0, 167, 48 + 13]
    assert month_of(_at("2026-01-31T23:59:59", "2026-02-01T00:00:00", "2026-12-31T23:00:00")).tolist() == [0, 1, 11]


@pytest.mark.parametrize(("day", "hour"), [("2026-06-21", 20.65), ("2026-12-21", 17.6), ("2026-03-20", 19.2)])
def test_sunset_is_within_a_quarter_of_an_hour(day: str, hour: float) -> None:
    local = np.array([datetime.fromisoformat(day).timetuple().tm_yday])
    assert sunset_hour(local)[0] == pytest.approx(hour, abs=0.3)


def test_sunset_weight() -> None:
    moment = _moment("2026-03-22T19:06:00", "2026-03-22T18:06:00", "2026-03-22T17:00:00")
    assert moment.sunset == pytest.approx([1.0, 0.5, 0.0], abs=0.03)


def test_friday_prayer() -> None:
    moment = _moment("2026-03-06T12:30:00", "2026-03-06T13:59:00", "2026-03-06T14:00:00", "2026-03-05T13:00:00")
    assert moment.prayer.tolist() == [True, True, False, False]


def test_ramadan() -> None:
    moment = _moment("2026-03-10T13:00:00", "2026-03-10T19:30:00", "2026-03-10T23:00:00", "2026-03-20T13:00:00")
    assert moment.ramadan_day.tolist() == [True, False, False, False]
    assert moment.iftar.tolist() == [False, True, False, False]
    edges = _moment("2026-02-18T13:00:00", "2026-02-19T13:00:00", "2026-03-19T13:00:00")
    assert edges.ramadan_day.tolist() == [False, True, True]


def test_ferries() -> None:
    moment = _moment("2026-03-10T06:29:00", "2026-03-10T06:30:00", "2026-03-10T23:29:00", "2026-03-10T23:30:00")
    assert moment.ferries.tolist() == [False, True, True, False]


def test_edges_of_a_day_in_ramadan() -> None:
    dawn = _moment("2026-03-10T04:59:59", "2026-03-10T05:00:00")
    assert dawn.ramadan_day.tolist() == [False, True]
    sunset = sunset_hour(np.array([69]))[0]  # of 10 March
    midnight = _at("2026-03-10T00:00:00")
    around = midnight + np.array(
        [int(3600 * hour) for hour in (sunset - 0.01, sunset + 0.01, sunset + 2.99, sunset + 3.01)]
    )
    moment = moment_of(around, PARAMETERS.context, PARAMETERS.pull)
    assert moment.ramadan_day.tolist() == [True, False, False, False]
    assert moment.iftar.tolist() == [False, True, True, False]
