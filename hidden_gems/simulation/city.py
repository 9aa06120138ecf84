"""The simulated city: everything that is true in it, rebuilt from parameters and a seed, and its days one by one."""

from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.catalogue.geography import shore_of
from hidden_gems.catalogue.places import load_neighborhoods, load_places
from hidden_gems.catalogue.travel import travel_minutes
from hidden_gems.core.clock import DAY_SECONDS, SimulatedClock
from hidden_gems.core.errors import BadInputError
from hidden_gems.datasets.contract import MOODS, WEATHERS
from hidden_gems.simulation.appeal import Appeal, Rows
from hidden_gems.simulation.context import NOWHERE, Context
from hidden_gems.simulation.gems import Floats, draw_gems, opening_by_month
from hidden_gems.simulation.log import DayLog
from hidden_gems.simulation.parameters import PARAMETERS, Parameters
from hidden_gems.simulation.people import draw_people
from hidden_gems.simulation.policy import LoggedPopularity, Policy
from hidden_gems.simulation.rhythm import moment_of, start_of
from hidden_gems.simulation.sessions import Day
from hidden_gems.simulation.state import State
from hidden_gems.simulation.truth import Truth
from hidden_gems.simulation.weather import SLOTS, draw_weather

START = "2026-03-01"


class City:
    """A seeded Istanbul of people who never were; what it says is simulated.

    The truth (`truth`, `gems`, `people`, `weather`) depends on the arguments alone; `state` moves with every `step`.

    Args:
        parameters: Every number of the city.
        seed: Seed of everything that is drawn.
        people: How many people are ever in the city.
        days: Simulated days.
        start: First day, ISO date, local midnight.
        places: Rows of the catalogue; None takes all.
        clock: Moved to the end of each simulated day; None makes one that starts at `start`.

    Examples:
        >>> city = City(seed=1, people=30, days=2)
        >>> log = city.step()
        >>> log.day, city.day
        (0, 1)
    """

    def __init__(
        self,
        parameters: Parameters = PARAMETERS,
        seed: int = 0,
        people: int = 2000,
        days: int = 60,
        start: str = START,
        places: pd.DataFrame | None = None,
        clock: SimulatedClock | None = None,
    ) -> None:
        for name, value in (("people", people), ("days", days)):
            if value < 1:
                raise BadInputError(f"a simulated city needs at least 1 of {name}, got {value}")
        self.parameters, self.seed, self.days, self.start = parameters, seed, days, start_of(start)
        places = load_places() if places is None else places
        opening = opening_by_month(places["opening_hours"].tolist(), int(start[:4]))
        self.gems = draw_gems(parameters, places, opening, self.start, days, seed)
        settled = np.bincount(self.gems.neighborhood)
        self.people = draw_people(parameters, people, days, self.start, settled, np.random.default_rng([seed, 2]))
        self.weather = draw_weather(
            parameters.weather, parameters.drift, self.start, days, np.random.default_rng([seed, 4])
        )
        self.appeal = Appeal(parameters, self.gems, self.people, self.start, days, seed)
        self.truth = Truth(self.appeal, self.gems, parameters.feedback)
        self.logging_policy = LoggedPopularity(parameters.policy)
        self.random = np.random.default_rng([seed, 5])
        self.state = State.fresh(self.people, self.gems, len(parameters.tables.groups))
        self.clock = clock or SimulatedClock(start=float(self.start))
        self.day = 0
        self.sessions = self.slates = 0  # so far

    @property
    def end(self) -> int:
        """First second after the simulated days, epoch seconds."""
        return self.start + self.days * DAY_SECONDS

    def step(self, policy: Policy | None = None) -> DayLog:
        """Live one day; whoever asks the guide is shown what `policy` chooses (None: the logging policy).

        Raises:
            BadInputError: If all simulated days are over.
        """
        if self.day >= self.days:
            raise BadInputError(f"all {self.days} simulated days are over; make a City with more days")
        log = Day(self, policy or self.logging_policy).live()
        self.end_day()
        return log

    def end_day(self) -> None:
        """Close a day that was lived, for who lives it by `Day` and not by `step`."""
        self.state.end_day(self.parameters, self.random)
        self.day += 1
        self.clock.advance(self.start + self.day * DAY_SECONDS - self.clock.now())

    def context(
        self,
        users: Rows,
        timestamp: NDArray[np.int64],
        *,
        mood: NDArray[np.int64] | None = None,
        lat: NDArray[np.float64] | None = None,
        lon: NDArray[np.float64] | None = None,
        sky: NDArray[np.int64] | None = None,
        temperature_c: NDArray[np.float64] | None = None,
    ) -> Context:
        """Fresh moments of people: nothing done, seen or known yet, no crowds.

        Args:
            users: Rows of the people, size B.
            timestamp: Epoch seconds, size B.
            mood: Index into MOODS, size B; None means calm.
            lat: Where they are, size B; None (with `lon`) means at home.
            lon: As `lat`.
            sky: Index into WEATHERS, size B; None takes the city's weather.
            temperature_c: Size B; None takes the city's weather.
        """
        batch, groups = len(users), len(self.parameters.tables.groups)
        day, slot = self.slot_of(timestamp)
        if lat is None or lon is None:
            lat, lon = (axis[self.people.home[users]] for axis in self._origins)
        travel = travel_minutes(lat[:, None], lon[:, None], self.gems.lat, self.gems.lon).astype(np.float32)
        crosses = shore_of(lat, lon)[:, None] != self._shore
        nothing = np.zeros((batch, len(self.gems)), dtype=np.float32)
        return Context(
            timestamp=timestamp,
            sky=self.weather.sky[day, slot] if sky is None else sky,
            temperature_c=self.weather.temperature_c[day, slot] if temperature_c is None else temperature_c,
            mood=np.full(batch, MOODS.index("calm")) if mood is None else mood,
            lat=lat,
            lon=lon,
            travel_minutes=self._with_ferries(travel, crosses, timestamp),
            last_item=np.full(batch, NOWHERE),
            minutes_since=np.zeros(batch, dtype=np.float32),
            done=np.zeros((batch, groups), dtype=np.float32),
            crowd=np.zeros(len(self.gems), dtype=np.float32),
            fatigue=nothing,
            known=nothing,
        )

    def context_now(self, users: Rows, timestamp: NDArray[np.int64], mood: NDArray[np.int64]) -> Context:
        """Moments of people as the city's state has them, size B each."""
        of, state = self.parameters.sessions, self.state
        day, slot = self.slot_of(timestamp)
        minutes = ((timestamp - state.last_time[users]) / 60.0).astype(np.float32)
        out = (state.last_item[users] != NOWHERE) & (minutes < of.home_after_minutes)
        place = np.where(out, len(self.gems.neighborhoods) + state.last_item[users], self.people.home[users])
        return Context(
            timestamp=timestamp,
            sky=self.weather.sky[day, slot],
            temperature_c=self.weather.temperature_c[day, slot],
            mood=mood,
            lat=self._origins[0][place],
            lon=self._origins[1][place],
            travel_minutes=self._with_ferries(self._travel[place], self._crosses[place], timestamp),
            last_item=state.last_item[users],
            minutes_since=np.maximum(minutes, 0),
            done=state.done[users],
            crowd=state.crowd(self.gems, self.parameters.gems.crowd_half_life_days),
            fatigue=state.fatigue[users],
            known=state.known[users],
        )

    def slot_of(self, timestamp: NDArray[np.int64]) -> tuple[Rows, Rows]:
        """Simulated day and slot of each moment; the hours before the first slot belong to the night before."""
        hours = (timestamp - self.start) / 3600.0 - self.parameters.sessions.slot_hours[0]
        day = np.clip(hours // 24, 0, self.days - 1).astype(np.int64)
        starts = np.array(self.parameters.sessions.slot_hours) - self.parameters.sessions.slot_hours[0]
        slot = np.searchsorted(starts, hours - 24 * (hours // 24), side="right") - 1
        return day, np.clip(slot, 0, SLOTS - 1).astype(np.int64)

    def weather_words(self, timestamp: NDArray[np.int64]) -> list[str]:
        """Weather of each moment in the words of the contract."""
        return [WEATHERS[sky] for sky in self.weather.sky[self.slot_of(timestamp)].tolist()]

    def _with_ferries(self, travel: Floats, crosses: NDArray[np.bool_], timestamp: NDArray[np.int64]) -> Floats:
        """Add the detour between shores while no ferry runs; B X I."""
        ferries = moment_of(timestamp, self.parameters.context, self.parameters.pull).ferries
        return np.asarray(travel + self.parameters.pull.night_ferry_minutes * (~ferries[:, None] & crosses), np.float32)

    @cached_property
    def _origins(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitude and longitude of the neighbourhoods, then of the gems; N + I each."""
        centres = load_neighborhoods().set_index("name").loc[list(self.gems.neighborhoods)]
        lat = np.concatenate([centres["lat"].to_numpy(np.float64), self.gems.lat])
        return lat, np.concatenate([centres["lon"].to_numpy(np.float64), self.gems.lon])

    @cached_property
    def _shore(self) -> NDArray[np.str_]:
        return shore_of(self.gems.lat, self.gems.lon)

    @cached_property
    def _travel(self) -> Floats:
        lat, lon = self._origins
        minutes = travel_minutes(lat[:, None], lon[:, None], self.gems.lat, self.gems.lon)
        return np.asarray(minutes, dtype=np.float32)

    @cached_property
    def _crosses(self) -> NDArray[np.bool_]:
        return np.asarray(shore_of(*self._origins)[:, None] != self._shore)
