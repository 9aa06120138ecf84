"""The ferries and the Marmaray tunnel: the only ways from one shore to another."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray

from hidden_gems.catalogue.geography import distance_km, land_of, outlines, read_table, unit_vectors
from hidden_gems.catalogue.polygons import Floats

WALK_MINUTES_PER_KM = 16.0  # a straight kilometre: 4.9 km/h on streets 1.3 times as long
TRANSIT_WAIT_MINUTES = 10.0  # to the stop, waiting, and from the stop
TRANSIT_MINUTES_PER_KM = 4.5  # 17 km/h on streets
FAST_WAIT_MINUTES = 30.0  # to a metro, a suburban train or an express bus, and from it
FAST_MINUTES_PER_KM = 1.8  # 43 km/h
_SAME_MINUTES = 1e-9


@dataclass(frozen=True)
class Crossings:
    """Ways between two lands that no other way makes needless.

    Notation: P stops, C crossings of a pair of lands.
    """

    unit: Floats  # place on the unit sphere, 3 X P
    pairs: dict[tuple[int, int], tuple[NDArray[np.int64], NDArray[np.int64], Floats]]
    """Lands (a, b) -> stops on a, stops on b, minutes from stop to stop with the wait, each C."""


def local_minutes(km: Floats) -> Floats:
    """Minutes for a straight distance on one shore: on foot, by the local bus or tram, or by a fast line.

    The least of three straight lines through one another: it rises ever more slowly, so a detour is never shorter.
    """
    result: Floats = np.minimum(
        WALK_MINUTES_PER_KM * km,
        np.minimum(
            TRANSIT_WAIT_MINUTES + TRANSIT_MINUTES_PER_KM * km,
            FAST_WAIT_MINUTES + FAST_MINUTES_PER_KM * km,
        ),
    )
    return result


@lru_cache(maxsize=1)
def crossings() -> Crossings:
    """All crossings, transfers between lines included."""
    table = read_table("crossings.json")
    row = {stop["name"]: i for i, stop in enumerate(table["stops"])}
    lat, lon = (np.array([stop[axis] for stop in table["stops"]]) for axis in ("lat", "lon"))
    land = land_of(lat, lon)
    walk = local_minutes(distance_km(lat[:, None], lon[:, None], lat, lon))  # P X P
    minutes = np.where(land[:, None] == land, walk, np.inf)
    for line in table["lines"]:
        for (one, left), (other, right) in combinations(line["stops"], 2):
            a, b = row[one], row[other]
            if land[a] != land[b]:
                minutes[a, b] = minutes[b, a] = min(minutes[a, b], line["wait"] + right - left)
    for via in range(len(lat)):  # Floyd and Warshall
        minutes = np.minimum(minutes, minutes[:, [via]] + minutes[[via]])
    pairs = {(a, b): _needed(minutes, land == a, land == b) for a, b in permutations(range(len(outlines())), 2)}
    return Crossings(unit_vectors(lat, lon), pairs)


def _needed(
    minutes: Floats, here: NDArray[np.bool_], there: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Pairs of stops that are faster than going to another stop first, or on from another one."""
    starts, ends = np.flatnonzero(here), np.flatnonzero(there)
    between = minutes[np.ix_(starts, ends)]
    first = minutes[np.ix_(starts, starts)] + np.diag(np.full(len(starts), np.inf))
    last = minutes[np.ix_(ends, ends)] + np.diag(np.full(len(ends), np.inf))
    other_start = (first[:, :, None] + between[None]).min(axis=1)
    other_end = (between[:, :, None] + last[None]).min(axis=1)
    a, b = np.nonzero(between < np.minimum(other_start, other_end) - _SAME_MINUTES)
    return starts[a], ends[b], between[a, b]
