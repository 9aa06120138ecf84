"""What can be told of a person and an item they met before: how often, how lately, how regularly, how far away."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.catalogue.geography import distance_km
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.pairs import Pairs
from hidden_gems.models.past import Past

FEATURES = (
    "visits", "share_of_visits", "visits_2_steps", "visits_8_steps", "visits_32_steps", "visits_3_days",
    "visits_14_days", "visits_60_days", "steps_ago", "days_ago", "days_known", "days_between", "overdue",
    "days_before_last", "person_visits", "person_items", "person_newness", "person_days_ago", "item_people",
    "item_visits_each", "item_visits_each_other", "item_visits_30_days", "km_from_middle", "km_from_last",
)  # fmt: skip
"""Columns of `OwnItems.of`; NaN where unknown. Visits of n steps or days are faded with that half-life."""
_STEPS, _DAYS, _RECENT_DAYS = (2.0, 8.0, 32.0), (3.0, 14.0, 60.0), 30.0

Table = tuple[Rows, Rows, NDArray[np.float32]]


@dataclass(frozen=True)
class OwnItems:
    """Everyone's visits up to the end of a log, and what each item earned in it.

    Notation: B requests, N pairs of a request and an own item, I items, F features.
    """

    past: Past
    place: NDArray[np.float64]  # degrees of latitude and longitude of the items, NaN where unknown, I X 2
    earned: NDArray[np.float64]  # people, visits and visits with a half-life of 30 days, 3 X I

    @classmethod
    def read(cls, log: Interactions, place: NDArray[np.float64]) -> Self:
        """Remember a log."""
        ago = 0.0 if log.order_only or not len(log.timestamp) else log.timestamp.max() - log.timestamp
        fade = 0.5 ** (ago / (_RECENT_DAYS * DAY_SECONDS)) * np.ones(len(log.item))
        people = np.bincount(Pairs.of(log).item, minlength=log.items)
        visits, recent = (np.bincount(log.item, weights, minlength=log.items) for weights in (None, fade))
        return cls(Past.of(log), place, np.array([people, visits, recent], dtype=np.float64))

    def of(self, user: Rows, when: Moments) -> Table:
        """Every item that each person met strictly before the request.

        Returns:
            Number of the request, item and features, float32: N, N and N X F.
        """
        row, steps, visit = self.past.visits(user, when)
        past, (people, visits, recent) = self.past.histories, self.earned
        if not len(row):
            return row, row, np.zeros((0, len(FEATURES)), dtype=np.float32)
        days = (when.timestamp[row] - past.timestamp[visit]) / DAY_SECONDS
        if past.order_only:
            days = np.full(len(row), np.nan)
        item = past.item[visit]
        pair, first, which, count = np.unique(
            row * self.past.items + item, return_index=True, return_inverse=True, return_counts=True
        )
        last = np.empty(len(pair), dtype=np.int64)
        last[which] = np.arange(len(row))  # a request's visits are oldest first, so that its latest stands
        ask, own = np.divmod(pair, self.past.items)
        newest = np.zeros(len(user), dtype=np.int64)
        newest[row] = np.arange(len(row))
        total, distinct = (np.bincount(rows, minlength=len(user))[ask] for rows in (row, ask))

        def faded(age: NDArray[Any], half_life: float) -> NDArray[Any]:
            return np.bincount(which, 0.5 ** (age / half_life), minlength=len(pair))

        between = np.where(count > 1, (days[first] - days[last]) / np.maximum(count - 1, 1), np.nan)
        away = np.maximum(people[own] - 1, 1)
        columns = [
            count, count / total, *(faded(steps, each) for each in _STEPS), *(faded(days, each) for each in _DAYS),
            steps[last], days[last], days[first], between, days[last] / np.maximum(between, 1.0 / 24.0),
            days[last] - days[newest][ask], total, distinct, distinct / total, days[newest][ask],
            people[own], visits[own] / people[own], (visits[own] - count) / away, recent[own],
            *self._distances(row, item, ask, own, item[newest]),
        ]  # fmt: skip
        return ask, own, np.column_stack(columns).astype(np.float32)

    def _distances(
        self, row: Rows, item: Rows, ask: Rows, own: Rows, newest: Rows
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Kilometres of each pair from the middle of the person's visits and from their last one, N each."""
        there = ~np.isnan(self.place[item]).any(axis=1)
        count = np.bincount(row[there], minlength=len(newest))
        middle = np.column_stack(
            [np.bincount(row[there], self.place[item[there], axis], minlength=len(newest)) for axis in (0, 1)]
        ) / np.where(count > 0, count, np.nan)[:, None]  # fmt: skip
        lat, lon = self.place[own].T
        start, end = middle[ask], self.place[newest][ask]
        return distance_km(start[:, 0], start[:, 1], lat, lon), distance_km(end[:, 0], end[:, 1], lat, lon)
