import numpy as np
import pytest
from scipy.sparse import csr_matrix

from hidden_gems.models.top_k import NO_ITEM, top_k

SCORES = np.array([[-np.inf, 0.5, 0.9, 0.5, 0.1], [-np.inf, 0.0, np.nan, -1.0, 2.0]], dtype=np.float32)


def test_best_first_and_ties_by_the_lower_row() -> None:
    rows, scores = top_k(SCORES, k=3)
    assert rows.tolist() == [[2, 1, 3], [4, 1, 3]]
    assert rows.dtype == np.int64
    np.testing.assert_array_equal(scores, np.array([[0.9, 0.5, 0.5], [2.0, 0.0, -1.0]], dtype=np.float32))


def test_lists_that_run_out_of_items_end_with_no_item() -> None:
    rows, scores = top_k(SCORES, k=6)
    assert rows.tolist() == [[2, 1, 3, 4, NO_ITEM, NO_ITEM], [4, 1, 3, NO_ITEM, NO_ITEM, NO_ITEM]]
    assert NO_ITEM == -1
    assert (scores[rows == NO_ITEM] == -np.inf).all()


def test_stored_entries_are_left_out_and_the_scores_stay_as_they_were() -> None:
    seen = csr_matrix(([0.0, 1.0], ([0, 1], [2, 4])), shape=SCORES.shape)
    before = SCORES.copy()
    rows, _ = top_k(SCORES, k=1, exclude=seen)
    assert rows.tolist() == [[1], [1]]
    np.testing.assert_array_equal(SCORES, before)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        top_k(SCORES, k=0)
    with pytest.raises(ValueError, match=r"shape of scores, \(2, 5\), got \(2, 4\)"):
        top_k(SCORES, k=1, exclude=csr_matrix((2, 4)))
