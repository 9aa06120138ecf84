"""Who is in the city: where they live, what they speak, when they come, and what they truly like."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS
from hidden_gems.datasets.contract import GEM_TYPES
from hidden_gems.simulation.parameters import Parameters

Floats = NDArray[np.float32]
LANGUAGES = ("tr", "en", "other")


@dataclass(frozen=True)
class People:
    """Notation: U people, K latent factors, T gem types, F periods."""

    ids: NDArray[np.object_]  # U
    is_local: NDArray[np.bool_]  # U
    language: NDArray[np.object_]  # tr, en or other, U
    home: NDArray[np.int64]  # index of the neighbourhood of home or hotel, U
    first_day: NDArray[np.int64]  # first day with the guide, U
    last_day: NDArray[np.int64]  # last day in the city, U
    created_at: NDArray[np.int64]  # epoch seconds, U
    consent: NDArray[np.bool_]  # U
    archetype: NDArray[np.int64]  # U
    routine: NDArray[np.int64]  # index of the daily order of groups, U
    factors: Floats  # standard normal, U X K
    types: Floats  # standard normal, U X T
    weights: Floats  # authenticity, hidden, price, crowd, travel; standard normal, U X 5
    organic_per_day: Floats  # U
    guide_per_day: Floats  # U
    focus_phase: NDArray[np.float64]  # days, U
    focus: NDArray[np.int64]  # type a person is into in each period of `focus_days`, U X F

    def __len__(self) -> int:
        return len(self.ids)


def draw_people(
    parameters: Parameters, count: int, days: int, start: int, gems: NDArray[np.int64], random: np.random.Generator
) -> People:
    """Draw everybody who is ever in the city during the simulated days.

    Args:
        parameters: The city.
        count: U.
        days: Simulated days.
        start: First local midnight, epoch seconds.
        gems: Gems in each neighbourhood; more people live where there are more, size N.
        random: Source of the draws.
    """
    of = parameters.people
    is_local = random.random(count) < of.local_share
    speech = random.random(count)
    turkish = np.where(is_local, of.turkish_local, of.turkish_visitor)
    english = np.where(is_local, (1 - of.turkish_local) * 0.7, of.english_visitor)
    language = np.where(speech < turkish, 0, np.where(speech < turkish + english, 1, 2))
    weights = gems * random.gamma(of.home_shape, size=len(gems))
    home = random.choice(len(gems), size=count, p=weights / weights.sum())
    first, last, created = _presence(parameters, is_local, days, start, random)
    archetype = _archetypes(parameters, is_local, language, home, len(gems), random)
    routine = random.integers(len(parameters.tables.routines), size=of.archetypes)[archetype]
    factors, types, minor = (
        _taste(archetype, width, of.archetypes, of.archetype_share, random) for width in (of.factors, len(GEM_TYPES), 5)
    )
    organic = np.where(is_local, of.organic_per_day, of.visitor_organic_per_day)
    guide = np.where(is_local, of.guide_per_day, of.visitor_guide_per_day)
    organic_spread, guide_spread = np.exp(random.normal(size=(2, count)) * [[of.organic_spread], [of.guide_spread]])
    return People(
        ids=np.array([f"u{number:05d}" for number in range(count)], dtype=object),
        is_local=is_local,
        language=np.array(LANGUAGES, dtype=object)[language],
        home=home,
        first_day=first,
        last_day=last,
        created_at=created,
        consent=random.random(count) < of.consent,
        archetype=archetype,
        routine=routine,
        factors=factors,
        types=types,
        weights=minor,
        organic_per_day=(organic * np.where(is_local, organic_spread, 1.0)).astype(np.float32),
        guide_per_day=(guide * guide_spread).astype(np.float32),
        focus_phase=random.random(count) * parameters.pull.focus_days,
        focus=_focus(types, int(days / parameters.pull.focus_days) + 2, random),
    )


def _presence(
    parameters: Parameters, is_local: NDArray[np.bool_], days: int, start: int, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """First and last day with the guide, and when the account was made (before the first event)."""
    of = parameters.people
    count = len(is_local)
    stay = 1 + random.geometric(1.0 / max(of.stay_days - 1.0, 1.0), size=count)
    arrival = random.integers(-int(of.stay_days), days, size=count) if days else np.zeros(count, dtype=np.int64)
    early = random.random(count) < of.local_since_start
    joins = random.integers(0, max(days, 1), size=count)
    first = np.where(is_local, np.where(early, 0, joins), arrival)
    last = np.where(is_local, days, np.maximum(arrival + stay - 1, 0))
    age = np.where(is_local & early, random.integers(1, 366, size=count), 0)
    created = start + (first - age) * DAY_SECONDS + random.integers(0, 6 * HOUR_SECONDS, size=count)
    return np.maximum(first, 0), last, created


def _archetypes(
    parameters: Parameters,
    is_local: NDArray[np.bool_],
    language: NDArray[np.int64],
    home: NDArray[np.int64],
    neighborhoods: int,
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """Group of each person: what is known about them decides it in part."""
    groups = parameters.people.archetypes
    scale = parameters.people.attribute_pull / np.sqrt(3)
    logits = scale * random.normal(size=(2, groups))[is_local.astype(int)]
    logits += scale * random.normal(size=(len(LANGUAGES), groups))[language]
    logits += scale * random.normal(size=(neighborhoods, groups))[home]
    logits -= logits.mean(axis=0)  # no group swallows the others, whatever the seed
    return np.asarray(np.argmax(logits + random.gumbel(size=logits.shape), axis=1), dtype=np.int64)


def _taste(archetype: NDArray[np.int64], width: int, groups: int, share: float, random: np.random.Generator) -> Floats:
    """Standard normal rows, of which `share` of the variance is the group's."""
    centre = random.normal(size=(groups, width))
    centre = (centre - centre.mean(axis=0)) / centre.std(axis=0)
    own = random.normal(size=(len(archetype), width))
    return np.asarray(np.sqrt(share) * centre[archetype] + np.sqrt(1 - share) * own, dtype=np.float32)


def _focus(types: Floats, periods: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Type each person is into in each period: a liked one more often."""
    draws = random.gumbel(size=(types.shape[0], periods, types.shape[1]))
    return np.asarray(np.argmax(types[:, None, :] + draws, axis=2), dtype=np.int64)
