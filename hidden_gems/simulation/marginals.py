"""Marginals of visits: measured alike on real people and on the simulated city, which is fitted to the real ones."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.core.clock import HOUR_SECONDS
from hidden_gems.datasets.contract import TIMES_OF_DAY
from hidden_gems.features.local_time import local_time

SESSION_GAP_HOURS = 6
ACTIVITY_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
LONGEST_SESSION = 5


@dataclass(frozen=True)
class Marginals:
    """How people visit places."""

    popularity_gini: float  # of visits over the places that were visited, 0 alike to 1
    repeat_share: float  # of visits, to a place where the person had been before
    session_length: tuple[float, ...]  # shares of sessions with 1, 2, 3, 4 and 5 or more visits
    activity: tuple[float, ...]  # visits of a person in 30 days, at ACTIVITY_QUANTILES
    time_of_day: tuple[float, ...]  # shares of visits in the morning, afternoon, evening and night
    weekend_share: float  # of visits


NEW_YORK = Marginals(
    popularity_gini=0.4539,
    repeat_share=0.566,
    session_length=(0.7538, 0.1595, 0.0523, 0.0176, 0.0167),
    activity=(1.5, 3.5, 7.5, 13.0, 22.0, 68.2),
    time_of_day=(0.2525, 0.2769, 0.2972, 0.1735),
    weekend_share=0.3032,
)
"""The marginals that the city is fitted to.

Source:
    Foursquare check-ins in New York, 2012-04-03 to 2012-06-02 (the first 60 days of the file), published for research
    by Yang et al. (2015), Modeling User Activity Preference by Leveraging User Spatial Temporal Characteristics in
    LBSNs. Only venues of leisure (20,730 check-ins of 953 people at 2,088 venues): eating, drinking, sweets, food
    shops, books, art, stages, museums, parks, shores, bridges, places of worship; no homes, offices, transport,
    schools, gyms, clinics or chores, which a guide does not show. Rare venues are missing from that file, so its Gini
    is a lower bound.
"""


def measure(visits: pd.DataFrame, days: float, timezone: str) -> Marginals:
    """Marginals of a table of visits.

    A session is a run of visits of one person with at most `SESSION_GAP_HOURS` between neighbours. Activity counts the
    people with at least one visit.

    Args:
        visits: user_id, item_id and timestamp (epoch seconds) of at least one visit, in any order.
        days: How many days the table covers.
        timezone: IANA name of the zone of the places.
    """
    visits = visits.sort_values(["user_id", "timestamp"], kind="stable", ignore_index=True)
    timestamp = visits["timestamp"].to_numpy(np.int64)
    user = visits["user_id"].to_numpy()
    gap = np.diff(timestamp, prepend=timestamp[0])
    first = np.concatenate([[True], user[1:] != user[:-1]]) | (gap > SESSION_GAP_HOURS * HOUR_SECONDS)
    lengths = np.minimum(np.bincount(np.cumsum(first) - 1), LONGEST_SESSION)
    local = local_time(timestamp, timezone)
    activity = visits["user_id"].value_counts().to_numpy() * 30.0 / days
    return Marginals(
        popularity_gini=gini(np.asarray(visits["item_id"].value_counts(), dtype=np.int64)),
        repeat_share=float(visits.duplicated(["user_id", "item_id"]).mean()),
        session_length=_shares(lengths - 1, LONGEST_SESSION),
        activity=tuple(np.quantile(activity, ACTIVITY_QUANTILES).tolist()),
        time_of_day=_shares(local.time_of_day, len(TIMES_OF_DAY)),
        weekend_share=float(local.weekend.mean()),
    )


def residents(interactions: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """Visits of the locals of a simulated city: the people who are like those of `NEW_YORK`."""
    locals_ = users.loc[users["is_local"], "user_id"]
    return interactions[(interactions["event_type"] == "visit") & interactions["user_id"].isin(locals_)]


def gini(counts: NDArray[np.int64]) -> float:
    """Gini coefficient of positive counts, 0 for equal ones.

    Examples:
        >>> gini(np.array([5, 5])), gini(np.array([1, 0, 0, 0]))
        (0.0, 0.75)
    """
    ordered = np.sort(counts)
    count = len(ordered)
    return float((2 * np.arange(1, count + 1) - count - 1) @ ordered / (count * ordered.sum()))


def _shares(codes: NDArray[np.int64], kinds: int) -> tuple[float, ...]:
    return tuple((np.bincount(codes, minlength=kinds) / len(codes)).tolist())
