"""How often off-policy intervals hold the truth, in simulated logs: `python -m tests.off_policy_coverage`."""

import argparse
import json
import time
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from hidden_gems.evaluation.metrics import Floats
from hidden_gems.evaluation.off_policy.report import Report, estimate
from hidden_gems.evaluation.off_policy.rounds import Rounds, rounds_of

NUMBERS = 4
SHIFT = 0.05


@dataclass(frozen=True)
class World:
    """Simulated moments, a policy that logs and one that is asked about; the truth is a sum, not a sample.

    Notation: M kinds of moments, equally often, A items. A moment is four numbers; the chance of a reward of 1 is a
    logistic function of moment times item. Both policies are softmax of noisy scores. A slate of two shows no item
    twice, its second place earns less. A person's chances are all higher or all lower by `SHIFT`; none falls below 0.
    """

    seed: int = 0
    moments: int = 400
    items: int = 20
    places: int = 1  # in a slate, 1 or 2
    people: int = 0  # who come back; 0: everybody comes once
    context: Floats = field(init=False)  # M X 4
    chance: Floats = field(init=False)  # of a reward, M X A
    logging: Floats = field(init=False)  # M X A
    target: Floats = field(init=False)  # M X A

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        context = random.normal(size=(self.moments, NUMBERS))
        liked = context @ random.normal(size=(NUMBERS, self.items)) * 0.5 + random.normal(size=self.items)
        guess, better = (liked + random.normal(size=liked.shape) * noise for noise in (2.0, 0.7))
        logging = 0.7 * _softmax(guess) + 0.3 / self.items
        found = {"context": context, "chance": 0.1 + 0.6 / (1.0 + np.exp(1.0 - liked)), "logging": logging}
        for name, value in (found | {"target": _softmax(1.5 * better)}).items():
            object.__setattr__(self, name, value)

    @property
    def truth(self) -> float:
        """Expected reward of a place under the target; at a second place the log has chosen the first."""
        first = (self.target * self.chance).sum(axis=1)
        if self.places == 1:
            return float(first.mean())
        rest = first[:, None] - self.target * self.chance  # M X A that is above
        second = (self.logging * rest / (1.0 - self.target)).sum(axis=1) * 0.6
        return float((first + second).mean() / 2.0)

    def draw(self, rounds: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """A log and the target's probabilities in it, as `gems off-policy` takes them."""
        random = np.random.default_rng((self.seed, seed))
        moment = random.integers(self.moments, size=rounds)
        person = random.integers(self.people, size=rounds) if self.people else np.arange(rounds)
        shift = (random.random(person.max() + 1) < 0.5)[person] * 2.0 - 1.0
        free = np.ones((rounds, self.items))
        logs, targets = [], []
        for position in range(self.places):
            here, wanted = (_normal(policy[moment] * free) for policy in (self.logging, self.target))
            item = (here.cumsum(axis=1) > random.random(rounds)[:, None]).argmax(axis=1)
            chance = (self.chance[moment, item] * (1.0, 0.6)[position]) + SHIFT * shift * (self.people > 0)
            known = {f"x{n}": self.context[moment, n] for n in range(NUMBERS)} | {"position": position}
            ids = {"round_id": np.arange(rounds).astype(str), "user_id": person.astype(str)}
            reward = (random.random(rounds) < chance).astype(float)
            propensity = here[np.arange(rounds), item]
            logs.append(
                pd.DataFrame(ids | {"item_id": item.astype(str), "reward": reward, "propensity": propensity} | known)
            )
            row, column = np.nonzero(wanted)
            targets.append(
                pd.DataFrame(
                    {"round_id": row.astype(str), "item_id": column.astype(str), "position": position}
                    | {"probability": wanted[row, column]}
                )
            )
            free[np.arange(rounds), item] = 0.0
        return pd.concat(logs, ignore_index=True), pd.concat(targets, ignore_index=True)

    def rounds(self, rounds: int, seed: int) -> Rounds:
        """The same, checked."""
        return rounds_of(*self.draw(rounds, seed))


def coverage(world: World, logs: int, rounds: int) -> dict[str, dict[str, float]]:
    """By estimator: share of the intervals that hold the truth, median width, bias and root mean squared error."""
    reports = [estimate(world.rounds(rounds, seed), seed=seed) for seed in range(logs)]
    return {name: _judged(reports, name, world.truth) for name in reports[0].estimates}


def _judged(reports: list[Report], name: str, truth: float) -> dict[str, float]:
    found = [report.estimates[name].value for report in reports]
    errors = np.array([each.value - truth for each in found])
    return {
        "coverage": float(np.mean([each.low <= truth <= each.high for each in found])),
        "median_width": float(np.median([each.high - each.low for each in found])),
        "bias": float(errors.mean()),
        "rmse": float(np.sqrt((errors**2).mean())),
    }


def _softmax(scores: Floats) -> Floats:
    return _normal(np.exp(scores - scores.max(axis=1, keepdims=True)))


def _normal(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


def main() -> None:
    """Print coverage and widths as JSON, for single places and for slates of two to people who come back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=1_000, help="in each log")
    parser.add_argument("--seed", type=int, default=0, help="of the world")
    asked = parser.parse_args()
    began = time.perf_counter()
    worlds = {
        "single places": World(asked.seed),
        "slates of two, people who come back": World(asked.seed, places=2, people=asked.rounds // 4),
    }
    found = {
        name: {"truth": world.truth, "estimators": coverage(world, asked.logs, asked.rounds)}
        for name, world in worlds.items()
    }
    about = {"simulated": True, "logs": asked.logs, "rounds": asked.rounds, "seed": asked.seed}
    print(json.dumps(about | {"worlds": found, "seconds": round(time.perf_counter() - began, 1)}, indent=2))


if __name__ == "__main__":
    main()
