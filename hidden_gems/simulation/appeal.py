"""How much a person likes a gem, and how much it draws them now: the one utility from which everything is drawn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.contract import COLD_BELOW_C, GEM_TYPES, HOT_ABOVE_C, MOODS, TIMES_OF_DAY
from hidden_gems.simulation.context import NOWHERE, Context
from hidden_gems.simulation.gems import Floats, Gems
from hidden_gems.simulation.parameters import Parameters
from hidden_gems.simulation.people import People
from hidden_gems.simulation.rhythm import Moment, moment_of
from hidden_gems.simulation.weather import BAD, HALF_BAD

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Utility:
    """In logits of the click of an examined item."""

    liking: Floats  # what the person thinks of the gem in this moment, B X I
    pull: Floats  # what draws them there or keeps them away beyond that, B X I

    @property
    def appeal(self) -> Floats:
        """Both together, B X I."""
        return self.liking + self.pull


class Appeal:
    """Tables that turn people and moments into utilities of all gems.

    Notation: U people, I gems, T types, G groups of types, B moments.
    """

    def __init__(self, parameters: Parameters, gems: Gems, people: People, start: int, days: int, seed: int) -> None:
        self.parameters, self.gems, self.people, self.start = parameters, gems, people, start
        random = np.random.default_rng([seed, 3])
        tables = parameters.tables
        groups = tables.groups
        self.group_of_type = np.array([next(g for g, names in enumerate(groups) if t in names) for t in GEM_TYPES])
        self.group = self.group_of_type[gems.type]  # I
        self._after = np.array([_next_groups(routine) for routine in tables.routines])  # routines X G
        self._moods = np.array([[t in dict(tables.moods)[m] for t in GEM_TYPES] for m in MOODS], dtype=np.float32)
        hours = {name: (hour, width) for name, hour, width in tables.hours}
        self._hours = np.array([hours[t] for t in GEM_TYPES], dtype=np.float32)  # T X 2
        lives = random.normal(size=(len(TIMES_OF_DAY), len(gems.neighborhoods))) * (
            parameters.context.neighborhood_time_std
        )
        best = np.arange(len(TIMES_OF_DAY))[:, None] == gems.best_time
        self._time = (lives[:, gems.neighborhood] + parameters.context.best_time * (best - 0.25)).astype(np.float32)
        self._mean = 0.0
        raw = self._static(people.types)
        self._mean = float(raw.mean())
        self._base = raw - self._mean
        self._swapped = self._swap(random)
        walk = random.normal(size=(max(days, 1), len(gems))) * parameters.drift.quality_std_per_day
        self._walk = np.cumsum(walk, axis=0).astype(np.float32)  # days X I
        self._averse = _positive(parameters.taste.crowd_aversion + parameters.taste.crowd_std * people.weights[:, 3])
        travel = 1 + parameters.pull.travel_std * people.weights[:, 4]
        self._travel = (parameters.pull.travel_per_30_minutes / 30 * np.maximum(travel, 0.2)).astype(np.float32)

    def __call__(self, users: Rows, context: Context) -> Utility:
        """Utility of every gem.

        Args:
            users: Who is asked, rows of `people`, size B.
            context: When and where, B moments.
        """
        moment = moment_of(context.timestamp, self.parameters.context, self.parameters.pull)
        kinds = self.gems.type
        liking = self._taste_of(users, context) + self._type_liking(context, moment)[:, kinds]
        liking += self._time[moment.local.time_of_day]
        liking += self._sky(context)
        busy = np.minimum(0.5 * self.gems.crowd + context.crowd, self.parameters.taste.crowd_most)
        liking -= self._averse[users, None] * busy
        self._add_prayer(liking, users, moment)
        pull = self._type_pull(users, context)[:, kinds]
        pull -= self._travel[users, None] * context.travel_minutes
        pull -= self.parameters.pull.fatigue * context.fatigue
        pull += self.parameters.pull.familiar * np.log1p(context.known)
        return Utility(liking=liking, pull=pull)

    def day_of(self, timestamp: Rows) -> Rows:
        """Simulated day of each moment, moments outside count to the nearest day, size B."""
        return np.clip((timestamp - self.start) // DAY_SECONDS, 0, len(self._walk) - 1)

    def _static(self, types: Floats) -> Floats:
        """Liking that does not depend on the moment, U X I."""
        taste, gems, people = self.parameters.taste, self.gems, self.people
        product = people.factors @ gems.factors.T / np.sqrt(gems.factors.shape[1])
        authenticity, hidden, price = (people.weights[:, at, None] for at in range(3))
        tourists = np.where(people.is_local, taste.tourist_local, taste.tourist_visitor)[:, None]
        speaks = (people.language == "tr")[:, None]
        liking = (
            gems.quality
            + taste.factor_std * product
            + taste.type_std * types[:, gems.type]
            + (taste.authenticity + taste.authenticity_std * authenticity) * gems.authenticity
            + (taste.hidden + taste.hidden_std * hidden) * gems.hidden
            - (taste.price_aversion + taste.price_std * price) * gems.price
            + tourists * gems.tourists
            - taste.language_barrier * ~speaks * (1 - gems.tourists)
        )
        return np.asarray(taste.liking + liking - self._mean, dtype=np.float32)

    def _swap(self, random: np.random.Generator) -> Floats | None:
        """Static liking after some people's favourite types have traded places with their least liked ones."""
        drift = self.parameters.drift
        changed = random.random(len(self.people)) < drift.swap_share
        if drift.swap_day is None:
            return None
        types = self.people.types.copy()
        order = np.argsort(types, axis=1, kind="stable")
        low, high = order[:, : drift.swap_types], order[:, ::-1][:, : drift.swap_types]
        rows = np.arange(len(types))[:, None]
        types[rows, low], types[rows, high] = types[rows, high], types[rows, low]
        return self._static(np.where(changed[:, None], types, self.people.types))

    def _taste_of(self, users: Rows, context: Context) -> Floats:
        liking: Floats = self._base[users]
        day = self.day_of(context.timestamp)
        if self._swapped is not None:
            later = day >= (self.parameters.drift.swap_day or 0)
            liking[later] = self._swapped[users[later]]
        if self.parameters.drift.quality_std_per_day:
            liking = liking + self._walk[day]
        return np.asarray(liking, dtype=np.float32)

    def _type_liking(self, context: Context, moment: Moment) -> Floats:
        """Liking of each type in the moment, B X T."""
        of = self.parameters.context
        apart = np.abs(moment.local.hour[:, None] - self._hours[:, 0])
        apart = np.minimum(apart, 24 - apart)
        liking = of.hours * (np.exp(-0.5 * (apart / self._hours[:, 1]) ** 2) - 0.5)
        liking += of.mood * self._moods[context.mood]
        for weight, active, names in (
            (of.sunset, moment.sunset, ("viewpoint", "rooftop", "waterfront")),
            (of.weekend, moment.local.weekend, ("market", "garden", "nature", "waterfront")),
            (of.tulips, moment.month == 3, ("garden",)),
            (-of.ramadan_day, moment.ramadan_day, ("restaurant", "cafe", "bakery", "bar")),
            (of.iftar, moment.iftar, ("restaurant", "cafe", "bakery")),
        ):
            liking += weight * np.outer(active, np.isin(GEM_TYPES, names))
        return np.asarray(liking, dtype=np.float32)

    def _type_pull(self, users: Rows, context: Context) -> Floats:
        """Pull of each type: the next step of the routine, what was had today, the present focus; B X T."""
        of = self.parameters.pull
        rows = np.arange(len(users))
        pull = -of.satiation * context.done[:, self.group_of_type]
        left = context.last_item != NOWHERE
        after = self._after[self.people.routine[users], self.group[context.last_item]]
        fading = np.where(left, of.routine * np.exp(-context.minutes_since / of.routine_minutes), 0.0)
        pull += fading[:, None] * (self.group_of_type == after[:, None])
        period = ((self.day_of(context.timestamp) + self.people.focus_phase[users]) / of.focus_days).astype(np.int64)
        pull[rows, self.people.focus[users, period]] += of.focus
        return np.asarray(pull, dtype=np.float32)

    def _sky(self, context: Context) -> Floats:
        """Loss of outdoor gems in bad weather, cold and heat, gain of indoor ones; B X I."""
        of = self.parameters.context
        bad = BAD[context.sky] + 0.5 * HALF_BAD[context.sky]
        outside = -of.rain_outdoor * bad
        outside -= of.cold_outdoor * (context.temperature_c < COLD_BELOW_C)
        outside -= of.hot_outdoor * (context.temperature_c > HOT_ABOVE_C)
        inside = of.rain_indoor * bad
        return np.asarray(np.outer(outside, self.gems.outdoor) + np.outer(inside, 1 - self.gems.outdoor), np.float32)

    def _add_prayer(self, liking: Floats, users: Rows, moment: Moment) -> None:
        of = self.parameters.context
        if moment.prayer.any():
            weight = np.where(self.people.is_local[users], of.prayer_local, -of.prayer_visitor)
            liking += np.outer(weight * moment.prayer, self.gems.mosque).astype(np.float32)


def _next_groups(routine: tuple[int, ...]) -> list[int]:
    """The group that follows each group in a routine."""
    return [routine[(routine.index(group) + 1) % len(routine)] for group in range(len(routine))]


def _positive(values: Floats) -> Floats:
    return np.maximum(values, 0).astype(np.float32)
