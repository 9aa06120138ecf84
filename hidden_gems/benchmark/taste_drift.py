"""How soon a person's change of taste is found, and how often one is found that was none, over all thresholds."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hidden_gems.benchmark.taste_lives import READINGS, Life, Reading, lives
from hidden_gems.drift.taste import TasteDrift

WITHIN = 60
"""Outcomes after a change within which it is to be found."""
KNOWN = (20, 60, 120)
"""Outcomes before the change from which on somebody counts as known; the second is the one that targets are about."""
THRESHOLDS = (2.0, 3.0, 4.0, 5.0, 7.0, 7.8, 10.0, 13.0)
ORACLE_THRESHOLDS = (0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0)
FALSE_PER_WEEK = 0.05
"""Share of the weeks without a change in which one may be found."""

Finds = Sequence[tuple[int, int]]
"""Timestamp, and outcomes so far, of each change that is found."""
Search = Callable[[Life, float], Finds]


@dataclass(frozen=True)
class Point:
    """What one threshold does."""

    threshold: float
    false_per_week: float  # share of the weeks with an outcome and without a change in which one is found
    false_per_any_week: float  # the same over all weeks from a person's first outcome to their last
    weeks: int  # with an outcome and without a change
    found: Mapping[int, float]  # share found within `WITHIN` outcomes, by the outcomes known before
    people: Mapping[int, int]  # of whom
    found_by_gems: float  # share found before `WITHIN` gems were answered, however often each; KNOWN[1]
    median_delay: float  # outcomes from the change to the find, infinite where most are not found; KNOWN[1]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; null where a number is not finite."""
        plain = asdict(self)
        plain["found"] = {str(key): _finite(value) for key, value in self.found.items()}
        plain["people"] = {str(key): value for key, value in self.people.items()}
        return plain | {"median_delay": _finite(self.median_delay), "found_by_gems": _finite(self.found_by_gems)}


def search_with(drift: TasteDrift) -> Search:
    """Search a life by the detector, which starts anew after each find."""

    def search(life: Life, threshold: float) -> Finds:
        memory, finds, outcomes = drift.start(), [], 0
        asked = TasteDrift(**asdict(drift) | {"threshold": threshold})
        for step in life.steps:
            if step.slate:
                memory = asked.shown(memory, step.slate)
                continue
            outcomes += 1
            memory, score = asked.learn_one(memory, step.kind, step.reward)
            if score >= threshold:
                finds.append((step.timestamp, outcomes))
        return finds

    return search


def oracle(life: Life, threshold: float) -> Finds:
    """Search a life by who knows both truths and only asks when: CUSUM of the log-likelihood ratio.

    Nobody finds this change sooner at as many false alarms.

    Source:
        Page (1954), Continuous Inspection Schemes; optimal by Moustakides (1986).
    """
    total, finds, outcomes = 0.0, [], 0
    for step in life.steps:
        if not step.slate:
            outcomes += 1
            continue
        total = max(total, 0.0) + step.evidence
        if total >= threshold:
            finds.append((step.timestamp, outcomes))
            total = 0.0
    return finds


def curve(lives: Sequence[Life], search: Search, thresholds: Sequence[float] = THRESHOLDS) -> Iterator[Point]:
    """One point for each threshold, from the lowest; who is not found at one is not searched at the next ones.

    That spares time: what reaches a threshold at all reaches it before any memory starts anew, so a path that never
    reached a lower threshold is the same path.
    """
    left = list(lives)
    for threshold in sorted(thresholds):
        finds = {id(life): search(life, threshold) for life in left}
        left = [life for life in left if finds[id(life)]]
        yield point(lives, [finds.get(id(life), ()) for life in lives], threshold)


def point(lives: Sequence[Life], finds: Sequence[Finds], threshold: float) -> Point:
    """What was found in each life, as shares."""
    false = weeks = any_weeks = 0
    delays: dict[int, list[float]] = {known: [] for known in KNOWN}
    by_gems: list[bool] = []
    for life, found in zip(lives, finds, strict=True):
        told = [step.timestamp for step in life.steps if not step.slate]
        steady = [at for at in told if life.steady(at)]
        active = {life.week(at) for at in steady}
        weeks += len(active)
        any_weeks += max(active) - min(active) + 1 if active else 0
        false += len({life.week(at) for at, _ in found if life.steady(at)} & active)
        if life.change is None or len(told) - len(steady) < WITHIN:
            continue
        delay = next((outcomes - len(steady) for at, outcomes in found if not life.steady(at)), math.inf)
        for known in KNOWN:
            if len(steady) >= known:
                delays[known].append(delay)
        if len(steady) >= KNOWN[1] and (most := _outcomes_of(life, WITHIN)) is not None:
            by_gems.append(delay <= most)
    return Point(
        threshold,
        false / max(weeks, 1),
        false / max(any_weeks, 1),
        weeks,
        {known: float(np.mean([d <= WITHIN for d in each])) if each else math.nan for known, each in delays.items()},
        {known: len(each) for known, each in delays.items()},
        float(np.mean(by_gems)) if by_gems else math.nan,
        float(np.median(delays[KNOWN[1]])) if delays[KNOWN[1]] else math.nan,
    )


def _outcomes_of(life: Life, gems: int) -> int | None:
    """Outcomes after the change until so many gems were answered; None where they never were."""
    after = [step for step in life.steps if not step.slate and not life.steady(step.timestamp)]
    answered = np.cumsum([step.first for step in after])
    return int(np.searchsorted(answered, gems)) + 1 if answered[-1] >= gems else None


@dataclass(frozen=True)
class Study:
    """One reading of a change of taste."""

    reading: Reading
    what: str
    chosen: float  # threshold of the detector as it is used
    detector: Sequence[Point]
    oracle: Sequence[Point]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        points = {name: [each.as_dict() for each in getattr(self, name)] for name in ("detector", "oracle")}
        return {"reading": self.reading, "what": self.what, "chosen": self.chosen} | points


def study(
    reading: Reading,
    people: int,
    weeks: int,
    seeds: Sequence[int],
    progress: Callable[[str, float], None] = lambda what, share: None,
) -> Study:
    """Both curves of one reading over the people of all seeds.

    Args:
        reading: What changes.
        people: In each city.
        weeks: Of each city.
        seeds: Of the cities.
        progress: Told what is done and how far it is, 0 to 1.
    """
    lived: list[Life] = []
    for place, seed in enumerate(seeds):
        days = itertools.count(1)
        what = f"{reading}: city {seed}"

        def day(place: int = place, days: Iterator[int] = days, what: str = what) -> None:
            progress(what, 0.6 * (place + next(days) / (7 * weeks)) / len(seeds))

        lived += lives(reading, people, weeks, seed, day)
    drift = TasteDrift()
    thresholds, found = sorted({*THRESHOLDS, drift.threshold}), []
    for each in curve(lived, search_with(drift), thresholds):
        found.append(each)
        progress(f"{reading}: threshold {each.threshold:g}", 0.6 + 0.4 * len(found) / len(thresholds))
    return Study(reading, READINGS[reading], drift.threshold, found, list(curve(lived, oracle, ORACLE_THRESHOLDS)))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
