"""What changes in the city while it is simulated: where people were, what they know, how full places are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.simulation.context import NOWHERE
from hidden_gems.simulation.gems import Floats, Gems
from hidden_gems.simulation.parameters import Parameters
from hidden_gems.simulation.people import People


@dataclass
class State:
    """Notation: U people, I gems, G groups of types."""

    active: NDArray[np.bool_]  # uses the guide at present, U
    satisfaction: NDArray[np.float64]  # 0 to 1, U
    used_today: NDArray[np.bool_]  # has asked the guide today, U
    busy_until: NDArray[np.int64]  # epoch seconds, U
    last_item: NDArray[np.int64]  # place reached last or NOWHERE, U
    last_time: NDArray[np.int64]  # when it was reached, epoch seconds, U
    done: Floats  # visits of each group today, U X G
    fatigue: Floats  # decayed looks without a click, U X I
    known: Floats  # decayed visits, U X I
    load: NDArray[np.float64]  # decayed visits of all, I
    popularity: NDArray[np.float64]  # positive events before today, I
    today: NDArray[np.float64]  # positive events of today, I

    @classmethod
    def fresh(cls, people: People, gems: Gems, groups: int) -> "State":
        """Nobody has been anywhere."""
        count, items = len(people), len(gems)
        return cls(
            active=np.ones(count, dtype=bool),
            satisfaction=np.full(count, 0.5),
            used_today=np.zeros(count, dtype=bool),
            busy_until=np.zeros(count, dtype=np.int64),
            last_item=np.full(count, NOWHERE, dtype=np.int64),
            last_time=np.zeros(count, dtype=np.int64),
            done=np.zeros((count, groups), dtype=np.float32),
            fatigue=np.zeros((count, items), dtype=np.float32),
            known=np.zeros((count, items), dtype=np.float32),
            load=np.zeros(items),
            popularity=np.zeros(items),
            today=np.zeros(items),
        )

    def crowd(self, gems: Gems, half_life_days: float) -> Floats:
        """Load of each gem as a share of its capacity, I."""
        steady = 1 / (1 - 0.5 ** (1 / half_life_days))  # what one visit a day adds up to
        return np.asarray(self.load / (gems.capacity * steady), dtype=np.float32)

    def visit(self, users: NDArray[np.int64], items: NDArray[np.int64], groups: NDArray[np.int64]) -> None:
        """People have been to items of groups; all of size B, a person may come more than once."""
        np.add.at(self.done, (users, groups), 1.0)
        np.add.at(self.known, (users, items), 1.0)
        np.add.at(self.load, items, 1.0)

    def end_day(self, parameters: Parameters, random: np.random.Generator) -> None:
        """Memories fade, the log's popularity is brought up to date, some leave the guide and some come back."""
        sessions = parameters.sessions
        draws = random.random(len(self.active))
        lapse = 1 / (1 + np.exp(-(sessions.lapse - sessions.lapse_gain * (self.satisfaction - 0.5))))
        leaves = self.active & self.used_today & (draws < lapse)
        returns = ~self.active & (draws < sessions.come_back)
        self.active = (self.active & ~leaves) | returns
        self.used_today[:] = False
        self.last_item[:] = NOWHERE
        self.done[:] = 0.0
        self.fatigue *= parameters.pull.fatigue_keep
        self.known *= parameters.pull.familiar_keep
        self.load *= 0.5 ** (1 / parameters.gems.crowd_half_life_days)
        self.popularity += self.today
        self.today[:] = 0.0
