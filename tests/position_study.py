"""Does a correction of position bias bring the ranker nearer to the truth? `python -m tests.position_study`.

A simulated city looks at position p with probability (1 + p) ** -0.45, and its policy shows what is popular first: what
stood at the top was clicked more than it deserved. Rankers learn from the same slates, uncorrected or corrected in one
of three ways, and order the slates of the test days; NDCG@10 is that of the true expected reward of the simulator (0
where it is below), which knows no position. Pairs are of slates, intervals over cities by Student's t. Simulated.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from hidden_gems.benchmark.city_truth import CityTruth
from hidden_gems.benchmark.shelf import Shelf, leaf_rows
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.datasets.moments import Moments
from hidden_gems.datasets.split import split_by_time
from hidden_gems.datasets.validation import check_folder
from hidden_gems.evaluation.metrics import ndcg
from hidden_gems.features.counts import raw_columns
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.models.lambdamart import LambdaMART, LambdaMARTConfig, RankingRows
from hidden_gems.recommend.ranking import ranking_features
from hidden_gems.simulation.city import START, City
from hidden_gems.simulation.rhythm import TIMEZONE
from hidden_gems.simulation.write import simulate

Floats = NDArray[np.float64]
ARMS = ("none", "factors", "feature", "weights")


def looked_at(shelf: Shelf, width: int) -> Floats:
    """Chance that each position is looked at, over that of the first; from the log alone, `width` of them.

    The policy drew by chance, and logged how likely that was: the clicks of a position weighted with 1 / propensity
    are those it would have, had every gem stood there equally often.
    """
    shown = shelf.dataset.before(shelf.split.test_from).impressions
    weight = 1.0 / np.maximum(shown["propensity"].to_numpy(np.float64), 0.01)
    position, clicked = shown["position"].to_numpy(np.int64), shown["clicked"].to_numpy(np.float64)
    found = np.bincount(position, weight * clicked, width) / np.maximum(np.bincount(position, weight, width), 1e-9)
    return np.asarray(found / found[0])


def scores(shelf: Shelf, rows: RankingRows, x: NDArray[np.float32], arm: str) -> Floats:
    """What a ranker that learned in one of the ways says of the test, n."""
    config = LambdaMARTConfig(leaf_rows=leaf_rows(len(rows.x)), seed=shelf.seed)
    position = rows.position
    assert position is not None
    if arm == "feature":
        names = (*FEATURE_NAMES, "position")
        column = np.where(position < 0, np.nan, position)[:, None].astype(np.float32)
        model = LambdaMART(names, config).fit(np.hstack([rows.x, column]), rows.label, rows.query_sizes)
        return model.score(np.hstack([x, np.zeros((len(x), 1), np.float32)])).astype(np.float64)
    model = LambdaMART(FEATURE_NAMES, config)
    if arm == "factors":
        model.fit(rows.x, rows.label, rows.query_sizes, position=position)
    elif arm == "weights":
        chance = np.maximum(looked_at(shelf, int(position.max()) + 1), 0.05)
        weight = np.where((position >= 0) & (rows.label > 0), 1.0 / chance[np.maximum(position, 0)], 1.0)
        model.fit(rows.x, rows.label, rows.query_sizes, weight=weight)
    else:
        model.fit(rows.x, rows.label, rows.query_sizes)
    return model.score(x).astype(np.float64)


def of_slates(rows: RankingRows) -> RankingRows:
    """Queries that are logged slates, without the lists that were made of candidates."""
    assert rows.position is not None
    shown = rows.position >= 0
    sizes = rows.query_sizes[shown[np.cumsum(rows.query_sizes) - 1]]
    return RankingRows(rows.x[shown], rows.label[shown], sizes, rows.position[shown])


def city(seed: int, people: int, days: int, slates: bool) -> dict[str, float]:
    """NDCG of every way in one city."""
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder) / "city", people, days, seed)
        checked = check_folder(Path(folder) / "city", timezone=TIMEZONE, pseudonyms=Pseudonyms(b"study"))
        split = split_by_time(checked.dataset)
        shelf = Shelf(checked.dataset, split, seed, deep=())
        truth = CityTruth.of(City(seed=seed, people=people, days=days, start=START), checked, shelf.users, shelf.items,
                             split.test_from)  # fmt: skip
        rows = of_slates(shelf.ranking_rows()) if slates else shelf.ranking_rows()
        shown = checked.dataset.between(split.test_from, None).impressions.reset_index(drop=True)
        user, item = shelf.users.rows(shown["user_id"].tolist()), shelf.items.rows(shown["item_id"].tolist())
        when = Moments.of(shown)
        given = {name: model.score(user, item, when) for name, model in shelf.scorers(split.test_from).items()}
        x = ranking_features(raw_columns(checked.dataset, shown), given)
        real = np.maximum(truth.pairs(shown), 0.0).astype(np.float64)
        found = {arm: _ndcg(shown, scores(shelf, rows, x, arm), real) for arm in ARMS}
        logged = _ndcg(shown, -shown["position"].to_numpy(np.float64), real)
        return {"logged order": logged, **found}


def _ndcg(shown: pd.DataFrame, score: Floats, real: Floats) -> float:
    table = pd.DataFrame({"slate": shown["slate_id"], "score": score, "real": real})
    table = table.sort_values(["slate", "score"], ascending=[True, False], kind="stable")
    place = table.groupby("slate").cumcount().to_numpy()
    slate = pd.factorize(table["slate"])[0]
    labels = np.zeros((slate.max() + 1, place.max() + 1))
    labels[slate, place] = table["real"]
    return float(np.nanmean(ndcg(labels, labels, 10)))


def main() -> None:
    """Print each city, and the differences to no correction."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cities", type=int, default=5)
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("--slates", action="store_true", help="learn from logged slates alone, not from lists as well")
    asked = parser.parse_args()
    found = []
    for seed in range(asked.cities):
        found.append(city(seed, asked.people, asked.days, asked.slates))
        print(json.dumps({"seed": seed} | {name: round(value, 4) for name, value in found[-1].items()}), flush=True)
    for arm in ARMS[1:]:
        gain = np.array([each[arm] - each["none"] for each in found])
        half = float(t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else np.inf
        print(f"{arm}: {gain.mean():+.4f} NDCG@10 ({gain.mean() - half:+.4f} to {gain.mean() + half:+.4f})")


if __name__ == "__main__":
    main()
