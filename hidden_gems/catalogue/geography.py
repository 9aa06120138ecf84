"""The shores and districts of Istanbul, and distances."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hidden_gems.catalogue.polygons import OUTSIDE, Floats, Partition

SHORES = ("europe", "asia", "islands")
ELSEWHERE = ""
"""Shore of a point that is not in greater Istanbul."""
EARTH_RADIUS_KM = 6371.0088
_REACH_DEGREES = 0.1  # of longitude, 8.4 km here
_Locate = Callable[[Floats, Floats], NDArray[np.int64]]


@dataclass(frozen=True)
class Outline:
    """A simplified polygon, drawn by hand: shores to about 200 m, districts to about 300 m."""

    name: str
    shore: str  # one of SHORES
    ring: Floats  # corners (lat, lon) in degrees, not closed, n X 2


@lru_cache(maxsize=1)
def outlines() -> tuple[Outline, ...]:
    """The two shores and the four islands; Europe and Asia end where greater Istanbul does."""
    return _read_outlines("shores.json")


@lru_cache(maxsize=1)
def districts() -> dict[str, Outline]:
    """The districts that have places, by name; along the coast they reach a little into the water."""
    return {outline.name: outline for outline in _read_outlines("districts.json")}


def read_table(name: str) -> Any:
    """Content of a JSON file of this package."""
    return json.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


def shore_of(lat: ArrayLike, lon: ArrayLike) -> NDArray[np.str_]:
    """Shore of each point.

    A point on the water belongs to the nearer land to its west or east if that is within some 8 km; a point that is
    not in greater Istanbul has the shore `ELSEWHERE`.

    Args:
        lat: Latitudes in degrees, any shape.
        lon: Longitudes in degrees, a shape that broadcasts with `lat`.

    Returns:
        `europe`, `asia`, `islands` or `ELSEWHERE`, of the broadcast shape.

    Examples:
        >>> shore_of([41.0256, 40.9862, 40.7128], [28.9741, 29.0257, -74.006]).tolist()
        ['europe', 'asia', '']
    """
    names = np.array([outline.shore for outline in outlines()] + [ELSEWHERE])
    return names[land_of(lat, lon)]


def land_of(lat: ArrayLike, lon: ArrayLike) -> NDArray[np.int64]:
    """Row of `outlines()` for each point, by the rule of `shore_of`; `OUTSIDE` (-1) if not in greater Istanbul."""
    return _search(partial(_lands().nearest, reach=_REACH_DEGREES), lat, lon)


def on_land(lat: ArrayLike, lon: ArrayLike) -> NDArray[np.bool_]:
    """Whether each point lies inside a shore's polygon."""
    return np.not_equal(_search(_lands().locate, lat, lon), OUTSIDE)


def in_district(name: str, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.bool_]:
    """Whether each point lies in the district.

    Raises:
        KeyError: If no district has that name.
    """
    return np.not_equal(_search(_district(name).locate, lat, lon), OUTSIDE)


def distance_km(from_lat: ArrayLike, from_lon: ArrayLike, to_lat: ArrayLike, to_lon: ArrayLike) -> Floats:
    """Great-circle distance in kilometres (haversine); arguments in degrees, of shapes that broadcast.

    Examples:
        >>> round(float(distance_km(41.0, 29.0, 42.0, 29.0)), 1)
        111.2
    """
    from_phi, to_phi = np.radians(from_lat), np.radians(to_lat)
    half_phi = (to_phi - from_phi) / 2
    half_lambda = (np.radians(to_lon) - np.radians(from_lon)) / 2
    chord = np.sin(half_phi) ** 2 + np.cos(from_phi) * np.cos(to_phi) * np.sin(half_lambda) ** 2
    result: Floats = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return result


def unit_vectors(lat: Floats, lon: Floats) -> Floats:
    """Points of the unit sphere: x, y, z of n points given in degrees, 3 X n."""
    phi, lam = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])


def _read_outlines(name: str) -> tuple[Outline, ...]:
    return tuple(Outline(row["name"], row["shore"], np.array(row["ring"])) for row in read_table(name))


@lru_cache(maxsize=64)
def _district(name: str) -> Partition:
    return Partition([districts()[name].ring])


@lru_cache(maxsize=1)
def _lands() -> Partition:
    return Partition([outline.ring for outline in outlines()])


def _search(locate: _Locate, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.int64]:
    lats, lons = np.broadcast_arrays(np.asarray(lat, dtype=float), np.asarray(lon, dtype=float))
    return locate(lats.ravel(), lons.ravel()).reshape(lats.shape)
