"""What re-ranking does to slates of a simulated city: rare share, NDCG, floors, ceilings, exploration, weights.

`python -m tests.rerank_study --slates 10000`, some minutes. A city lives under its logging policy, a release is trained
on its log, and people ask on the days after; nothing is learned from what they are shown but exposures, which count
`LAG` slates late. Every policy draws from the same utilities with the same random numbers. NDCG is that of the true
expected reward (0 where it is below) among the candidates of the request. All of it is simulated.
"""

import argparse
import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hidden_gems.benchmark.closed_loop import Guide
from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.features.arm_context import arm_context
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.online.exposure import Exposure
from hidden_gems.recommend import limits
from hidden_gems.recommend.answering import choose, find, utilities_of, vectors
from hidden_gems.recommend.business import Business, is_new, shipped, small_businesses
from hidden_gems.recommend.exploration import draw
from hidden_gems.recommend.slate import Beliefs, Filled
from hidden_gems.recommend.world import World
from hidden_gems.simulation.policy import Request as Asked
from hidden_gems.steps.trial import Trial, TrialConfig

K, LAG = 10, 20
RARE = FEATURE_NAMES.index("is_rare")
OPEN: Mapping[str, float] = {"rare_share": 0.0, "floor": 0.0, "ceiling_open": 1.0, "ceiling_hidden": 1.0}
POLICIES: Mapping[str, Mapping[str, float] | None] = {
    "plain": None,  # the draw alone
    "caps": OPEN | {"explored_share": 1.0},  # 40 % of a type, 40 % of a neighborhood: what there was before
    "rules": {},
    "new": {"weight_new": 1.0},
    "small": {"weight_small": 1.0},
    "small twice": {"weight_small": 2.0},
    "small less": {"weight_small": -1.0},
}


@dataclass
class Policy:
    """One way to fill slates, with its own counts of what it showed."""

    business: Business | None  # None draws without any rule
    world: World
    exposure: Exposure = field(default_factory=Exposure)
    waiting: list[tuple[str, ...]] = field(default_factory=list)
    slates: list[NDArray[np.int64]] = field(default_factory=list)  # rows of the catalogue
    ndcg: list[float] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)

    def count(self, **more: float) -> None:
        """Add to the sums."""
        for name, value in more.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def show(self, item_ids: tuple[str, ...]) -> None:
        """Let a slate be counted, some slates later."""
        self.waiting.append(item_ids)
        if len(self.waiting) == LAG:
            self.exposure.learn_many(self.waiting)
            self.waiting.clear()
            online = self.world.online
            assert online is not None
            self.world = replace(self.world, online=replace(online, exposure=self.exposure))


def policies(world: World) -> dict[str, Policy]:
    """All of them, before anything was shown."""
    found = {}
    for name, changed in POLICIES.items():
        business = None if changed is None else shipped().model_copy(update=dict(changed))
        online = world.online
        assert online is not None
        policy = Policy(business, world)
        policy.world = replace(world, business=business or shipped(), online=replace(online, exposure=policy.exposure))
        found[name] = policy
    return found


def answer(
    guide: Guide, asked: Asked, place: int, true: NDArray[np.float64], made: dict[str, Policy], seed: int
) -> None:
    """One request, answered by every policy."""
    request = guide.request(asked, place)
    person = guide.person(request)
    state = guide.release.prior()
    shared: dict[bytes, Any] = {}
    for policy in made.values():
        found = find(policy.world, person, request)
        key = found.rows.tobytes()
        if key not in shared:
            features = vectors(policy.world, person, request, found, None)
            mean, spread = state.belief(found.item_ids, arm_context(features))
            shared[key] = features, Beliefs(guide.release.ranker(features).astype(np.float64), mean, spread)
        features, beliefs = shared[key]
        drawn_from = utilities_of(policy.world, person, request, found, beliefs)
        began, random = perf_counter(), np.random.default_rng(seed)
        if policy.business is None:
            drawn = draw(drawn_from.mean, drawn_from.spread, K, random)
            filled = Filled(drawn.places, drawn.propensities, {}, drawn.explored)
        else:
            filled = choose(policy.world, request, found, drawn_from, features, random)
        policy.count(seconds=perf_counter() - began)
        _note(policy, found.rows, found.item_ids, features, filled, true)


def _note(
    policy: Policy, rows: NDArray[np.int64], item_ids: tuple[str, ...], features: NDArray[np.float32], filled: Filled,
    true: NDArray[np.float64],
) -> None:  # fmt: skip
    places = list(filled.places)
    rare = features[:, RARE] > 0
    policy.slates.append(rows[places])
    gains = np.maximum(true[rows], 0.0)
    discount = 1.0 / np.log2(np.arange(K) + 2.0)
    best = np.sort(gains)[::-1][:K]
    if best.sum() > 0:
        policy.ndcg.append(float(gains[places] @ discount[: len(places)] / (best @ discount[: len(best)])))
    else:
        policy.ndcg.append(math.nan)
    policy.count(
        places=len(places), rare=rare[places].sum(), rare_candidates=rare.mean(), explored=sum(filled.explored),
        short_of_rare=float(rare[places].sum() < min(4, rare.sum())),
        **{f"by {name}": 1.0 for all_of in filled.fired.values() for name in {each.reason for each in all_of}},
    )  # fmt: skip
    policy.show(tuple(item_ids[place] for place in places))


def report(name: str, policy: Policy, plain: Policy) -> dict[str, Any]:
    """Figures of one policy."""
    items, sums, business = policy.world.items, policy.sums, policy.world.business
    slates = len(policy.slates)
    shown = np.bincount(np.concatenate(policy.slates), minlength=len(items.index)).astype(np.float64)
    total = Exposure(half_life=1e12)
    total.learn_many([tuple(items.index.ids[row] for row in slate) for slate in policy.slates])
    ceiling = limits.ceilings(total, items, business)
    codes = items.neighborhood_codes
    share = limits.shares(shown, items)[codes > 0]
    ratio = np.array(policy.ndcg) / np.nanmean(plain.ndcg)
    other = np.array(plain.ndcg) / np.nanmean(plain.ndcg)
    difference = (ratio - other)[np.isfinite(ratio)]
    reach = 1.96 * difference.std(ddof=1) / math.sqrt(len(difference))
    at = int(sums["at"])
    return {
        "policy": name,
        "slates": slates,
        "rare_share": round(sums["rare"] / sums["places"], 4),
        "rare_among_candidates": round(sums["rare_candidates"] / slates, 4),
        "slates_short_of_rare": int(sums["short_of_rare"]),
        "ndcg@10": round(float(np.nanmean(policy.ndcg)), 4),
        "loss": [round(float(-difference.mean() + way * reach), 4) for way in (0, -1, 1)],
        "least_neighborhood": round(float(share.min()), 4),  # of its even share
        "floor": business.floor,
        "neighborhoods_below": len(set(codes[1:][(limits.shares(shown, items)[1:] < business.floor)]) - {0}),
        "largest_to_ceiling": round(float((shown / slates / ceiling)[1:].max()), 4),
        "gems_above_ceiling": int((shown[1:] / slates > ceiling[1:]).sum()),
        "largest_gem": round(float(shown[1:].max() / slates), 4),
        "explored_share": round(sums["explored"] / sums["places"], 4),
        "new_share": round(float(shown[is_new(items, at, business.new_days)].sum() / shown.sum()), 4),
        "small_share": round(float(shown[small_businesses(items)].sum() / shown.sum()), 4),
        "ms_to_fill": round(1000 * sums["seconds"] / slates, 3),
        "changed_places": {key[3:]: int(value) for key, value in sums.items() if key.startswith("by ")},
    }


def study(slates: int, people: int, history: int, seed: int, folder: Path) -> list[dict[str, Any]]:
    """Let people ask until there are so many slates of every policy."""
    trial = Trial.begin(TrialConfig(people=people, history=history, days=14, drift=False), seed, folder)
    guide = trial.guide("static")
    guide.world = replace(guide.world, rows=guide.release.world(still=True).rows)
    made = policies(guide.world)
    city, random, done = trial.city, np.random.default_rng(seed), 0
    here = np.flatnonzero(city.people.created_at <= guide.release.at)
    while done < slates:
        users = random.choice(here, min(50, slates - done))
        first = guide.release.at - guide.release.at % DAY_SECONDS
        when = (
            first + random.integers(0, 7, len(users)) * DAY_SECONDS + random.integers(6 * 3600, 20 * 3600, len(users))
        )
        context = city.context(users, when.astype(np.int64), mood=random.integers(0, 8, len(users)))
        gems = np.broadcast_to(np.arange(len(city.gems)), (len(users), len(city.gems)))
        true = city.truth.expected_reward(users, gems, context).astype(np.float64)
        asked = Asked(users, context, city.truth.open_on_arrival(context), np.zeros(len(city.gems)), K)
        rows = guide.world.items.index.rows(city.gems.places["item_id"].tolist())
        for place in range(len(users)):
            by_row = np.zeros(len(guide.world.items.index))
            by_row[rows] = true[place]
            answer(guide, asked, place, by_row, made, seed * slates + done)
            done += 1
    for policy in made.values():
        policy.sums["at"] = guide.release.at
    return [report(name, policy, made["plain"]) for name, policy in made.items()]


def main() -> None:
    """Print a line of JSON for each policy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slates", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=250)
    parser.add_argument("--history", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for line in study(given.slates, given.people, given.history, given.seed, Path(folder)):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
