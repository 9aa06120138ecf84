"""Figures of small cities that nearly every change of the simulator moves; `frozen.json` holds those of today.

`python -m tests.unit.simulation.frozen` prints them anew.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np

from hidden_gems.datasets.contract import MOODS, WEATHERS
from hidden_gems.simulation.city import City
from tests.unit.simulation.conftest import live

Figures = dict[str, float]
PEOPLE = 60


def days(start: str) -> Figures:
    """Three days of a city."""
    lived = live(City(seed=0, people=150, days=3, start=start))
    events, shown, state = lived.interactions, lived.impressions, lived.city.state
    figures = {
        **events["event_type"].value_counts().sort_index(),
        **events["weather"].value_counts().sort_index(),
        **events["mood"].value_counts().sort_index(),
        "impressions": len(shown),
        "clicked": shown["clicked"].sum(),
        "hours": (events["timestamp"] - lived.city.start).mean() / 3600,
        "last hour": (events["timestamp"].max() - lived.city.start) / 3600,
    }
    figures |= {name: shown[name].sum() for name in ("position", "click_probability", "expected_reward", "propensity")}
    figures |= {f"mean {name}": events[name].mean() for name in ("value", "temperature_c", "lat", "lon", "position")}
    figures |= {f"different {name}": events[name].nunique() for name in ("item_id", "session_id", "slate_id", "lat")}
    figures |= {name: getattr(state, name).sum() for name in ("active", "satisfaction", "fatigue", "known", "load")}
    return {name: float(value) for name, value in figures.items()}


def year() -> City:
    return City(seed=0, people=PEOPLE, days=365, start="2026-01-01")


def people() -> Figures:
    """Who lives in the city."""
    city = year()
    figures = {
        "locals": city.people.is_local.sum(),
        "turkish": (city.people.language == "tr").sum(),
        "english": (city.people.language == "en").sum(),
        "consent": city.people.consent.sum(),
        "created": (city.people.created_at - city.start).mean() / 86_400,
    }
    for name in ("home", "first_day", "last_day", "archetype", "routine", "focus_phase", "focus"):
        figures[name] = getattr(city.people, name).mean()
    for name in ("factors", "types", "weights", "organic_per_day", "guide_per_day"):
        figures[name] = np.abs(getattr(city.people, name)).mean(dtype=np.float64)
    return {name: float(value) for name, value in figures.items()}


def gems() -> Figures:
    """What lies behind the catalogue."""
    city = year()
    figures = {
        "new": city.gems.new.sum(),
        "opened": (city.gems.created_at[city.gems.new] - city.start).mean() / 86_400,
        "known for": (city.start - city.gems.created_at[~city.gems.new]).mean() / 86_400,
        "one factor": city.gems.factors[:10, 0].sum(dtype=np.float64),
    }
    for name in ("quality", "factors", "capacity", "open", "mosque", "outdoor", "hidden", "price", "best_time"):
        figures[name] = np.abs(getattr(city.gems, name)).mean(dtype=np.float64)
    return {name: float(value) for name, value in figures.items()}


def weather() -> Figures:
    """A year of skies and temperatures."""
    drawn = year().weather
    figures = dict(zip(WEATHERS, np.bincount(drawn.sky.ravel(), minlength=len(WEATHERS)), strict=True))
    figures |= {f"day {day}": drawn.temperature_c[day].mean() for day in range(0, 365, 60)}
    figures |= {f"slot {slot}": warmth for slot, warmth in enumerate(drawn.temperature_c.mean(axis=0))}
    return {name: float(value) for name, value in figures.items()}


def moment(at: str, sky: str, temperature_c: float, mood: str) -> Figures:
    """The truth about everybody and every gem at one moment, in gems that fill up along the catalogue."""
    city, users = year(), np.arange(PEOPLE)
    seconds = int(datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/Istanbul")).timestamp())
    context = city.context(
        users,
        np.full(PEOPLE, seconds),
        sky=np.full(PEOPLE, WEATHERS.index(sky)),
        temperature_c=np.full(PEOPLE, temperature_c),
        mood=np.full(PEOPLE, MOODS.index(mood)),
    )
    context = replace(context, crowd=np.linspace(0, 2, len(city.gems), dtype=np.float32))
    utility = city.appeal(users, context)
    every = np.tile(np.arange(len(city.gems)), (PEOPLE, 1))
    outcomes = city.truth.outcomes(users, every, context)
    tables = {"pull": utility.pull, "liking": utility.liking, "reward": city.truth.reward_of(outcomes)}
    figures = {}
    for name, table in (tables | outcomes.__dict__).items():
        figures |= {f"{name} mean": table.mean(dtype=np.float64), f"{name} spread": table.std(dtype=np.float64)}
    return {name: float(value) for name, value in figures.items()}


SECTIONS: dict[str, Callable[[], Figures]] = {
    "winter days": partial(days, "2026-01-16"),
    "summer days": partial(days, "2026-07-03"),
    "people": people,
    "gems": gems,
    "weather": weather,
    "snow in the morning": partial(moment, "2026-01-20T09:00", "snow", -1.0, "calm"),
    "Friday prayer in Ramadan": partial(moment, "2026-02-27T13:00", "cloudy", 8.0, "curious"),
    "iftar": partial(moment, "2026-02-28T19:30", "clear", 9.0, "social"),
    "a Saturday in April": partial(moment, "2026-04-18T11:00", "partly_cloudy", 17.0, "romantic"),
    "a hot evening": partial(moment, "2026-07-14T20:15", "clear", 31.0, "adventurous"),
    "a windy night": partial(moment, "2026-09-06T02:00", "wind", 20.0, "tired"),
    "fog": partial(moment, "2026-11-11T16:00", "fog", 12.0, "focused"),
}


if __name__ == "__main__":
    print(json.dumps({name: make() for name, make in SECTIONS.items()}, indent=1))
