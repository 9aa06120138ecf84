"""Candidates first, in the ranker's order; below them everything else."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Index, Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.models.item_knn import ItemKNN
from hidden_gems.models.protocol import Recommender
from hidden_gems.recommend import ranking
from hidden_gems.recommend.candidates import CandidateConfig, CandidateGenerator
from hidden_gems.recommend.ranking import Funnel
from tests.tables import rich_dataset

DATASET = rich_dataset(users=12, count=20, events=300)
USERS, ITEMS = Index(sorted(DATASET.users["user_id"])), Index(sorted(DATASET.items["item_id"]))
NOW = int(DATASET.interactions["timestamp"].max()) + 1
PEOPLE = np.array([1, 5, 9])
SMALL = CandidateConfig(size=6, whole_catalogue_up_to=3)


class ByAuthenticity:
    """The least authentic gem first; unknown ones in the middle."""

    def score(self, features: NDArray[np.float32]) -> NDArray[np.floating]:
        return 3.0 - np.nan_to_num(features[:, FEATURE_NAMES.index("authenticity")], nan=0.5)


def log() -> Interactions:
    events = DATASET.interactions[DATASET.interactions["reward"] > 0]
    return Interactions(
        USERS.rows(events["user_id"].tolist()),
        ITEMS.rows(events["item_id"].tolist()),
        events["timestamp"].to_numpy(np.int64),
        events["reward"].to_numpy(np.float32),
        users=len(USERS),
        items=len(ITEMS),
    )


def funnel(scorers: dict[str, Recommender]) -> Funnel:
    return Funnel(ByAuthenticity(), DATASET, CandidateGenerator(SMALL).fit(log()), scorers, USERS, ITEMS)


def authenticity(rows: Rows) -> NDArray[np.float64]:
    table = DATASET.items.set_index("item_id")["authenticity"].fillna(0.5)
    return table[[ITEMS.ids[row] for row in rows]].to_numpy(np.float64)


@pytest.mark.parametrize("known", [True, False], ids=["with item_knn", "without models"])
def test_candidates_come_first_in_the_rankers_order_and_the_others_in_that_of_the_models(known: bool) -> None:
    model = ItemKNN().refit(log())
    scorers: dict[str, Recommender] = {"item_knn": model} if known else {}
    made = funnel(scorers)
    scores = made.catalogue(PEOPLE, NOW, repeat=True)
    assert scores.shape == (3, len(ITEMS))
    assert scores.dtype == np.float32
    assert np.isneginf(scores[:, 0]).all()
    when = Moments.at(np.full(3, NOW))
    given = {"item_knn": model.score_catalogue(PEOPLE, when)} if known else None
    found = made.generator.generate(PEOPLE, repeat=True, given=given)
    lowest = []
    for person, row in enumerate(PEOPLE):
        first = found.items[person]
        assert len(set(first.tolist()) - {-1}) == 6
        lowest.append(scores[person, first].min())
        assert scores[person, first] == pytest.approx(scores[person, first].max() - authenticity(first)
                                                      + authenticity(first).min(), abs=1e-5)  # fmt: skip
        rest = np.setdiff1d(np.arange(1, len(ITEMS)), first)
        below = given["item_knn"][person] if given else made.generator.popular
        assert scores[person, rest].max() <= -1.0
        assert scores[person, rest].min() >= -2.0
        whole = np.maximum(below[1:], 0).max()
        assert scores[person, rest] == pytest.approx(np.maximum(below[rest], 0) / whole - 2.0, abs=1e-5), row
    assert min(lowest) == 0.0


def test_what_a_person_knows_is_below_the_candidates_unless_repeat() -> None:
    made = funnel({})
    again, new = (made.catalogue(PEOPLE, NOW, repeat) for repeat in (True, False))
    met = log()
    for person, row in enumerate(PEOPLE):
        known = np.unique(met.item[met.user == row])
        assert (new[person, known] < 0).all()
        assert (again[person, known] >= 0).any()


def test_people_in_parts_are_ordered_as_together(monkeypatch: pytest.MonkeyPatch) -> None:
    made = funnel({})
    whole = made.catalogue(PEOPLE, NOW, repeat=True)
    monkeypatch.setattr(ranking, "_PEOPLE_AT_ONCE", 2)
    parts = made.catalogue(PEOPLE, NOW, repeat=True)
    assert np.array_equal(np.argsort(-parts, axis=1, kind="stable"), np.argsort(-whole, axis=1, kind="stable"))
    assert made.catalogue(np.empty(0, dtype=np.int64), NOW, repeat=True).shape == (0, len(ITEMS))


class LikesAndNeighbours:
    def score(self, features: NDArray[np.float32]) -> NDArray[np.floating]:
        columns = [FEATURE_NAMES.index(name) for name in ("activity_total", "collaborative_score")]
        return features[:, columns].sum(axis=1)


def test_a_mark_is_scored_as_of_its_moment_with_its_models() -> None:
    model = ItemKNN().refit(log())
    made = Funnel(
        LikesAndNeighbours(), DATASET, CandidateGenerator(SMALL).fit(log()), {"item_knn": model}, USERS, ITEMS
    )
    events = DATASET.interactions
    liked = events[(events["reward"] > 0) & (events["event_type"] != "trust_answer")]
    marks = events.loc[[0, 150, liked.index[-1]], ["user_id", "item_id", "timestamp"]].reset_index(drop=True)
    likes = [
        ((liked["user_id"] == mark.user_id) & (liked["timestamp"] < mark.timestamp)).sum()
        for mark in marks.itertuples()
    ]
    user, item = USERS.rows(marks["user_id"].tolist()), ITEMS.rows(marks["item_id"].tolist())
    scores = model.score(user, item, Moments.of(marks))
    assert made.pairs(marks) == pytest.approx(np.array(likes) + scores, abs=1e-4)
    assert likes[2] > likes[0] == 0
