import math

import numpy as np
import pytest
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Interactions
from hidden_gems.evaluation import protocols
from hidden_gems.evaluation.protocols import Slates, draw_negatives, full_catalogue, impression_lists, uniform_negatives
from hidden_gems.evaluation.truth import seen_matrix, truth_after


def log(*pairs: tuple[int, int], users: int = 5, items: int = 6) -> Interactions:
    rows = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    when = np.arange(len(rows), dtype=np.int64)
    return Interactions(rows[:, 0], rows[:, 1], when, np.ones(len(rows), dtype=np.float32), users, items)


PAST = log((1, 1), (1, 2), (2, 1), (3, 3))
FUTURE = log((1, 2), (1, 3), (1, 3), (2, 1), (4, 5), (0, 2), (3, 0))


def by_item(users: NDArray[np.int64]) -> NDArray[np.float64]:
    """Item 1 is best for everyone, the last one worst; the unknown item would win if it were ranked."""
    scores = -np.arange(6, dtype=np.float64)
    scores[0] = 9.0
    return np.tile(scores, (len(users), 1))


def test_new_places_leave_out_what_was_known() -> None:
    truth = truth_after(PAST, FUTURE, repeats=False)
    assert truth.users.tolist() == [1, 4]
    assert truth.relevant.toarray().tolist() == [[0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 1]]
    assert truth.hidden.toarray().tolist() == [[0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
    assert truth.left_out == 1  # person 2 only came back; persons 0 and 3 have no known answer
    assert truth.items == 6


def test_with_repeats_everything_counts_and_nothing_is_hidden() -> None:
    truth = truth_after(PAST, FUTURE, repeats=True)
    assert truth.users.tolist() == [1, 2, 4]
    assert truth.relevant.toarray()[0].tolist() == [0, 0, 1, 1, 0, 0]
    assert truth.hidden.nnz == 0
    assert truth.left_out == 0


def test_seen_counts_a_pair_once() -> None:
    assert seen_matrix(FUTURE).toarray()[1].tolist() == [0, 0, 1, 1, 0, 0]


def test_full_catalogue_by_hand() -> None:
    found = full_catalogue(by_item, truth_after(PAST, FUTURE, repeats=False), k=2)
    assert found.lists.tolist() == [[3, 4], [1, 2]]
    assert found.people.tolist() == [1, 4]
    assert found.values["ndcg@2"].tolist() == [1.0, 0.0]
    assert found.values["hit_rate@2"].tolist() == [1.0, 0.0]
    assert found.values["auc"].tolist() == [1.0, 0.0]
    assert found.left_out == 1
    repeats = full_catalogue(by_item, truth_after(PAST, FUTURE, repeats=True), k=3)
    best = 1 + 1 / math.log2(3)
    assert repeats.values["ndcg@3"].tolist() == pytest.approx([(1 / math.log2(3) + 0.5) / best, 1.0, 0.0])
    assert repeats.values["recall@3"].tolist() == [1.0, 1.0, 0.0]
    assert repeats.values["mrr@3"].tolist() == [0.5, 1.0, 0.0]
    assert repeats.values["auc"].tolist() == pytest.approx([4 / 6, 1.0, 0.0])


def test_people_in_parts_get_what_they_get_together(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = truth_after(PAST, FUTURE, repeats=True)
    whole = full_catalogue(by_item, truth, k=3)
    drawn = draw_negatives(truth, seed=0)
    sampled = uniform_negatives(by_item, truth, drawn, k=3)
    monkeypatch.setattr(protocols, "_CHUNK_CELLS", 6)  # one person a part
    asked: list[int] = []

    def one_by_one(users: NDArray[np.int64]) -> NDArray[np.float64]:
        asked.append(len(users))
        return by_item(users)

    parts = full_catalogue(one_by_one, truth, k=3)
    assert asked == [1, 1, 1]
    assert parts.lists.tolist() == whole.lists.tolist()
    assert {name: values.tolist() for name, values in parts.values.items()} == {
        name: values.tolist() for name, values in whole.values.items()
    }
    assert uniform_negatives(by_item, truth, drawn, k=3).values["auc"].tolist() == sampled.values["auc"].tolist()


def test_nobody_to_judge_is_no_crash() -> None:
    truth = truth_after(PAST, log(), repeats=False)
    found = full_catalogue(by_item, truth, k=3)
    assert found.lists.shape == (0, 3)
    assert len(found.values["ndcg@3"]) == 0
    assert len(uniform_negatives(by_item, truth, draw_negatives(truth, 0), k=3).values["auc"]) == 0


def test_negatives_are_distinct_and_neither_known_nor_relevant() -> None:
    truth = truth_after(PAST, FUTURE, repeats=False)
    drawn = draw_negatives(truth, seed=0)
    assert drawn.negatives.shape == (2, 100)
    assert sorted(drawn.negatives[0][drawn.negatives[0] >= 0]) == [4, 5]
    assert sorted(drawn.negatives[1][drawn.negatives[1] >= 0]) == [1, 2, 3, 4]


def test_negatives_are_uniform_and_seeded() -> None:
    future = log(*((1, item) for item in range(1, 301)), users=2, items=1_000)
    truth = truth_after(log(users=2, items=1_000), future, repeats=True)
    drawn = draw_negatives(truth, seed=3)
    assert drawn.negatives.min() == 301
    assert all(len(set(row)) == 100 for row in drawn.negatives)
    counts = np.bincount(drawn.negatives.ravel(), minlength=1_000)[301:]
    assert counts.mean() == pytest.approx(300 * 100 / 699)
    assert counts.min() > 15
    assert counts.max() < 80
    assert np.array_equal(drawn.negatives, draw_negatives(truth, seed=3).negatives)
    assert not np.array_equal(drawn.negatives, draw_negatives(truth, seed=4).negatives)


def test_uniform_negatives_average_over_the_items_of_a_person() -> None:
    truth = truth_after(PAST, FUTURE, repeats=True)
    drawn = draw_negatives(truth, seed=0)
    found = uniform_negatives(by_item, truth, drawn, k=2)
    # Person 1: item 2 is second behind item 1, item 3 as well; person 2: item 1 is first; person 4: item 5 is last.
    assert found.values["ndcg@2"].tolist() == pytest.approx([1 / math.log2(3), 1.0, 0.0])
    assert found.values["mrr@2"].tolist() == [0.5, 1.0, 0.0]
    assert found.values["auc"].tolist() == pytest.approx([(2 / 3 + 2 / 3) / 2, 1.0, 0.0])
    assert found.protocol == "100 uniform negatives"


def test_random_order_of_one_in_101_hits_the_first_ten_in_a_tenth() -> None:
    future = log(*((user, user + step) for user in range(1, 200) for step in range(5)), users=200, items=1_000)
    truth = truth_after(log(users=200, items=1_000), future, repeats=True)
    random = np.random.default_rng(0)
    found = uniform_negatives(lambda users: random.random((len(users), 1_000)), truth, draw_negatives(truth, 0), k=10)
    assert found.values["hit_rate@10"].mean() == pytest.approx(10 / 101, abs=0.02)
    assert found.values["auc"].mean() == pytest.approx(0.5, abs=0.02)


SLATES = Slates(
    slate=np.array([0, 0, 0, 1, 1, 2, 2]),
    person=np.array([1, 1, 1, 2, 2, 1, 1]),
    item=np.array([1, 2, 3, 1, 2, 4, 5]),
    position=np.array([0, 1, 2, 0, 1, 0, 1]),
    label=np.array([0, 5, 2, 0, 0, 1, 0]),
)


def test_impression_lists_are_graded() -> None:
    found = impression_lists(-SLATES.position.astype(float), SLATES, k=10)
    logged = (31 / math.log2(3) + 3 / 2) / (31 + 3 / math.log2(3))
    assert found.values["ndcg@10"].tolist() == pytest.approx([logged, 1.0])
    assert found.people.tolist() == [1, 1]
    assert found.left_out == 1
    assert found.lists.tolist() == [[1, 2, 3], [4, 5, -1]]
    assert found.values["hit_rate@10"][0] == 1.0
    assert found.values["mrr@10"][0] == 0.5
    assert found.values["auc"][0] == 0.0
    assert np.isnan(found.values["auc"][1])  # a view is no click
    assert np.isnan(found.values["hit_rate@10"][1])


def test_the_best_order_of_a_slate_has_one_and_rows_may_come_in_any_order() -> None:
    found = impression_lists(SLATES.label.astype(float), SLATES, k=10)
    assert found.values["ndcg@10"].tolist() == [1.0, 1.0]
    shuffle = np.array([6, 2, 0, 4, 1, 3, 5])
    mixed = Slates(*(getattr(SLATES, name)[shuffle] for name in ("slate", "person", "item", "position", "label")))
    again = impression_lists(mixed.label.astype(float), mixed, k=10)
    assert again.lists[0].tolist() == found.lists[0].tolist() == [2, 3, 1]


def test_a_model_that_ties_does_not_inherit_the_logged_order() -> None:
    slates = Slates(
        slate=np.repeat(np.arange(500), 10),
        person=np.repeat(np.arange(500), 10),
        item=np.tile(np.arange(10), 500),
        position=np.tile(np.arange(10), 500),
        label=np.tile(np.array([5] + [0] * 9), 500),
    )
    found = impression_lists(np.zeros(5_000), slates, k=10, seed=1)
    assert found.values["ndcg@10"].mean() < 0.9
    assert np.mean(found.values["auc"]) == 0.5
