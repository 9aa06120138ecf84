"""Minutes between any two points: on foot and by transit on a shore, by ferry or Marmaray between shores."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hidden_gems.catalogue.crossings import crossings, local_minutes
from hidden_gems.catalogue.geography import EARTH_RADIUS_KM, distance_km, land_of, unit_vectors
from hidden_gems.catalogue.polygons import Floats

Rows = NDArray[np.int64]
_BLOCK = 1 << 14  # points whose numbers stay in the processor's cache


def travel_minutes(from_lat: ArrayLike, from_lon: ArrayLike, to_lat: ArrayLike, to_lon: ArrayLike) -> Floats:
    """Minutes of travel by day, without traffic jams; the same in both directions and 0 for the same point.

    On one shore, and in other cities, it is `local_minutes` of the straight distance; from one shore to another it is
    the fastest of the crossings: to the stop, wait, ride, from the stop. A missing coordinate gives NaN.

    Args:
        from_lat: Latitudes in degrees, any shape.
        from_lon: Longitudes in degrees, a shape that broadcasts with the others.
        to_lat: As `from_lat`, of the other end.
        to_lon: As `from_lon`, of the other end.

    Returns:
        Minutes, float64, of the broadcast shape.

    Examples:
        >>> from_galata = travel_minutes(41.0256, 28.9741, [41.0322, 40.9806], [28.9833, 29.0244])  # Cihangir, Moda
        >>> from_galata.round().tolist()
        [15.0, 51.0]
    """
    start, end = _End(from_lat, from_lon), _End(to_lat, to_lon)
    shape = np.broadcast_shapes(start.shape, end.shape)
    here, there = start.rows(shape), end.rows(shape)
    minutes = local_minutes(distance_km(start.lat[here], start.lon[here], end.lat[there], end.lon[there]))
    one, other = start.land[here], end.land[there]
    for (a, b), ways in crossings().pairs.items():
        pairs = np.flatnonzero((one == a) & (other == b))
        if len(pairs):
            minutes[pairs] = _across(start, here[pairs], end, there[pairs], *ways)
    return minutes.reshape(shape)


def _across(start: "_End", here: Rows, end: "_End", there: Rows, starts: Rows, ends: Rows, rides: Floats) -> Floats:
    """Least of the minutes over the crossings, for pairs of points on two lands."""
    first = {int(stop): start.to_stop(int(stop))[here] for stop in set(starts)}
    last = {int(stop): end.to_stop(int(stop))[there] for stop in set(ends)}
    best = np.full(len(here), np.inf)
    for left, right, ride in zip(starts, ends, rides, strict=True):
        np.minimum(best, first[int(left)] + last[int(right)] + ride, out=best)
    return best


class _End:
    """The points at one end of the ways, each asked only once for its minutes to a stop."""

    def __init__(self, lat: ArrayLike, lon: ArrayLike) -> None:
        lats, lons = np.broadcast_arrays(np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64))
        self.shape = lats.shape
        self.lat, self.lon = lats.ravel(), lons.ravel()
        self.land = land_of(self.lat, self.lon)
        self._unit = unit_vectors(self.lat, self.lon)
        self._to_stop: dict[int, Floats] = {}

    def rows(self, shape: tuple[int, ...]) -> Rows:
        """Row of this end for each element of the broadcast shape, flat."""
        return np.broadcast_to(np.arange(self.lat.size).reshape(self.shape), shape).ravel()

    def to_stop(self, stop: int) -> Floats:
        """Minutes from each point to a stop on its land; the chord is as long as the arc to 1 in 100,000 here."""
        if stop not in self._to_stop:
            place = crossings().unit[:, stop]
            minutes = np.empty(self.lat.size)
            for first in range(0, self.lat.size, _BLOCK):
                rows = slice(first, first + _BLOCK)
                x, y, z = (self._unit[axis, rows] - place[axis] for axis in range(3))
                minutes[rows] = local_minutes(EARTH_RADIUS_KM * np.sqrt(x * x + y * y + z * z))
            self._to_stop[stop] = minutes
        return self._to_stop[stop]
