"""Sky and temperature of each slot of the simulated days."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.contract import WEATHERS
from hidden_gems.simulation.parameters import DriftParameters, WeatherParameters
from hidden_gems.simulation.rhythm import month_of

SLOTS = 6
_DRY = tuple(WEATHERS.index(name) for name in ("clear", "partly_cloudy", "cloudy", "fog", "wind"))
_RAIN, _STORM, _SNOW = (WEATHERS.index(name) for name in ("rain", "storm", "snow"))
_WARMTH = np.array([-0.4, 0.0, 0.45, 0.35, 0.0, -0.4])
"""Where each slot lies in the daily range, in ranges from the mean of the day."""

BAD = np.array([name in ("rain", "storm", "snow") for name in WEATHERS])
HALF_BAD = np.array([name in ("fog", "wind") for name in WEATHERS])
"""Skies that keep people inside, and those that do so by half; by index into `WEATHERS`."""


@dataclass(frozen=True)
class Weather:
    """Notation: D days, S slots a day."""

    sky: NDArray[np.int64]  # index into WEATHERS, D X S
    temperature_c: NDArray[np.float64]  # D X S


def draw_weather(
    parameters: WeatherParameters, drift: DriftParameters, start: int, days: int, random: np.random.Generator
) -> Weather:
    """Draw the weather of every slot: the sky is kept for a while, warm days follow warm ones.

    Args:
        parameters: The climate.
        drift: A weather shock, if any.
        start: First local midnight, epoch seconds.
        days: D.
        random: Source of the draws.
    """
    midnights = start + DAY_SECONDS * np.arange(days)
    position = np.arange(days) + (midnights[0] + 3 * 3600) / DAY_SECONDS if days else np.zeros(0)
    normal = _monthly(np.array(parameters.mean_c), position)
    noise = random.normal(size=days)
    keep = parameters.day_keep
    deviation = np.zeros(days)
    for day in range(days):
        before = deviation[day - 1] if day else 0.0
        deviation[day] = keep * before + np.sqrt(1 - keep**2) * parameters.day_std_c * noise[day]
    temperature = (normal + deviation)[:, None] + parameters.daily_range_c * _WARMTH
    sky = _draw_sky(parameters, month_of(midnights), temperature, random)
    temperature = temperature - 2.0 * BAD[sky]
    if drift.shock_first_day is not None:
        sky[drift.shock_first_day : drift.shock_first_day + drift.shock_days] = WEATHERS.index(drift.shock_weather)
    return Weather(sky=sky, temperature_c=temperature.round(1))


def _monthly(table: NDArray[np.float64], day: NDArray[np.float64]) -> NDArray[np.float64]:
    """A monthly normal on each day (days since 1970), interpolated between the middles of months."""
    year = (day % 365.25) / 365.25 * 12 - 0.5
    around = np.concatenate([table[-1:], table, table[:1]])
    return np.asarray(np.interp(year, np.arange(-1, 13), around), dtype=np.float64)


def _draw_sky(
    parameters: WeatherParameters,
    month: NDArray[np.int64],
    temperature: NDArray[np.float64],
    random: np.random.Generator,
) -> NDArray[np.int64]:
    days, slots = temperature.shape
    draws = random.random((days * slots, 3))
    dry = np.cumsum(parameters.dry_shares)
    sky = np.zeros(days * slots, dtype=np.int64)
    for at in range(days * slots):
        if at and draws[at, 0] < parameters.slot_keep:
            sky[at] = sky[at - 1]
            continue
        if draws[at, 1] >= parameters.wet_share[month[at // slots]]:
            sky[at] = _DRY[min(int(np.searchsorted(dry, draws[at, 2] * dry[-1], side="right")), len(_DRY) - 1)]
        elif temperature.flat[at] < parameters.snow_below_c:
            sky[at] = _SNOW
        else:
            sky[at] = _STORM if draws[at, 2] < parameters.storm_share else _RAIN
    return sky.reshape(days, slots)
