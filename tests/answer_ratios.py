"""Ratios that speed is promised in, each measured in one run, by `make latency`: trees, LinUCB, and answers with facts.

Trees: 500 rows through LightGBM's predict with one thread, and through the exported ensemble. LinUCB: 500 arms of 64
features as the plan writes it (for every arm A is solved and inverted again), and `LinearArms.upper`; both get the same
A and b, so that they have to choose alike. Answers: a whole stack of a small simulated city is asked by one person
after another, in turns with `explain=none` and `brief`; milliseconds are those of the caller.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import lightgbm
import numpy as np

from hidden_gems.export.sessions import FEATURES, open_session
from hidden_gems.export.trees import export_lambdamart
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.models.lambdamart import LambdaMART, LambdaMARTConfig
from hidden_gems.online.linear import LinearArms
from tests.stacks import whole_stack

ROWS, TOP = 500, 10
ARMS, WIDTH, SLATES = 500, 64, 50
ROUNDS, ASKED = 9, 400


def in_turns(calls: int, *ways: Callable[[], object]) -> list[float]:
    """Milliseconds a call of each way, median over rounds of the median in a round; ways take turns."""
    found: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        for way, rounds in zip(ways, found, strict=True):
            taken = []
            for _ in range(calls):
                began = time.perf_counter()
                way()
                taken.append(time.perf_counter() - began)
            rounds.append(1_000.0 * median(taken))
    return [median(rounds) for rounds in found]


def trees(count: int, folder: Path) -> None:
    """LightGBM over the exported ensemble; the ten best have to be the same."""
    random = np.random.default_rng(count)
    size = 20_000
    x = random.normal(size=(size, len(FEATURE_NAMES))).astype(np.float32)
    x[random.random(x.shape) < 0.1] = np.nan
    known = np.nan_to_num(x)
    label = np.clip(np.rint(known[:, 0] + known[:, 1] * known[:, 2] + random.normal(size=size) + 1.5), 0, 5)
    queries = np.full(size // 20, 20)
    model = LambdaMART(FEATURE_NAMES, LambdaMARTConfig(trees=count)).fit(x, label.astype(np.int64), queries)
    export_lambdamart(model, folder / f"{count}.onnx")
    session, booster = (
        open_session(folder / f"{count}.onnx"),
        lightgbm.Booster(model_str=model.booster.model_to_string()),
    )
    same, apart = 0, 0.0
    for start in range(0, size, ROWS):
        rows = x[start : start + ROWS]
        ours, theirs = session.run(None, {FEATURES: rows})[0], booster.predict(rows, num_threads=1)
        best = [np.argsort(-scores, kind="stable")[:TOP].tolist() for scores in (ours, theirs)]
        same += best[0] == best[1]
        apart = max(apart, float(np.abs(ours - theirs).max()))
    rows = x[:ROWS]
    ours_ms, theirs_ms = in_turns(
        40, lambda: session.run(None, {FEATURES: rows}), lambda: booster.predict(rows, num_threads=1)
    )
    print(
        f"{model.booster.num_trees()} trees, {ROWS} rows: LightGBM {theirs_ms:.3f} ms, ensemble {ours_ms:.3f} ms,"
        f" {theirs_ms / ours_ms:.2f} x; ten best equal in {same} of {size // ROWS}, furthest score {apart:.1e}",
        flush=True,
    )


def plan_upper(arms: LinearArms, apart: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """LinUCB's index as the plan computes it: every arm solves and inverts its own copy of A; size B."""
    tables = arms.arrays()
    gram, earned = tables["gram"] + arms.strength * np.eye(arms.width), tables["earned"]
    found = np.empty(len(apart))
    for row, x in enumerate(apart):
        theta, inverse = np.linalg.solve(gram, earned), np.linalg.inv(gram)
        found[row] = theta @ x + alpha * arms.noise * np.sqrt(x @ inverse @ x)
    return found


def linucb() -> None:
    """The plan's sketch over ours, with what both choose."""
    random = np.random.default_rng(1)
    arms, names = LinearArms(WIDTH), [f"gem-{number}" for number in range(ARMS)]

    def contexts(size: int) -> np.ndarray:
        drawn = random.normal(size=(size, WIDTH)) / 3.0
        drawn[:, 0] = 1.0
        return drawn

    theta = random.normal(size=WIDTH) / 10.0
    shown = contexts(20_000)
    earned = np.clip(shown @ theta + 0.3 * random.normal(size=len(shown)), -1.0, 1.0)
    arms.learn_many([names[row % ARMS] for row in range(len(shown))], shown, np.ones(len(shown)), earned)
    same, furthest = 0, 0.0
    asked = [contexts(ARMS) for _ in range(SLATES)]
    for each in asked:
        ours, theirs = arms.upper(names, each), plan_upper(arms, arms.apart(names, each))
        same += int(np.argmax(ours) == np.argmax(theirs))
        furthest = max(furthest, float(np.abs(ours - theirs).max()))
    apart = arms.apart(names, asked[0])
    ours_ms, theirs_ms = in_turns(5, lambda: arms.upper(names, asked[0]), lambda: plan_upper(arms, apart))
    print(
        f"LinUCB, {ARMS} arms of {WIDTH}: plan {theirs_ms:.1f} ms, ours {ours_ms:.3f} ms, {theirs_ms / ours_ms:.0f} x;"
        f" the same choice in {same} of {SLATES}, furthest index {furthest:.1e}",
        flush=True,
    )


def answers(folder: Path) -> None:
    """What facts and tags of an answer cost: `brief` over `none`, and `full` beside it."""
    kinds = ("none", "brief", "full")
    with whole_stack(folder) as stack:
        taken: dict[str, list[float]] = {kind: [] for kind in kinds}
        late = 0  # full ones whose time was over, on a slow core
        for turn in range(ASKED + 20):
            person = stack.people[turn % len(stack.people)]
            for kind in np.roll(kinds, turn % len(kinds)).tolist():
                began = time.perf_counter()
                slate = stack.client.recommend(person, limit=10, explain=kind)
                if turn >= 20:
                    taken[kind].append(1_000.0 * (time.perf_counter() - began))
                    late += bool(slate.degraded)
                assert slate.items, (person, kind)
                assert not slate.degraded or kind == "full", slate.degraded
    none, brief, full = (np.array(taken[kind]) for kind in kinds)
    drawn = np.random.default_rng(0).integers(len(none), size=(2_000, len(none)))
    ratios = np.median(brief[drawn], axis=1) / np.median(none[drawn], axis=1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    print(
        f"answers to {len(none)} requests each: none {np.median(none):.2f} ms, brief {np.median(brief):.2f} ms"
        f" ({np.median(brief) / np.median(none):.3f} x, {low:.3f} to {high:.3f}), full {np.median(full):.2f} ms,"
        f" {late} of them not in full"
    )


def main() -> None:
    """Print every ratio."""
    with TemporaryDirectory() as folder:
        for count in (100, 300):
            trees(count, Path(folder))
        linucb()
        answers(Path(folder))


if __name__ == "__main__":
    main()
