"""ε-greedy as a policy of the simulated city: what a bandit without features or people needs."""

from dataclasses import dataclass, field

import numpy as np

from hidden_gems.benchmark.arrivals import Arrivals
from hidden_gems.datasets.interactions import Rows
from hidden_gems.evaluation.metrics import Floats
from hidden_gems.events.kinds import reward_of
from hidden_gems.simulation.city import City
from hidden_gems.simulation.feedback import EVENT_TYPES
from hidden_gems.simulation.log import NONE, Chunk, DayLog
from hidden_gems.simulation.policy import EMPTY, Request, Slates
from hidden_gems.simulation.sessions import Day


@dataclass
class EpsilonGreedy:
    """Each position: with probability ε any gem that is left, else the one with the highest mean reward so far.

    Notation: I gems.

    Source:
        Sutton and Barto (2018), Reinforcement Learning, chapter 2: sample averages, which begin at 0.
    """

    city: City
    shown: Rows  # impressions before, I
    reward: Floats  # what they brought, I
    arrivals: Arrivals
    epsilon: float = 0.1
    _day: Day | None = field(default=None, init=False)
    _heard: tuple[int, int] = field(default=(0, 0), init=False)  # parts of the day's events and impressions

    def live(self) -> DayLog:
        """Live the next day of the city; what people tell is heard at once."""
        self._day, self._heard = Day(self.city, self), (0, 0)
        log = self._day.live()
        self._hear()
        self.city.end_day()
        return log

    def __call__(self, asked: Request, random: np.random.Generator) -> Slates:
        """Fill slates by what was heard so far."""
        self._hear()
        every = np.broadcast_to(np.arange(len(self.shown)), asked.eligible.shape)
        true = self.city.truth.expected_reward(asked.users, every, asked.context)
        value = self.reward / np.maximum(self.shown, 1)
        items = np.full((len(asked.users), asked.limit), EMPTY, dtype=np.int64)
        propensity = np.zeros(items.shape)
        for place, may in enumerate(asked.eligible):
            gems = np.flatnonzero(may)
            rows, chances = self._slate(gems[np.argsort(-value[gems], kind="stable")], asked.limit, random)
            items[place, : len(rows)], propensity[place, : len(rows)] = rows, chances
            self.arrivals.note(gems, value[gems], true[place, gems], rows)
        return Slates(items, propensity, f"epsilon_greedy_{self.epsilon:g}")

    def _slate(self, best_first: Rows, limit: int, random: np.random.Generator) -> tuple[Rows, Floats]:
        left, rows, chances = best_first.tolist(), [], []
        for _ in range(min(limit, len(left))):
            place = int(random.integers(len(left))) if random.random() < self.epsilon else 0
            chances.append(self.epsilon / len(left) + (1 - self.epsilon) * (place == 0))
            rows.append(left.pop(place))
        return np.array(rows, dtype=np.int64), np.array(chances)

    def _hear(self) -> None:
        assert self._day is not None
        events, impressions = self._day.events, self._day.impressions
        for chunk in impressions[self._heard[1] :]:
            np.add.at(self.shown, chunk["item"], 1)
        for chunk in events[self._heard[0] :]:
            add_rewards(self.reward, chunk)
        self._heard = len(events), len(impressions)


def add_rewards(reward: Floats, told: Chunk) -> None:
    """Add what followed slates to the sums of gems; what people do on their own adds nothing.

    Args:
        reward: Sums, I; changed.
        told: Events of a day.
    """
    for row in np.flatnonzero(told["slate"] != NONE).tolist():
        value = float(told["value"][row])
        reward[told["item"][row]] += reward_of(EVENT_TYPES[told["code"][row]], None if np.isnan(value) else value)
