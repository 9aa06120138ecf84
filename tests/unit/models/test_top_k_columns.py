import numpy as np
import pytest

from hidden_gems.models.top_k import best_columns


@pytest.mark.parametrize("width", [0, 1, 3, 9])
def test_the_same_columns_as_a_stable_sort_of_everything(width: int) -> None:
    table = np.random.default_rng(0).integers(0, 4, (50, 9)).astype(np.float32)  # full of ties
    table[table == 0] = -np.inf
    np.testing.assert_array_equal(best_columns(table, width), np.argsort(-table, axis=1, kind="stable")[:, :width])


def test_no_rows() -> None:
    assert best_columns(np.zeros((0, 4), dtype=np.float32), 2).shape == (0, 2)
