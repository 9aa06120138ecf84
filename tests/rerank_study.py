"""What re-ranking does to slates of a simulated city: rare share, NDCG, types, floors, ceilings, exploration, weights.

`python -m tests.rerank_study`, some minutes; `--slates 1000` is shorter. `--seed` is another city, and `--over FILES`
sums up what several cities printed, with intervals over cities. A city lives under its logging policy, a release is
trained on its log, and people ask in the week after; nothing is learned from what they are shown but
exposures, which count `LAG` slates late. Every policy draws from the same utilities with the same random numbers.
NDCG is that of the true expected reward (0 where it is below) among the candidates of the request. All is simulated.
"""

import argparse
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from hidden_gems.benchmark.loop_release import TrialRelease
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.features.arm_context import arm_context
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.online.exposure import Exposure
from hidden_gems.online.state import OnlineState
from hidden_gems.recommend.answering import choose, find, utilities_of, vectors
from hidden_gems.recommend.business import Business, is_new, shipped, small_businesses
from hidden_gems.recommend.deep import deep_inputs
from hidden_gems.recommend.exploration import draw
from hidden_gems.recommend.limits import ceilings, shares
from hidden_gems.recommend.person import Person
from hidden_gems.recommend.request import Request
from hidden_gems.recommend.slate import Beliefs, Filled
from hidden_gems.recommend.world import World
from hidden_gems.simulation.policy import Request as Asked
from hidden_gems.steps.trial import Trial, TrialConfig

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]

K, LAG, BATCH = 10, 20, 50
RARE = FEATURE_NAMES.index("is_rare")
_OFF = {"rare_share": 0.0, "floor": 0.0, "ceiling_open": 1.0, "ceiling_hidden": 1.0, "explored_share": 1.0}
SHIPPED, PLAIN = "rules", "plain"
POLICIES: Mapping[str, Mapping[str, float] | None] = {
    PLAIN: None,  # the draw alone
    "diversity": _OFF,
    "diversity, rare": _OFF | {"rare_share": 0.4},
    SHIPPED: {},
    "diversity 0": {"diversity": 0.0},
    "diversity 0.4": {"diversity": 0.4},
    "new -1": {"weight_new": -1.0},
    "new 1": {"weight_new": 1.0},
    "new 2": {"weight_new": 2.0},
    "small -1": {"weight_small": -1.0},
    "small 1": {"weight_small": 1.0},
    "small 2": {"weight_small": 2.0},
}
_OVER = (
    "loss_to_plain", "rare_share", "ndcg@10", "types", "neighborhoods_shown", "largest_type", "explored_share",
    "certain_share", "new_share", "small_share", "ms_to_fill",
)  # fmt: skip


@dataclass
class Policy:
    """One way to fill slates, with counts of what it showed."""

    business: Business | None  # None draws without any rule
    world: World
    state: OnlineState
    slates: list[Rows] = field(default_factory=list)  # rows of the catalogue
    ndcg: list[float] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    _waiting: list[Sequence[str]] = field(default_factory=list)

    @classmethod
    def of(cls, world: World, changed: Mapping[str, float] | None) -> "Policy":
        """Before anything was shown."""
        assert world.online is not None
        business = None if changed is None else shipped().model_copy(update=dict(changed))
        state = replace(world.online, exposure=Exposure())
        asked = business or shipped().model_copy(update=_OFF)
        return cls(business, replace(world, online=state, business=asked), state)

    def count(self, **more: float) -> None:
        """Add to the sums."""
        for name, value in more.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def show(self, item_ids: Sequence[str]) -> None:
        """Let a slate be counted, some slates later."""
        self._waiting.append(item_ids)
        if len(self._waiting) == LAG:
            self.state.exposure.learn_many(self._waiting)
            self._waiting.clear()
            self.world = replace(self.world, online=self.state)


def answer(
    release: TrialRelease, person: Person, request: Request, true: Floats, policies: Sequence[Policy], seed: int
) -> None:
    """One request, answered by every policy; who has the same candidates scores them once.

    Args:
        release: Scores.
        person: Who asks.
        request: What is asked.
        true: Expected reward of every row of the catalogue.
        policies: All of them.
        seed: Of the draws.
    """
    scored: dict[bytes, tuple[NDArray[np.float32], Beliefs]] = {}
    for policy in policies:
        world = policy.world
        found = find(world, person, request)
        key = found.rows.tobytes()
        if key not in scored:
            deep = None if release.deep is None else release.deep(deep_inputs(world, person, request, found.rows))
            features = vectors(world, person, request, found, deep)
            mean, spread = policy.state.belief(found.item_ids, arm_context(features))
            scored[key] = features, Beliefs(release.ranker(features).astype(np.float64), mean, spread)
        features, beliefs = scored[key]
        drawn_from = utilities_of(world, person, request, found, beliefs)
        random, began = np.random.default_rng(seed), perf_counter()
        if policy.business is None:
            drawn = draw(drawn_from.mean, drawn_from.spread, K, random)
            filled = Filled(drawn.places, drawn.propensities, explored=drawn.explored)
        else:
            filled = choose(world, request, found, drawn_from, features, random)
        policy.count(seconds=perf_counter() - began)
        places = list(filled.places)
        _note(policy, filled, features[:, RARE] > 0, true[found.rows])
        _note_variety(policy, found.rows[places])
        policy.slates.append(found.rows[places])
        policy.show([found.item_ids[place] for place in places])


def _note(policy: Policy, filled: Filled, rare: NDArray[np.bool_], true: Floats) -> None:
    places, gains = list(filled.places), np.maximum(true, 0.0)
    discount = 1.0 / np.log2(np.arange(len(places)) + 2.0)
    best = float(np.sort(gains)[::-1][: len(places)] @ discount)
    policy.ndcg.append(float(gains[places] @ discount) / best if best > 0 else math.nan)
    shown = int(rare[places].sum())
    policy.count(places=len(places), rare=shown, among=float(rare.mean()), explored=sum(filled.explored))
    policy.count(certain=sum(each == 1.0 for each in filled.propensities))
    policy.count(short=float(shown < min(math.ceil(0.4 * len(places)), int(rare.sum()))))
    for told in filled.fired.values():
        policy.count(**{f"by {reason}": 1.0 for reason in {each.reason for each in told}})


def _note_variety(policy: Policy, rows: Rows) -> None:
    """Count what is known: types, neighborhoods, and gems of the commonest type of a slate."""
    types, neighborhoods = (
        codes[rows] for codes in (policy.world.items.type_codes, policy.world.items.neighborhood_codes)
    )
    policy.count(types=len(set(types) - {0}), quarters=len(set(neighborhoods) - {0}))
    policy.count(largest=int(np.bincount(types)[1:].max(initial=0)))


def report(name: str, policy: Policy, plain: Policy, at: int, compared: int) -> dict[str, Any]:
    """Figures of one policy; shares of new and small gems are those of the first `compared` slates of all."""
    items, sums, business, slates = policy.world.items, policy.sums, policy.world.business, len(policy.slates)
    count = len(items.index)
    shown = np.bincount(np.concatenate(policy.slates), minlength=count).astype(np.float64)
    early = np.bincount(np.concatenate(policy.slates[:compared]), minlength=count)
    whole = Exposure(half_life=1e12)
    whole.learn_many([[items.index.ids[row] for row in slate] for slate in policy.slates])
    to_ceiling = (shown / slates / ceilings(whole, items, business))[1:]
    share = shares(shown, items)[items.neighborhood_codes > 0]
    return {
        "policy": name,
        "slates": slates,
        "rare_share": round(sums["rare"] / sums["places"], 4),
        "rare_among_candidates": round(sums["among"] / slates, 4),
        "slates_short_of_rare": int(sums["short"]),
        "ndcg@10": round(float(np.nanmean(policy.ndcg)), 4),
        "loss_to_plain": _loss(policy.ndcg, plain.ndcg),
        "types": round(sums["types"] / slates, 3),
        "neighborhoods_shown": round(sums["quarters"] / slates, 3),
        "largest_type": round(sums["largest"] / slates, 3),
        "least_neighborhood": round(float(share.min()), 4),  # of what its number of gems would give it
        "neighborhoods": len(set(items.neighborhood_codes) - {0}),
        "neighborhoods_below_floor": len(set(items.neighborhood_codes[shares(shown, items) < shipped().floor]) - {0}),
        "largest_to_ceiling": round(float(to_ceiling.max()), 4),
        "gems_above_ceiling": int((to_ceiling > 1.0).sum()),
        "largest_gem": round(float(shown.max() / slates), 4),
        "explored_share": round(sums["explored"] / sums["places"], 4),
        "certain_share": round(sums["certain"] / sums["places"], 4),
        "new_share": round(float(early[is_new(items, at, business.new_days)].sum() / early.sum()), 4),
        "small_share": round(float(early[small_businesses(items)].sum() / early.sum()), 4),
        "ms_to_fill": round(1000 * sums["seconds"] / slates, 3),
        "changed_places": {key[3:]: int(value) for key, value in sums.items() if key.startswith("by ")},
    }


def _loss(ndcg: Sequence[float], other: Sequence[float]) -> list[float]:
    """Mean loss as a share of the other's mean, and its 95 % interval over slates."""
    count = min(len(ndcg), len(other))
    against = np.array(other[:count])
    lost = (against - np.array(ndcg[:count])) / np.nanmean(against)
    lost = lost[np.isfinite(lost)]
    reach = 1.96 * lost.std(ddof=1) / math.sqrt(len(lost))
    return [round(float(lost.mean() + way * reach), 4) for way in (0, -1, 1)]


def study(trial: Trial, slates: int, compared: int) -> list[dict[str, Any]]:
    """Let people ask until the shipped rules have filled so many slates; all others stop once they are `compared`."""
    guide, city, release = trial.guide("static"), trial.city, trial.release
    made = {name: Policy.of(guide.world, changed) for name, changed in POLICIES.items()}
    random, gems = np.random.default_rng(trial.seed), np.arange(len(city.gems))
    rows = guide.world.items.index.rows(city.gems.places["item_id"].tolist())
    here = np.flatnonzero(city.people.created_at <= release.at)
    for done in range(0, slates, BATCH):
        users = random.choice(here, BATCH)
        when = release.at + random.integers(0, 7, BATCH) * DAY_SECONDS + random.integers(6 * 3600, 20 * 3600, BATCH)
        context = city.context(users, when, mood=random.integers(0, 8, BATCH))
        reward = city.truth.expected_reward(users, np.broadcast_to(gems, (BATCH, len(gems))), context)
        asked = Asked(users, context, city.truth.open_on_arrival(context), np.zeros(len(gems)), K)
        used = [policy for name, policy in made.items() if done < compared or name == SHIPPED]
        for place in range(BATCH):
            true = np.zeros(len(guide.world.items.index))
            true[rows] = reward[place]
            request = guide.request(asked, place)
            answer(release, guide.person(request), request, true, used, done + place)
    at = release.at + 4 * DAY_SECONDS
    return [report(name, policy, made[PLAIN], at, compared) for name, policy in made.items()]


def over_cities(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean of figures over cities with its 95 % interval by Student's t, by policy; the worst of floors and ceilings.

    Args:
        lines: What `study` gave for several seeds.
    """
    found = []
    for name in dict.fromkeys(line["policy"] for line in lines):
        mine = [line for line in lines if line["policy"] == name]
        told: dict[str, Any] = {"policy": name, "cities": len(mine), "slates": sum(line["slates"] for line in mine)}
        told["least_neighborhood"] = min(line["least_neighborhood"] for line in mine)
        told["largest_to_ceiling"] = max(line["largest_to_ceiling"] for line in mine)
        for key in ("slates_short_of_rare", "neighborhoods_below_floor", "gems_above_ceiling"):
            told[key] = sum(line[key] for line in mine)
        for key in _OVER:
            values = np.array([np.atleast_1d(line[key])[0] for line in mine])
            reach = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
            told[key] = [round(float(values.mean() + way * reach), 4) for way in (0, -1, 1)]
        found.append(told)
    return found


def main() -> None:
    """Print a line of JSON for each policy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slates", type=int, default=10_000)
    parser.add_argument("--compared", type=int, default=1_000)
    parser.add_argument("--people", type=int, default=250)
    parser.add_argument("--history", type=int, default=20)
    parser.add_argument("--deep", default="wide_deep,graphsage")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--over", type=Path, nargs="+", help="files with lines of several cities; two and more")
    given = parser.parse_args()
    if given.over:
        lines = [line for file in given.over for line in file.read_text().splitlines()]
        for told in over_cities([json.loads(line) for line in lines if line.startswith("{")]):
            print(json.dumps(told))
        return
    deep = tuple(filter(None, given.deep.split(",")))
    config = TrialConfig(people=given.people, history=given.history, deep=deep, drift=False)
    with tempfile.TemporaryDirectory() as folder:
        for line in study(Trial.begin(config, given.seed, Path(folder)), given.slates, given.compared):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
