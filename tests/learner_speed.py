"""How fast the online estimators learn, and whether their memory stays flat: `python -m tests.learner_speed`."""

import argparse
import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hidden_gems.features.arm_context import CONTEXT_NAMES, MEMBER_NAMES
from hidden_gems.online.entries import Shown, Told
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.seen import Seen
from hidden_gems.online.state import OnlineState
from hidden_gems.online.thompson import BetaThompson
from tests.slowness import slowness

BATCH, KINDS = 200, 19
PEOPLE, GEMS = 50_000, 5_000


def batches(events: int, seed: int) -> Iterator[tuple[list[Shown], list[Told]]]:
    """Micro-batches of feedback, and a slate of ten gems for every fifth event; both say how places looked."""
    random = np.random.default_rng(seed)
    people = [f"p{number}" for number in range(PEOPLE)]
    gems = [f"g{number}" for number in range(GEMS)]
    numbers = random.random((100, 10, len(CONTEXT_NAMES) + len(MEMBER_NAMES)))
    looks = [
        Seen(n % 4, each[:, : len(CONTEXT_NAMES)], each[:, len(CONTEXT_NAMES) :]) for n, each in enumerate(numbers)
    ]
    slates, places = [look.to_text() for look in looks], [look.places([0]).to_text() for look in looks]
    for start in range(0, events, BATCH):
        who, what = random.integers(PEOPLE, size=BATCH), random.integers(GEMS, size=BATCH)
        kind = random.integers(1, KINDS, size=BATCH).tolist()
        reward = random.choice([0.3, 0.7, 1.0, -0.5, 0.1], size=BATCH).tolist()
        told = [
            Told(
                f"e{start + row}", people[who[row]], gems[what[row]], "click", f"s{start + row}", reward[row],
                kind[row], places[row % 100],
            )
            for row in range(BATCH)
        ]  # fmt: skip
        shown = [
            Shown(f"s{start + row}", told[row].user_id, tuple(gems[:10]), tuple(kind[:10]), slates[row % 100])
            for row in range(0, BATCH, 5)
        ]
        yield shown, told


def resident_mb() -> float:
    """Resident memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Learn, and print events a second and memory by quarter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    state = OnlineState(0, BetaThompson(), OnlineFactors())
    held: dict[str, bytes] = {}
    memory, slow, seconds, learned = [], [], 0.0, 0
    for shown, told in batches(asked.events, asked.seed):
        began = time.process_time()
        held |= state.learn(shown, told, held).people
        seconds += time.process_time() - began
        learned += len(told)
        if learned % (asked.events // 4) < BATCH:
            memory.append(round(resident_mb(), 1))
            slow.append(slowness())
    print(
        json.dumps(
            {
                "events": learned,
                "slates": learned // 5,
                "seed": asked.seed,
                "events_a_second": round(learned / seconds),
                "events_a_second_of_an_ordinary_core": round(learned / seconds * sum(slow) / len(slow)),
                "resident_mb_by_quarter": memory,
            }
        )
    )


if __name__ == "__main__":
    main()
