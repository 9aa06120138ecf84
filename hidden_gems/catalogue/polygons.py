"""In which of many polygons a point lies, for millions of points at once."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
OUTSIDE = -1


class Partition:
    """Polygons that do not overlap, cut into strips of latitude so that a point is found by counting.

    Between two neighbouring vertex latitudes the edges do not cross, so their order from west to east is fixed. The
    number of edges west of a point then says in which polygon it lies.

    Notation: B points, S strips, K edges that a strip has room for.

    Examples:
        >>> square = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 2.0], [2.0, 0.0]])
        >>> Partition([square]).locate(np.array([1.0, 1.0]), np.array([1.0, 3.0])).tolist()
        [0, -1]

    Source:
        Dobkin and Lipton (1976), Multidimensional Searching Problems: the slab method.
    """

    def __init__(self, rings: Sequence[Floats]) -> None:
        """Cut the rings into strips.

        Args:
            rings: Corners (lat, lon) of each polygon, not closed, each n X 2; no two edges may cross.
        """
        edges = np.concatenate([np.hstack([ring, np.roll(ring, -1, axis=0)]) for ring in rings])  # lat, lon, lat, lon
        owner = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
        low, high = np.minimum(edges[:, 0], edges[:, 2]), np.maximum(edges[:, 0], edges[:, 2])
        bounds = np.unique(edges[:, [0, 2]])
        self._levels, self._top = bounds[:-1], bounds[-1]
        crossing = [np.flatnonzero((low <= foot) & (high >= head)) for foot, head in pairwise(bounds)]
        width = 2 ** max(len(found) for found in crossing).bit_length() - 1  # room for a binary search
        shape = len(crossing), width + 1
        self._base = np.full(shape, np.inf)  # longitude at the foot of the strip, S X (K + 1), the last without an edge
        self._slope = np.zeros(shape)  # degrees of longitude a degree of latitude
        self._owner = np.full(shape, OUTSIDE)  # polygon the edge belongs to
        self._label = np.full(shape, OUTSIDE)  # polygon that a point lies in when so many edges are west of it
        for strip, found in enumerate(crossing):
            self._fill(strip, edges[found], owner[found], (bounds[strip] + bounds[strip + 1]) / 2)

    def _fill(self, strip: int, edges: Floats, owner: NDArray[np.int64], middle: float) -> None:
        slope = (edges[:, 3] - edges[:, 1]) / (edges[:, 2] - edges[:, 0])
        order = np.argsort(edges[:, 1] + slope * (middle - edges[:, 0]))
        edges, slope, owner = edges[order], slope[order], owner[order]
        count = len(order)
        self._base[strip, :count] = edges[:, 1] + slope * (self._levels[strip] - edges[:, 0])
        self._slope[strip, :count] = slope
        self._owner[strip, :count] = owner
        self._label[strip, 1:count:2] = owner[::2]  # polygons do not nest: in, out, in, out

    def locate(self, lat: Floats, lon: Floats) -> NDArray[np.int64]:
        """Row of the polygon each point lies in, `OUTSIDE` for none, size B."""
        strip, west = self._west(lat, lon)
        return np.where(self._covered(lat), self._label[strip, west], OUTSIDE)

    def nearest(self, lat: Floats, lon: Floats, reach: float) -> NDArray[np.int64]:
        """Like `locate`, but a point in a gap belongs to the nearer of the polygons to its west and to its east.

        Args:
            lat: Latitudes in degrees, size B.
            lon: Longitudes in degrees, size B.
            reach: Degrees of longitude within which the polygon must begin.
        """
        strip, west = self._west(lat, lon)
        rise, left = lat - self._levels[strip], np.maximum(west - 1, 0)
        to_left = lon - self._base[strip, left] - self._slope[strip, left] * rise
        to_left = np.where(west > 0, to_left, np.inf)
        to_right = self._base[strip, west] + self._slope[strip, west] * rise - lon
        nearer = np.where(to_left <= to_right, self._owner[strip, left], self._owner[strip, west])
        inside = self._label[strip, west]
        found = np.where(inside == OUTSIDE, np.where(np.minimum(to_left, to_right) <= reach, nearer, OUTSIDE), inside)
        return np.where(self._covered(lat), found, OUTSIDE)

    def _covered(self, lat: Floats) -> NDArray[np.bool_]:
        covered: NDArray[np.bool_] = (lat >= self._levels[0]) & (lat < self._top)
        return covered

    def _west(self, lat: Floats, lon: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        strip = np.clip(np.searchsorted(self._levels, lat, side="right") - 1, 0, None)
        rise = lat - self._levels[strip]
        west = np.zeros(len(lat), dtype=np.int64)
        step = self._base.shape[1] // 2
        while step:
            edge = west + step - 1
            west = np.where(lon > self._base[strip, edge] + self._slope[strip, edge] * rise, edge + 1, west)
            step //= 2
        return strip, west
