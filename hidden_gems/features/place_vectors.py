"""Where an item is, as a vector that a linear layer can read."""

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

EARTH_KM = 6371.0
_CENTRES = 64
_LEAST_KM = 0.2
_CHUNK = 8_192


def place_vectors(place: NDArray[np.float64], centres: int = _CENTRES, seed: int = 0) -> NDArray[np.float32]:
    """How near each item is to each of some centres of where items are; rows sum to 1, zeros where unknown.

    Args:
        place: Degrees of latitude and longitude, NaN where unknown, size I X 2.
        centres: Centres at most, K; fewer where there are fewer places.
        seed: Of the search for the centres.

    Returns:
        float32, size I X K; no columns where fewer than two places are known.
    """
    known = np.flatnonzero(np.isfinite(place).all(axis=1))
    points = on_sphere(place[known]) * EARTH_KM
    distinct = np.unique(points, axis=0)
    if min(len(distinct), centres) < 2:
        return np.zeros((len(place), 0), dtype=np.float32)
    if len(distinct) > centres:
        distinct = kmeans2(points, centres, minit="++", seed=seed, missing="warn")[0]
        distinct = np.unique(distinct, axis=0)
    between = np.linalg.norm(distinct[:, None] - distinct, axis=2)
    np.fill_diagonal(between, np.inf)
    width = np.maximum(between.min(axis=0), _LEAST_KM)
    vectors = np.zeros((len(place), len(distinct)), dtype=np.float32)
    for start in range(0, len(known), _CHUNK):
        part = slice(start, start + _CHUNK)
        far = np.linalg.norm(points[part, None] - distinct, axis=2) / width
        near = np.exp(-0.5 * (far - far.min(axis=1, keepdims=True)) * (far + far.min(axis=1, keepdims=True)))
        vectors[known[part]] = near / near.sum(axis=1, keepdims=True)
    return vectors


def on_sphere(place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees of latitude and longitude as points on the unit sphere, size I X 3."""
    lat, lon = np.deg2rad(place).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
