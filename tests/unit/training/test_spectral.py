import numpy as np
import pytest
from scipy.sparse import csr_matrix

from hidden_gems.training import spectral
from hidden_gems.training.spectral import spectral_embeddings


def _blocks() -> csr_matrix:
    """People 0-9 met items 0-7, people 10-19 items 8-15."""
    table = np.zeros((20, 16))
    table[:10, :8] = table[10:, 8:] = 1.0
    table[0, 0] = 0.0
    return csr_matrix(table)


def test_people_are_near_what_their_group_met() -> None:
    user, item = spectral_embeddings(_blocks(), width=2)
    product = user @ item.T
    assert product.shape == (20, 16)
    assert user.dtype == item.dtype == np.float32
    assert product[:10, :8].min() > 0.5
    assert np.abs(product[:10, 8:]).max() < 0.1
    assert product[0, 0] > 0.5  # the pair that never met is filled in by its group


def test_mean_squared_length_is_one() -> None:
    for table in spectral_embeddings(_blocks(), width=3):
        assert (table**2).sum(axis=1).mean() == pytest.approx(1.0, rel=1e-5)


def test_shrinkage_keeps_one_meeting_from_placing_anyone() -> None:
    table = _blocks().toarray()
    table[0] = 0.0
    table[0, 0] = 1.0
    bare, shrunk = (spectral_embeddings(csr_matrix(table), 2, shrinkage)[0] for shrinkage in (0.0, 5.0))
    assert np.linalg.norm(shrunk[0]) / np.linalg.norm(shrunk[1]) < np.linalg.norm(bare[0]) / np.linalg.norm(bare[1])


def test_both_decompositions_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    met = csr_matrix(np.random.default_rng(0).random((30, 20)) < 0.2, dtype=np.float64)
    dense = spectral_embeddings(met, 4)
    monkeypatch.setattr(spectral, "_DENSE_CELLS", 0)
    iterative = spectral_embeddings(met, 4)
    np.testing.assert_allclose(dense[0] @ dense[1].T, iterative[0] @ iterative[1].T, atol=1e-4)
