"""Where embeddings start: the leading directions of who met what."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import svds

_DENSE_CELLS = 2_000_000
"""Up to this size the exact decomposition of the full table is quicker than the iterative one."""


def spectral_embeddings(
    met: csr_matrix, width: int, shrinkage: float = 5.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Embeddings whose product smooths the table of who met what, scaled to a mean squared length of 1.

    The table is divided by the square roots of its row and column sums (plus `shrinkage`, so that one meeting does not
    place anyone); its leading singular vectors are the embeddings, the singular values on the side of the people.

    Args:
        met: Weight of each pair that met, size U X I, at least one stored.
        width: Directions, K; at least 1 and below both U and I.
        shrinkage: In sums of weights.

    Returns:
        Embeddings of people, float32, size U X K, and of items, size I X K.

    Source:
        Normalised graph filters as in Shen et al. (2021), How Powerful is Graph Convolution for Recommendation?; used
        here as a start, as He et al. (2017) start NCF from trained parts.
    """
    sums = (np.asarray(met.sum(axis=axis)).ravel() + shrinkage for axis in (1, 0))
    by_user, by_item = (np.reciprocal(np.sqrt(each)) for each in sums)
    table = diags(by_user) @ met @ diags(by_item)
    if np.prod(met.shape) <= _DENSE_CELLS:
        left, values, right = np.linalg.svd(table.toarray(), full_matrices=False)
    else:
        left, values, right = svds(table, k=width, v0=np.ones(min(met.shape)))
        left, values, right = left[:, ::-1], values[::-1], right[::-1]
    user, item = left[:, :width] * values[:width], right[:width].T
    return _scaled(user), _scaled(item)


def _scaled(table: NDArray[np.float64]) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = (table / np.sqrt((table**2).sum(axis=1).mean())).astype(np.float32)
    return scaled
