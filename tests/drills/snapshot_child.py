"""A learner that learns and keeps snapshots as fast as it can, on a store that it loses with its life; for D08.

`python -m tests.drills.snapshot_child FOLDER SEED` prints `VERSION DIGEST` after each step that is on the disk.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hidden_gems.core.clock import SimulatedClock
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.core.names import factors
from hidden_gems.events.records import Interaction
from hidden_gems.features.store import MemoryStore
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.history import History, digest
from hidden_gems.online.learning import Batch, OnlineLearning, World
from hidden_gems.online.state import OnlineState
from hidden_gems.online.thompson import BetaThompson

AT, PEOPLE, GEMS = 1_777_852_800.0, 40, 300
WORLD = World({"item_id": [f"g{number}" for number in range(GEMS)], "type": ["cafe"] * GEMS}, "Europe/Istanbul", False)
NAMES = [f"p{number}" for number in range(PEOPLE)]


class Life:
    """A learner on an empty store, and what its folder remembers."""

    def __init__(self, folder: Path, generation: int = 0) -> None:
        self.keys = MemoryKeyValue()
        self.learning = OnlineLearning(
            self.keys,
            MemoryStore(overwrite=True),
            lambda: OnlineState(0, BetaThompson(), OnlineFactors()),
            WORLD,
            History(folder, generation),
            SimulatedClock(AT),
            1_000_000,
        )

    def learn(self, seed: int) -> None:
        """The next batch: the same for the same version and seed."""
        version = self.learning.state.version
        self.learning.learn(Batch(_events(np.random.default_rng([seed, version]), version)))

    @property
    def digest(self) -> str:
        """Of state and people."""
        held = dict(zip(NAMES, self.keys.get(list(map(factors, NAMES))), strict=True))
        return digest(self.learning.state, {name: vector for name, vector in held.items() if vector is not None})


def _events(random: np.random.Generator, version: int) -> Sequence[Interaction]:
    kinds = ("click", "save", "dismiss")
    return [
        Interaction(
            f"e{version}-{number}",
            NAMES[int(random.integers(PEOPLE))],
            f"g{int(random.integers(GEMS))}",
            kinds[int(random.integers(3))],
            AT,
            AT,
            slate_id=f"s{version}-{number}",
            position=0,
            signed=True,
        )
        for number in range(40)
    ]


def main() -> None:
    """Learn until somebody kills us."""
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    life = Life(folder, History(folder).journal.newest_generation() + 1)
    while True:
        life.learn(seed)
        life.learning.snapshot()
        print(life.learning.state.version, life.digest, flush=True)


if __name__ == "__main__":
    main()
