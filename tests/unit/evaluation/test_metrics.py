import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hidden_gems.evaluation import beyond_accuracy as beyond
from hidden_gems.evaluation import metrics

LABELS = st.lists(st.integers(0, 5), min_size=1, max_size=8)


def row(*labels: float) -> np.ndarray:
    return np.array([labels], dtype=np.float64)


def test_dcg_discounts_by_place_and_cuts_at_k() -> None:
    assert metrics.dcg(row(3, 2, 0, 1), k=10)[0] == pytest.approx(7 + 3 / math.log2(3) + 1 / math.log2(5))
    assert metrics.dcg(row(3, 2, 0, 1), k=1)[0] == 7.0


def test_ndcg_counts_relevant_items_that_were_not_ranked() -> None:
    assert metrics.ndcg(row(1, 0), row(1, 1), k=2)[0] == pytest.approx(1 / (1 + 1 / math.log2(3)))
    assert metrics.ndcg(row(1, 0), row(1, 1), k=1)[0] == 1.0
    assert np.isnan(metrics.ndcg(row(0, 0), row(0, 0), k=2)[0])


@settings(deadline=None, max_examples=60)
@given(labels=LABELS, k=st.integers(1, 9))
def test_ndcg_against_a_slow_reference(labels: list[int], k: int) -> None:
    def slow(order: list[int]) -> float:
        return sum((2**label - 1) / math.log2(place + 2) for place, label in enumerate(order[:k]))

    best = slow(sorted(labels, reverse=True))
    found = metrics.ndcg(row(*labels), row(*labels), k)[0]
    if best == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(slow(labels) / best)


def test_recall_of_a_perfect_list_is_one_however_many_are_relevant() -> None:
    labels = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    relevant = np.array([5, 2, 1, 0])
    assert metrics.recall(labels, relevant, k=2).tolist()[:3] == [1.0, 0.5, 0.0]
    assert np.isnan(metrics.recall(labels, relevant, k=2)[3])
    assert metrics.recall(labels, relevant, k=3)[0] == pytest.approx(2 / 3)


def test_hit_rate_and_reciprocal_rank_stop_at_k() -> None:
    labels = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    relevant = np.array([1, 2, 0])
    assert metrics.hit_rate(labels, relevant, k=2).tolist()[:2] == [0.0, 1.0]
    assert metrics.hit_rate(labels, relevant, k=3).tolist()[:2] == [1.0, 1.0]
    assert metrics.reciprocal_rank(labels, relevant, k=2).tolist()[:2] == [0.0, 0.5]
    assert metrics.reciprocal_rank(labels, relevant, k=3)[0] == pytest.approx(1 / 3)
    assert np.isnan(metrics.hit_rate(labels, relevant, k=2)[2])
    assert np.isnan(metrics.reciprocal_rank(labels, relevant, k=2)[2])


@settings(deadline=None, max_examples=80)
@given(
    scores=st.lists(st.integers(0, 3), min_size=2, max_size=9),
    data=st.data(),
)
def test_auc_against_counting_pairs(scores: list[int], data: st.DataObject) -> None:
    flags = st.lists(st.booleans(), min_size=len(scores), max_size=len(scores))
    relevant, candidate = data.draw(flags), data.draw(flags)
    positive = [s for s, r, c in zip(scores, relevant, candidate, strict=True) if r and c]
    other = [s for s, r, c in zip(scores, relevant, candidate, strict=True) if not r and c]
    found = metrics.auc(row(*scores), np.array([relevant]), np.array([candidate]))[0]
    if not positive or not other:
        assert np.isnan(found)
    else:
        wins = sum(1.0 if p > o else 0.5 if p == o else 0.0 for p in positive for o in other)
        assert found == pytest.approx(wins / (len(positive) * len(other)))


@settings(deadline=None, max_examples=80)
@given(scores=st.lists(st.integers(0, 3), min_size=1, max_size=9), k=st.integers(1, 10), data=st.data())
def test_ranked_gives_the_best_candidates_in_order(scores: list[int], k: int, data: st.DataObject) -> None:
    candidate = data.draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores)))
    found = metrics.ranked(row(*scores), np.array([candidate]), k)[0]
    kept = [int(i) for i in found if i >= 0]
    assert len(found) == min(k, len(scores))
    assert len(set(kept)) == len(kept) == min(k, sum(candidate))
    assert all(candidate[i] for i in kept)
    best = sorted((s for s, c in zip(scores, candidate, strict=True) if c), reverse=True)
    assert [scores[i] for i in kept] == best[: len(kept)]
    assert (found[len(kept) :] == -1).all()


def test_ties_come_in_the_same_random_order_for_everyone_and_another_seed_changes_it() -> None:
    scores, candidates = np.zeros((2, 50)), np.ones((2, 50), dtype=bool)
    first = metrics.ranked(scores, candidates, k=10)
    assert first[0].tolist() == first[1].tolist() != list(range(10))
    assert metrics.ranked(scores, candidates, k=50)[0, :10].tolist() == first[0].tolist()
    assert metrics.ranked(scores, candidates, k=10, seed=1)[0].tolist() != first[0].tolist()


def test_tiers_at_their_borders() -> None:
    assert beyond.rare_items(np.array([50, 5, 4, 0])).tolist() == [False, False, True, True]
    assert beyond.rare_items(np.zeros(2, dtype=np.int64)).tolist() == [True, True]
    counts = np.arange(20)
    assert np.flatnonzero(~beyond.tail_items(counts)).tolist() == [18, 19]
    assert beyond.tail_items(np.array([3, 3, 1])).tolist() == [False, True, True]


def test_shares_novelty_and_diversity_ignore_short_places() -> None:
    lists = np.array([[0, 1, -1], [2, -1, -1], [-1, -1, -1]])
    flags = np.array([True, False, True])
    assert beyond.share_in(lists, flags).tolist()[:2] == [0.5, 1.0]
    assert np.isnan(beyond.share_in(lists, flags)[2])
    found = beyond.novelty(lists, np.array([8, 2, 0]), users=8)
    assert found.tolist()[:2] == [1.0, 3.0]
    assert np.isnan(found[2])
    groups = np.array([0, 1, -1])
    assert beyond.intra_list_diversity(np.array([[0, 1, 2], [0, 0, 1], [0, 2, -1]]), groups).tolist()[:2] == [
        1.0,
        2 / 3,
    ]
    assert np.isnan(beyond.intra_list_diversity(np.array([[0, 2, -1]]), groups)[0])


def test_coverage_and_gini() -> None:
    assert beyond.coverage(np.array([[0, 1], [1, -1]]), items=4) == 0.5
    assert np.isnan(beyond.coverage(np.empty((0, 2), dtype=np.int64), items=0))
    assert beyond.gini(np.array([2, 0, 1, 1])) == pytest.approx(
        sum(abs(a - b) for a in (2, 0, 1, 1) for b in (2, 0, 1, 1)) / (2 * 16 * 1.0)
    )
    assert np.isnan(beyond.gini(np.zeros(3, dtype=np.int64)))
