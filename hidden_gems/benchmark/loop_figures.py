"""What a closed loop came to: clicks, rewards and visits by person and day, and the lift of one arm over another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from hidden_gems.evaluation.intervals import LEVEL, RESAMPLES, Interval, interval_of, resample_weights
from hidden_gems.evaluation.metrics import Floats
from hidden_gems.events.kinds import reward_of
from hidden_gems.simulation.feedback import CODE, EVENT_TYPES
from hidden_gems.simulation.log import NONE, DayLog, joined

SUMS = ("impressions", "clicks", "slates", "reward", "visits", "saves_and_shares")
RETURN = 30
"""Days of a 30-day return: of those who asked in the first 30 days, who asked in the 30 days after."""
RATES = {
    "ctr": ("clicks", "impressions"),
    "reward_per_slate": ("reward", "slates"),
    "visits_per_slate": ("visits", "slates"),
    "saves_and_shares_per_slate": ("saves_and_shares", "slates"),
    "return_30d": ("returned", "asked"),
}
"""Each rate as its numerator and denominator."""


def daily(log: DayLog, day: int) -> pd.DataFrame:
    """Sums of a day by person: `person`, `day` and `SUMS`. Who goes out alone adds nothing.

    Args:
        log: Of the day; what follows a slate later (visits, ratings) counts on the day of the slate.
        day: Number to write down.
    """
    shown = joined(log.impressions, ("user", "slate", "clicked"))
    told = joined(log.events, ("user", "slate", "code", "value"))
    told = told[told["slate"] != NONE]
    kinds = [EVENT_TYPES[code] for code in told["code"]]
    values = [None if np.isnan(value) else float(value) for value in told["value"]]
    told["reward"] = [reward_of(kind, value) for kind, value in zip(kinds, values, strict=True)]
    told["visits"] = told["code"] == CODE["visit"]
    told["saves_and_shares"] = told["code"].isin([CODE["save"], CODE["share"]])
    seen = shown.groupby("user").agg(
        impressions=("clicked", "size"), clicks=("clicked", "sum"), slates=("slate", "nunique")
    )
    said = told.groupby("user")[["reward", "visits", "saves_and_shares"]].sum()
    found = seen.join(said).fillna(0.0).astype(float).reset_index(names="person")
    return found.assign(day=day)[["person", "day", *SUMS]]


def with_returns(lived: pd.DataFrame) -> pd.DataFrame:
    """`daily` of one arm with `asked` and `returned`, on the first day of each person; 0 where a run is too short."""
    day = lived.groupby("person")["day"]
    first = lived["day"] == day.transform("min")
    after = lived["day"].between(RETURN, 2 * RETURN - 1).groupby(lived["person"]).transform("max")
    asked = first & (lived["day"] < RETURN) & (lived["day"].max() >= 2 * RETURN - 1)
    return lived.assign(asked=asked.astype(float), returned=(asked & after).astype(float))


def targeted(log: DayLog, target: int) -> pd.DataFrame:
    """Impressions of one gem, and of all, by person: `person`, `targeted`, `impressions`.

    Args:
        log: Of a day.
        target: Row of the gem.
    """
    shown = joined(log.impressions, ("user", "item"))
    shown["targeted"] = (shown["item"] == target).astype(float)
    found = shown.groupby("user").agg(targeted=("targeted", "sum"), impressions=("targeted", "size"))
    return found.astype(float).reset_index(names="person")


@dataclass(frozen=True)
class Lift:
    """How much more one arm earns than another, as a share: 0.15 is 15 % more."""

    by_seed: tuple[float, ...]
    seeds: Interval  # over cities: Student's t of the paired lifts; `users` is their number
    people: Interval  # over the people of all cities, each resampled with everything that happened to them in both arms

    def as_dict(self) -> dict[str, Any]:
        """For a report."""
        return {"by_seed": list(self.by_seed), "seeds": plain(self.seeds), "people": plain(self.people)}


def plain(interval: Interval) -> dict[str, float | None]:
    """For JSON, which has no number that is not finite."""
    return {name: value if np.isfinite(value) else None for name, value in vars(interval).items()}


def lift(lived: pd.DataFrame, arm: str, over: str, rate: str = "ctr") -> Lift:
    """Lift of an arm over another in the same cities.

    Args:
        lived: `daily` of all arms and seeds, with `arm` and `seed`.
        arm: The one.
        over: The other.
        rate: Of `RATES`.

    Source:
        The ratio of sums with people as clusters: Deng et al. (2018), Applying the Delta Method in Metric Analytics,
        here by the bootstrap.
    """
    top, bottom = RATES[rate]
    sums = lived.groupby(["arm", "seed", "person"])[[top, bottom]].sum()
    both = sums.loc[arm].join(sums.loc[over], how="outer", lsuffix="_a", rsuffix="_b").fillna(0.0)
    by_seed = both.groupby("seed").sum()
    a, b = (by_seed[f"{top}_{side}"] / by_seed[f"{bottom}_{side}"] for side in "ab")
    return Lift(tuple((a / b - 1.0).tolist()), student(a / b - 1.0), _people(both, top, bottom))


def exposure_ratio(lived: pd.DataFrame, run: str, over: str = "clean") -> Interval:
    """How many times more often the targeted gem is shown to people, with the interval of resampled people.

    Args:
        lived: One row for each seed, run and person, with `targeted` and `impressions`.
        run: The attack.
        over: What it is compared with.
    """
    sums = lived.set_index(["run", "seed", "person"])[["targeted", "impressions"]]
    both = sums.loc[run].join(sums.loc[over], how="outer", lsuffix="_a", rsuffix="_b").fillna(0.0)
    found = _people(both, "targeted", "impressions")
    return Interval(found.value + 1.0, found.low + 1.0, found.high + 1.0, found.users)


def _people(both: pd.DataFrame, top: str, bottom: str) -> Interval:
    """Lift of the sums over everybody, with the interval of resampled people."""
    columns = [f"{name}_{side}" for side in "ab" for name in (top, bottom)]
    sums = both[columns].to_numpy(np.float64)
    drawn = np.concatenate([weights @ sums for weights in resample_weights(len(sums), 0, RESAMPLES)])
    return interval_of(_ratio(sums.sum(axis=0)), _ratio(drawn), len(sums))


def _ratio(sums: Floats) -> Any:
    """Lift from the four sums, ... X 4."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[..., 0] / sums[..., 1] / (sums[..., 2] / sums[..., 3]) - 1.0


def student(values: "Sequence[float] | pd.Series[float]") -> Interval:
    """Mean with its 95 % interval by Student's t; no interval for one value."""
    found = np.asarray(values, dtype=np.float64)
    mean = float(found.mean())
    if len(found) < 2:
        return Interval(mean, np.nan, np.nan, len(found))
    reach = stats.t.ppf((1.0 + LEVEL) / 2.0, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found))
    return Interval(mean, float(mean - reach), float(mean + reach), len(found))


def rates(lived: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Every rate, and the sums behind it, for each group."""
    sums = lived.groupby(list(by))[[*SUMS, "asked", "returned"]].sum()
    return sums.assign(**{name: sums[top] / sums[bottom] for name, (top, bottom) in RATES.items()}).reset_index()
