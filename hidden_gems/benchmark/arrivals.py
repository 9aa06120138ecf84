"""How many impressions a new gem needs until a policy ranks it where it belongs.

Rank is that of what a policy believes of a gem among the gems it weighs for a request, as a share: 1 is best. The true
rank is that of the expected reward among the same gems, for the same person and moment. A gem has arrived when, over
`WINDOW` requests that weigh it and over the next `WINDOW`, the mean believed rank is at least `REACHED` of the true.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.core.clock import HOUR_SECONDS
from hidden_gems.datasets.interactions import Rows
from hidden_gems.evaluation.intervals import RESAMPLES, Interval, interval_of
from hidden_gems.evaluation.metrics import Floats
from hidden_gems.simulation.city import City

WINDOW = 50
REACHED = 0.9
GEMS = ["seed", "gem"]


@dataclass
class Arrivals:
    """Ranks of some gems, request by request, with the impressions each had had before."""

    watched: Rows  # rows of gems
    shown: Rows  # impressions of each gem of the city so far
    _noted: list[tuple[Rows, Rows, Floats, Floats]] = field(default_factory=list)

    @classmethod
    def of(cls, city: City, at: int) -> "Arrivals":
        """Watch the better half of the gems that open after a second, as people find them at noon of the last day.

        Args:
            city: Whose gems.
            at: Epoch seconds.
        """
        people = np.arange(len(city.people))
        noon = city.context(people, np.full(len(people), city.end - 12 * HOUR_SECONDS))
        every = np.broadcast_to(np.arange(len(city.gems)), (len(people), len(city.gems)))
        reward = city.truth.expected_reward(people, every, noon).mean(axis=0)
        late = city.gems.created_at > at
        return cls(np.flatnonzero(late & (reward >= np.median(reward))), np.zeros(len(city.gems), dtype=np.int64))

    def note(self, weighed: Rows, believed: Floats, true: Floats, shown: Rows) -> None:
        """One request.

        Args:
            weighed: Rows of the gems that the policy compared, n.
            believed: What it ranks them by, n.
            true: Expected reward, n.
            shown: Rows of the gems that were shown.
        """
        [places] = np.nonzero(np.isin(weighed, self.watched))
        if len(places):
            gems = weighed[places]
            self._noted.append((gems, self.shown[gems], _ranks(believed, places), _ranks(true, places)))
        self.shown[shown] += 1

    def table(self) -> pd.DataFrame:
        """`gem`, `impressions` before the request, `believed` and `true` rank; oldest first."""
        columns: Iterable[str] = ("gem", "impressions", "believed", "true")
        parts = zip(*self._noted, strict=True) if self._noted else ((np.zeros(0),),) * 4
        return pd.DataFrame({name: np.concatenate(part) for name, part in zip(columns, parts, strict=True)})


def needed(noted: pd.DataFrame) -> pd.DataFrame:
    """`impressions` that each gem had when it arrived, and whether it `arrived`: if not, all that it had.

    Args:
        noted: `Arrivals.table` of several cities, with `seed`.
    """
    found = []
    for key, gem in noted.groupby(GEMS):
        window = np.arange(len(gem)) // WINDOW
        means = gem.groupby(window)[["believed", "true"]].mean()
        good = (means["believed"] >= REACHED * means["true"]).to_numpy()
        both = np.flatnonzero(good[:-1] & good[1:])
        impressions = gem["impressions"].to_numpy()
        last = impressions[-1] if not len(both) else impressions[both[0] * WINDOW]
        if len(good) > 1:  # what was weighed less often tells nothing
            found.append((*key, float(last), bool(len(both))))
    return pd.DataFrame(found, columns=[*GEMS, "impressions", "arrived"])


def median_needed(found: pd.DataFrame) -> float:
    """Impressions after which half of the gems have arrived; infinite where fewer ever do.

    Gems that did not arrive leave the count with the last impression they had (Kaplan and Meier, 1958): a policy that
    hardly shows a gem has not shown that it needs few impressions.

    Args:
        found: As `needed` gives it.
    """
    return _median(found["impressions"].to_numpy(np.float64), found["arrived"].to_numpy(bool))


def ratio(one: pd.DataFrame, other: pd.DataFrame, seed: int = 0) -> Interval:
    """`median_needed` of one policy over another's, of gems that both weighed; gems are resampled.

    Where a policy never brings half of the gems there, its median is the most that can be said: infinite.
    """
    both = one.merge(other, on=GEMS, suffixes=("_one", "_other"))
    sides = [(both[f"impressions_{side}"].to_numpy(np.float64), both[f"arrived_{side}"].to_numpy(bool))
             for side in ("one", "other")]  # fmt: skip
    if not len(both):
        return Interval(np.nan, np.nan, np.nan, 0)

    def of(rows: Rows) -> float:
        top, bottom = (_median(impressions[rows], arrived[rows]) for impressions, arrived in sides)
        return np.nan if np.isinf(top) and np.isinf(bottom) else (top + 1.0) / (bottom + 1.0)

    drawn = np.random.default_rng(seed).integers(len(both), size=(RESAMPLES, len(both)))
    return interval_of(of(np.arange(len(both))), np.array([of(rows) for rows in drawn]), len(both))


def _median(impressions: Floats, arrived: NDArray[np.bool_]) -> float:
    order = np.lexsort((~arrived, impressions))
    left = len(order) - np.arange(len(order))
    stay = np.cumprod(np.where(arrived[order], 1.0 - 1.0 / left, 1.0))
    [reached] = np.nonzero(stay <= 0.5)
    return float(impressions[order][reached[0]]) if len(reached) else np.inf


def _ranks(values: Floats, places: Rows) -> Floats:
    """Share of the others that are below, equal ones half."""
    chosen = values[places]
    below = (values[:, None] < chosen).sum(axis=0) + ((values[:, None] == chosen).sum(axis=0) - 1) / 2
    return np.asarray(below / max(len(values) - 1, 1))
