"""How right a release's estimate of its own policy is, in a simulated city: `python -m tests.own_policy_coverage`.

The truth is the city's: the probability of a click on every gem, for the person and the moment of every slate, times
that of a look at the position. Two figures: the estimate of the whole log, of the release as it is and with its scores
negated; and how often intervals hold the truth when the first places of the slates are drawn anew, by places in a log.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.benchmark.opened import Opened
from hidden_gems.benchmark.own_policy import ESTIMATOR, SLATES, estimated, in_short, logged_slates, target_of
from hidden_gems.evaluation.gates import canary_refused
from hidden_gems.evaluation.metrics import Floats
from hidden_gems.evaluation.off_policy.report import Report, estimate
from hidden_gems.evaluation.off_policy.rounds import rounds_of
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.simulation.city import City
from hidden_gems.simulation.feedback import examination
from hidden_gems.simulation.policy import LoggedPopularity, Request, Slates
from hidden_gems.steps import trial_release
from hidden_gems.steps.learning import open_shelf

SIZES = (2_000, 4_000, 8_000)


@dataclass
class Noted:
    """The logging policy of a city, which notes the truth of every slate: S slates, I gems."""

    city: City
    click: list[NDArray[np.float32]]  # on every gem if it is looked at, S X I
    first: list[NDArray[np.float32]]  # the policy's probability of every gem at the first place, S X I

    def __call__(self, request: Request, random: np.random.Generator) -> Slates:
        """Show what the city would."""
        of, able = self.city.parameters.policy, request.eligible
        every = np.broadcast_to(np.arange(able.shape[1]), able.shape)
        self.click.append(self.city.truth.click_probability(request.users, every, request.context).astype(np.float32))
        weight = np.where(able, (1.0 + request.popularity) ** of.power, 0.0)
        share = (1.0 - of.uniform) * weight / weight.sum(axis=1, keepdims=True)
        self.first.append((share + of.uniform * able / able.sum(axis=1, keepdims=True)).astype(np.float32))
        return LoggedPopularity(of)(request, random)


@dataclass(frozen=True)
class Study:
    """A release, and the truth of the slates that were logged after it."""

    opened: Opened
    gems: pd.Index
    click: NDArray[np.float32]  # S X I
    first: NDArray[np.float32]  # S X I
    look: Floats  # by position

    @classmethod
    def of(cls, people: int, days: int, seed: int, root: Path) -> "Study":
        """Let a city live, and train neighbours and trees on its log."""
        city = City(seed=seed, people=people, days=days)
        noted = Noted(city, [], [])
        city.logging_policy = noted  # type: ignore[assignment]
        trial_release.live_logged(city, days, root / "log")
        trial_release.train(root, seed)
        shelf = open_shelf(root / "checked", seed)
        release = trial_release.opened(root, seed, shelf.split.test_from)
        ranker = LambdaMART.load(root / "ranker")
        opened = Opened(release, ranker, shelf.dataset, release.store(), release.world(still=False))
        look = examination(city.parameters.feedback, city.parameters.feedback.slate)
        gems = pd.Index(city.gems.places["item_id"])
        return cls(opened, gems, np.concatenate(noted.click), np.concatenate(noted.first), look)

    def turned(self) -> Opened:
        """The release with its scores negated."""
        ranker = self.opened.release.ranker
        return replace(self.opened, release=replace(self.opened.release, ranker=lambda x: -ranker(x)))

    def clicks(self, rows: pd.DataFrame) -> Floats:
        """True probability of a click on each gem (round_id, item_id, position), one a row."""
        slate, gem = _slates(rows), self.gems.get_indexer(rows["item_id"])
        return np.asarray(self.click[slate, gem] * self.look[rows["position"].to_numpy(np.int64)], dtype=np.float64)

    def whole(self, opened: Opened, seed: int) -> dict[str, Any]:
        """The estimate of a release from all that was logged, beside the truth."""
        log = logged_slates(opened, SLATES, seed)
        target = target_of(opened, log)
        report = estimated(log, target, seed)
        truth = float((target["probability"] * self.clicks(target)).sum() / report.places)
        short = in_short(report, log)
        said = {"truth": truth, "true_value_of_the_log": float(self.clicks(log).mean())}
        return said | {"refused": canary_refused(short) is not None} | short

    def redrawn(self, logs: int, seed: int) -> Iterator[dict[str, float]]:
        """Share of the intervals that hold the truth, of logs of first places drawn anew from the slates."""
        log = logged_slates(self.opened, SLATES, seed)
        log = log[log["position"] == 0].reset_index(drop=True)
        target = target_of(self.opened, log)
        wanted = np.zeros((len(log), len(self.gems)))
        row = pd.Index(log["round_id"]).get_indexer(target["round_id"])
        wanted[row, self.gems.get_indexer(target["item_id"])] = target["probability"]
        for size in SIZES:
            found = [self._again(log, wanted, size, (seed, size, number)) for number in range(logs)]
            held = {
                name: float(np.mean([each.estimates[name].value.low <= true <= each.estimates[name].value.high
                                     for each, true in found]))
                for name in ("SNIPS", ESTIMATOR)
            }  # fmt: skip
            effective = float(np.median([each.estimates[ESTIMATOR].effective for each, _ in found]))
            yield {"places": size, "effective": effective, **held}

    def _again(self, log: pd.DataFrame, wanted: Floats, size: int, seed: tuple[int, ...]) -> tuple[Report, float]:
        random = np.random.default_rng(seed)
        slates = random.integers(len(log), size=size)
        click = self.click[_slates(log)[slates]].astype(np.float64)
        first = self.first[_slates(log)[slates]].astype(np.float64)
        gem = np.minimum((first.cumsum(axis=1) < random.random(size)[:, None]).sum(axis=1), len(self.gems) - 1)
        place = np.arange(size)
        again = pd.DataFrame(
            {
                "round_id": place.astype(str),
                "user_id": log["user_id"].to_numpy()[slates],
                "item_id": gem.astype(str),
                "hour": log["hour"].to_numpy()[slates],
                "reward": (random.random(size) < click[place, gem]).astype(np.float64),
                "propensity": first[place, gem],
            }
        )
        row, column = np.nonzero(wanted[slates])
        target = {"round_id": row.astype(str), "item_id": column.astype(str)}
        table = pd.DataFrame(target | {"probability": wanted[slates][row, column]})
        return estimate(rounds_of(again, table), seed=seed[-1]), float((wanted[slates] * click).sum() / size)


def _slates(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Number of each row's slate in the city."""
    return np.asarray(rows["round_id"].str.removeprefix("slate-"), dtype=np.int64)


def main() -> None:
    """Print both figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_200)
    parser.add_argument("--days", type=int, default=20)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--logs", type=int, default=60, help="drawn anew, of each size; 0 leaves them out")
    asked = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as root:
        study = Study.of(asked.people, asked.days, asked.seed, Path(root))
        found: dict[str, Any] = {"simulated": True, **vars(asked)}
        found["as it is"] = study.whole(study.opened, asked.seed)
        found["upside down"] = study.whole(study.turned(), asked.seed)
        found["drawn anew"] = list(study.redrawn(asked.logs, asked.seed)) if asked.logs else []
    print(json.dumps(found | {"seconds": round(time.perf_counter() - began)}, indent=2))


if __name__ == "__main__":
    main()
