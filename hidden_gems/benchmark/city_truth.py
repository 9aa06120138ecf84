"""The order by the true expected reward of a simulated city: what nobody can beat for long."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.benchmark.contender import Scores
from hidden_gems.core.clock import HOUR_SECONDS
from hidden_gems.datasets.interactions import Index, Rows
from hidden_gems.datasets.validation import Checked
from hidden_gems.simulation.city import City

HOURS_AFTER = (0, 6, 12, 18)  # after the cut-off; one moment alone would be some hour of the night
_PEOPLE_AT_ONCE = 200


@dataclass(frozen=True)
class CityTruth:
    """True expected reward of an examined gem, of people who are at home, calm, and have done nothing yet that day.

    Notation: U people and I items of the dataset with their unknown rows 0.
    """

    city: City
    person: Rows  # row in the city of each person of the dataset, -1 for none, U
    gem: Rows  # row in the city of each item of the dataset, -1 for none, I
    users: Index
    items: Index
    cut: int

    @classmethod
    def of(cls, city: City, checked: Checked, users: Index, items: Index, cut: int) -> Self:
        """The truth about the people and items of a dataset that the city wrote."""
        people = {name: row for row, name in enumerate(city.people.ids)}
        gems = {name: row for row, name in enumerate(city.gems.places["item_id"])}
        original = checked.original_user_ids
        person = [people.get(original.get(name, name), -1) for name in users.ids]
        gem = [gems.get(name, -1) for name in items.ids]
        return cls(city, np.array(person), np.array(gem), users, items, cut)

    def catalogue(self, users: Rows, repeat: bool) -> Scores:
        """See `Contender`: the mean over some moments of the day after the cut-off."""
        scores = np.full((len(users), len(self.items)), -1.0, dtype=np.float32)
        known = np.flatnonzero(self.gem >= 0)
        for start in range(0, len(users), _PEOPLE_AT_ONCE):
            part = users[start : start + _PEOPLE_AT_ONCE]
            when = [self.cut + hours * HOUR_SECONDS for hours in HOURS_AFTER]
            rewards = [self._rewards(self.person[part], np.full(len(part), moment)) for moment in when]
            scores[start : start + len(part), known] = np.mean(rewards, axis=0)[:, self.gem[known]]
        scores[:, 0] = -np.inf
        return scores

    def pairs(self, marks: pd.DataFrame) -> Scores:
        """See `Contender`: at the moment of each impression."""
        user = self.person[self.users.rows(marks["user_id"].tolist())]
        gem = self.gem[self.items.rows(marks["item_id"].tolist())]
        when = marks["timestamp"].to_numpy(np.int64)
        scores = np.empty(len(user), dtype=np.float32)
        for start in range(0, len(user), _PEOPLE_AT_ONCE):
            part = slice(start, start + _PEOPLE_AT_ONCE)
            context = self.city.context(user[part], when[part])
            scores[part] = self.city.truth.expected_reward(user[part], gem[part][:, None], context)[:, 0]
        return scores

    def _rewards(self, person: Rows, when: NDArray[np.int64]) -> NDArray[np.float32]:
        """Of every gem, people X gems."""
        gems = np.broadcast_to(np.arange(len(self.city.gems)), (len(person), len(self.city.gems)))
        return np.asarray(self.city.truth.expected_reward(person, gems, self.city.context(person, when)))
