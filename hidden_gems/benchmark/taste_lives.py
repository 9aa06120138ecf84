"""Simulated people whose taste in types changes at a moment: what they saw and told, and what it says of the change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.contract import GEM_TYPES
from hidden_gems.drift.kinds import KINDS, kind_of
from hidden_gems.events.kinds import reward_of
from hidden_gems.simulation.appeal import Appeal
from hidden_gems.simulation.city import City
from hidden_gems.simulation.feedback import EVENT_TYPES, examination
from hidden_gems.simulation.log import EVENTS, NONE, DayLog, joined
from hidden_gems.simulation.parameters import FeedbackParameters
from hidden_gems.simulation.policy import EMPTY, Request, Slates
from hidden_gems.simulation.truth import Outcomes, Truth

Reading = Literal["favourites", "least", "shares"]
READINGS: dict[Reading, str] = {
    "favourites": "the favourite type and the second favourite trade places",
    "least": "the two favourite types trade places with the two least liked",
    "shares": "six in ten likes go to one type and one in ten to another, then the other way round (no city: drawn)",
}
WEEK_SECONDS = 7 * DAY_SECONDS
_KIND = np.array([kind_of(name) for name in GEM_TYPES])
_OUTCOMES_PER_WEEK = 20  # of somebody whose likes are drawn from shares
_BEFORE, _AFTER = (0.6, 0.1), (0.1, 0.6)
_TINY = 1e-30

Floats = NDArray[np.float64]


class Step(NamedTuple):
    """A slate, or one outcome."""

    timestamp: int  # epoch seconds
    slate: tuple[int, ...]  # kinds from the first position; empty for an outcome
    kind: int  # of an outcome
    reward: float  # of an outcome
    first: bool  # of an outcome: the first of its gem in its slate
    evidence: float  # of a slate: logarithm of how much likelier what followed is after the change than before


@dataclass(frozen=True)
class Life:
    """One person in the order of time."""

    steps: Sequence[Step]
    start: int  # of the first week, epoch seconds
    change: int | None  # from when on taste is another, epoch seconds; None for who stays as they are

    def steady(self, timestamp: int) -> bool:
        """Whether taste has not changed yet."""
        return self.change is None or timestamp < self.change

    def week(self, timestamp: int) -> int:
        """Number of the week of a moment."""
        return (timestamp - self.start) // WEEK_SECONDS


def lives(reading: Reading, people: int, weeks: int, seed: int, day: Callable[[], None] = lambda: None) -> list[Life]:
    """Let people live; in the middle the taste of half of them changes.

    Args:
        reading: What changes.
        people: How many are ever in the city.
        weeks: How long.
        seed: Of the city, of who changes, and of all draws.
        day: Called after each simulated day.
    """
    if reading == "shares":
        return [_drawn(weeks, number, seed) for number in range(people)]
    return _Lived(City(seed=seed, people=people, days=7 * weeks), reading).live(day)


def swapped(types: NDArray[np.float32], reading: Reading) -> NDArray[np.float32]:
    """Tastes by type after the change, people X types."""
    after, rows = types.copy(), np.arange(len(types))
    order = np.argsort(types, axis=1, kind="stable")
    pairs = ((-1, -2),) if reading == "favourites" else ((-1, 0), (-2, 1))
    for one, other in pairs:
        after[rows, order[:, one]] = types[rows, order[:, other]]
        after[rows, order[:, other]] = types[rows, order[:, one]]
    return after


class _Lived:
    """A city under its logging policy, and beside every slate both truths: taste as it was, and as it would be."""

    def __init__(self, city: City, reading: Reading) -> None:
        self.city, self.days = city, city.days
        self.changed = np.random.default_rng([city.seed, 77]).random(len(city.people)) < 0.5
        after = swapped(city.people.types, reading)
        self.truths = city.truth, Truth(self._appeal(after), city.gems, city.parameters.feedback)
        self.turned = self._appeal(np.where(self.changed[:, None], after, city.people.types))
        self.users: list[NDArray[np.int64]] = []
        self.times: list[NDArray[np.int64]] = []
        self.items: list[NDArray[np.int64]] = []
        self.outcomes: tuple[list[Outcomes], list[Outcomes]] = ([], [])

    def live(self, day: Callable[[], None]) -> list[Life]:
        city, middle, logs = self.city, self.days // 2, []
        for number in range(self.days):
            if number == middle:
                city.appeal, city.truth = self.turned, Truth(self.turned, city.gems, city.parameters.feedback)
            logs.append(city.step(self._fill))
            day()
        steps = self._steps(logs)
        change = city.start + middle * DAY_SECONDS
        return [
            Life(steps.get(row, ()), city.start, change if self.changed[row] else None)
            for row in range(len(city.people))
        ]

    def _fill(self, request: Request, random: np.random.Generator) -> Slates:
        slates = self.city.logging_policy(request, random)
        shown = np.maximum(slates.items, 0)
        for truth, book in zip(self.truths, self.outcomes, strict=True):
            book.append(truth.outcomes(request.users, shown, request.context))
        self.users.append(request.users)
        self.times.append(request.context.timestamp)
        self.items.append(slates.items)
        return slates

    def _steps(self, logs: Sequence[DayLog]) -> dict[int, list[Step]]:
        events = joined([chunk for log in logs for chunk in log.events], EVENTS)
        told = events[events["slate"] != NONE]
        users, times, items = (np.concatenate(each) for each in (self.users, self.times, self.items))
        kinds = _KIND[self.city.gems.type]
        evidence = _evidence(_joined(self.outcomes[1]), _joined(self.outcomes[0]), items, told, self.city)
        steps: dict[int, list[Step]] = {}
        for user, at, row, seen in zip(users.tolist(), times.tolist(), items, evidence.tolist(), strict=True):
            slate = tuple(kinds[row[row != EMPTY]].tolist())
            steps.setdefault(user, []).append(Step(at, slate, 0, 0.0, False, seen))
        told = told.sort_values("timestamp", kind="stable")
        first = ~told.duplicated(["slate", "position"])
        columns = (told[name].tolist() for name in ("user", "timestamp", "item", "code", "value"))
        for user, at, item, code, value, new in zip(*columns, first.tolist(), strict=True):
            reward = reward_of(EVENT_TYPES[code], None if np.isnan(value) else value)
            steps[user].append(Step(at, (), int(kinds[item]), reward, new, 0.0))
        return {user: sorted(each, key=lambda step: (step.timestamp, not step.slate)) for user, each in steps.items()}

    def _appeal(self, types: NDArray[np.float32]) -> Appeal:
        city = self.city
        return Appeal(city.parameters, city.gems, replace(city.people, types=types), city.start, city.days, city.seed)


def _joined(parts: Sequence[Outcomes]) -> Outcomes:
    names = [each.name for each in fields(Outcomes)]
    return Outcomes(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _evidence(after: Outcomes, before: Outcomes, items: NDArray[np.int64], told: pd.DataFrame, city: City) -> Floats:
    """Log-likelihood ratio of what followed each slate, but for ratings."""
    happened: dict[str, NDArray[np.bool_]] = {name: np.zeros(items.shape, dtype=bool) for name in EVENT_TYPES}
    dwell = np.ones(items.shape)
    for code, name in enumerate(EVENT_TYPES):
        part = told[told["code"] == code]
        happened[name][part["slate"], part["position"]] = True
        if name == "dwell":
            dwell[part["slate"], part["position"]] = np.maximum(part["value"], 0.1)
    of, look = city.parameters.feedback, examination(city.parameters.feedback, items.shape[1])
    one, other = (_likelihood(each, happened, dwell, of, look) for each in (after, before))
    return np.asarray(((one - other) * (items != EMPTY)).sum(axis=1), dtype=np.float64)


def _likelihood(
    outcomes: Outcomes, happened: dict[str, NDArray[np.bool_]], dwell: Floats, of: FeedbackParameters, look: Floats
) -> Floats:
    """Logarithm of the likelihood of what happened to each place, as `draw_feedback` draws it; slates X positions."""
    left = 1 - outcomes.click
    stays = left * (1 - outcomes.dismiss)
    silent = stays * (1 - outcomes.skip)
    clicked = np.log(outcomes.click + _TINY)
    clicked = clicked - 0.5 * ((np.log(dwell) - outcomes.dwell_log_mean) / of.dwell_spread) ** 2
    for name in ("save", "share", "visit"):
        probability = getattr(outcomes, name)
        clicked += np.log(np.where(happened[name], probability, 1 - probability) + _TINY)
    cases = [
        (happened["click"], clicked),
        (happened["dismiss"], np.log(left * outcomes.dismiss + _TINY)),
        (happened["skip"], np.log(stays * outcomes.skip + _TINY)),
        (happened["view"], np.log(silent + _TINY)),
    ]
    nothing = np.log(1 - look * (1 - silent * (1 - of.view)))
    return np.asarray(np.select([case for case, _ in cases], [value for _, value in cases], nothing), dtype=np.float64)


def _drawn(weeks: int, number: int, seed: int) -> Life:
    """Somebody who sees ten types at random before each like, whatever they like."""
    random = np.random.default_rng([seed, 78, number])
    one, other = random.choice(np.arange(1, KINDS), size=2, replace=False)
    shares = np.full((2, KINDS), 0.3 / (KINDS - 3))
    shares[:, 0] = 0.0
    shares[:, [one, other]] = _BEFORE, _AFTER
    count, middle = _OUTCOMES_PER_WEEK * weeks, _OUTCOMES_PER_WEEK * weeks // 2
    changed, steps = bool(number % 2), []
    for place in range(count):
        at = place * WEEK_SECONDS // _OUTCOMES_PER_WEEK
        kind = int(random.choice(KINDS, p=shares[int(changed and place >= middle)]))
        slate = tuple(random.permutation(np.arange(1, KINDS))[:10].tolist())
        steps += [Step(at, slate, 0, 0.0, False, float(np.log(shares[1, kind] / shares[0, kind])))]
        steps += [Step(at, (), kind, reward_of("click"), True, 0.0)]
    return Life(steps, 0, middle * WEEK_SECONDS // _OUTCOMES_PER_WEEK if changed else None)
