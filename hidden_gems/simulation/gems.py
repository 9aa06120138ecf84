"""The gems of the catalogue as arrays, and what nobody can read in the catalogue: quality, latent factors, capacity."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.catalogue.hours import open_hours_of_week
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.contract import GEM_TYPES, TIMES_OF_DAY
from hidden_gems.simulation.parameters import GemParameters, Parameters

Floats = NDArray[np.float32]
_KM_PER_DEGREE = 111.2
_MONTH = re.compile("Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec")
_WAVES = 64  # random Fourier features of the part of taste that is smooth over the map


@dataclass(frozen=True)
class Gems:
    """Notation: I gems, N neighbourhoods, K latent factors, H hours in a week."""

    places: pd.DataFrame  # catalogue rows, in order, with the simulated created_at, I
    neighborhoods: tuple[str, ...]  # N
    neighborhood: NDArray[np.int64]  # I
    type: NDArray[np.int64]  # index into GEM_TYPES, I
    best_time: NDArray[np.int64]  # index into TIMES_OF_DAY, I
    lat: NDArray[np.float64]  # I
    lon: NDArray[np.float64]  # I
    hidden: Floats  # 0 known to all, 1 to almost nobody, I
    authenticity: Floats  # 0 to 1, I
    tourists: Floats  # 0 to 1, I
    crowd: Floats  # usual crowd, 0 to 1, I
    price: Floats  # 0 to 1, I
    outdoor: Floats  # 1 outdoor, 0.5 both, 0 indoor, I
    mosque: NDArray[np.bool_]  # I
    created_at: NDArray[np.int64]  # epoch seconds, I
    new: NDArray[np.bool_]  # opens during the simulated days, I
    factors: Floats  # standard normal, I X K
    quality: Floats  # logits, I
    capacity: Floats  # visits a day that fill it, I
    open: NDArray[np.bool_]  # in each hour of a week of each month, 12 X I X H

    def __len__(self) -> int:
        return len(self.lat)


def draw_gems(
    parameters: Parameters, places: pd.DataFrame, opening: NDArray[np.bool_], start: int, days: int, seed: int
) -> Gems:
    """Lay what is hidden over the catalogue.

    Args:
        parameters: The city.
        places: Rows of the catalogue with the item columns of the contract.
        opening: Whether each gem is open in each hour of a week of each month, 12 X I X H.
        start: First local midnight, epoch seconds.
        days: Simulated days.
        seed: Seed of the draws.
    """
    of = parameters.gems
    random = np.random.default_rng([seed, 1])
    names = tuple(sorted(places["neighborhood"].unique()))
    kind = _codes(places["type"], GEM_TYPES)
    hidden = ((places["hidden_factor"].to_numpy(np.float32) - 1) / 9).astype(np.float32)
    created, new = _openings(of, places, start, days, random)
    lat, lon = (places[axis].to_numpy(np.float64) for axis in ("lat", "lon"))
    factors = _factors(parameters, kind, lat, lon, random)
    quality = of.quality_std * random.normal(size=len(places)) + of.quality_fame * (0.5 - hidden)
    return Gems(
        places=places.assign(created_at=created).reset_index(drop=True),
        neighborhoods=names,
        neighborhood=_codes(places["neighborhood"], names),
        type=kind,
        best_time=_codes(places["best_time"], TIMES_OF_DAY),
        lat=lat,
        lon=lon,
        hidden=hidden,
        authenticity=places["authenticity"].to_numpy(np.float32),
        tourists=places["tourist_ratio"].to_numpy(np.float32),
        crowd=places["crowd_level"].to_numpy(np.float32),
        price=(places["price_level"].to_numpy(np.float32) / 4).astype(np.float32),
        outdoor=places["setting"].map({"outdoor": 1.0, "both": 0.5, "indoor": 0.0}).to_numpy(np.float32),
        mosque=(places["tags"].str.contains("mosque") | places["name"].str.contains("Cami")).to_numpy(bool),
        created_at=created,
        new=new,
        factors=factors,
        quality=quality.astype(np.float32),
        capacity=(of.capacity_visits * (1 - 0.8 * hidden)).astype(np.float32),
        open=opening,
    )


def opening_by_month(opening_hours: Sequence[str], year: int) -> NDArray[np.bool_]:
    """Whether each place is open in each hour of a week in the middle of each month, 12 X I X H.

    Args:
        opening_hours: OpenStreetMap syntax, one text a place.
        year: Year of the weeks.
    """
    weeks = [_monday(date(year, month, 15)) for month in range(1, 13)]
    opening = np.repeat(open_hours_of_week(opening_hours, weeks[0])[None], 12, axis=0)
    seasonal = [at for at, text in enumerate(opening_hours) if _MONTH.search(text)]
    for month, monday in enumerate(weeks):
        opening[month, seasonal] = open_hours_of_week([opening_hours[at] for at in seasonal], monday)
    return opening


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _codes(column: "pd.Series[str]", words: Sequence[str]) -> NDArray[np.int64]:
    """Place of each word in `words`."""
    return np.array([words.index(word) for word in column], dtype=np.int64)


def _openings(
    of: GemParameters, places: pd.DataFrame, start: int, days: int, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """When each gem enters: some during the simulated days, the others as the catalogue says but before them."""
    count = len(places)
    new = np.zeros(count, dtype=bool)
    new[random.permutation(count)[: round(of.new_share * count)]] = True
    day = random.uniform(of.new_first * days, of.new_last * days, size=count).astype(np.int64)
    known = np.minimum(places["created_at"].to_numpy(np.int64), start - 60 * DAY_SECONDS)
    return np.where(new, start + day * DAY_SECONDS, known), new


def _factors(
    parameters: Parameters,
    kind: NDArray[np.int64],
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    random: np.random.Generator,
) -> Floats:
    """Latent factors: in part the type's, in part smooth over the map, in part the gem's own; I X K."""
    of, width = parameters.gems, parameters.people.factors
    by_type = random.normal(size=(len(GEM_TYPES), width))[kind]
    north = (lat - 41.0) * _KM_PER_DEGREE
    east = (lon - 29.0) * _KM_PER_DEGREE * np.cos(np.radians(41.0))
    waves = random.normal(size=(2, _WAVES)) / of.place_km
    phase = random.uniform(0, 2 * np.pi, size=_WAVES)
    angle = north[:, None] * waves[0] + east[:, None] * waves[1] + phase
    smooth = np.sqrt(2 / _WAVES) * np.cos(angle) @ random.normal(size=(_WAVES, width))
    own = random.normal(size=(len(kind), width))
    rest = 1 - of.type_variance - of.place_variance
    mixed = np.sqrt(of.type_variance) * by_type + np.sqrt(of.place_variance) * smooth + np.sqrt(rest) * own
    return np.asarray((mixed - mixed.mean(axis=0)) / mixed.std(axis=0), dtype=np.float32)
