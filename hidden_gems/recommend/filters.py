"""Hard conditions on the catalogue: which gems are out of the question, and why."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.catalogue.travel import travel_minutes
from hidden_gems.features.raw import USER
from hidden_gems.features.rows import UserRow
from hidden_gems.features.vector import located
from hidden_gems.recommend.live import LiveItems
from hidden_gems.recommend.person import History, Person
from hidden_gems.recommend.request import Request

Mask = NDArray[np.bool_]

_SETTINGS = {"indoor": (0.0, 0.5), "outdoor": (0.5, 1.0), "both": (0.5,)}
"""Values of the item table that satisfy a wish: a place with both has an inside and an outside."""


@dataclass(frozen=True)
class LeftOut:
    """Rows of the catalogue that may not be in an answer."""

    rows: Mask  # I
    by: dict[str, int]  # gems that each condition alone leaves out
    unknown: int  # candidates that were asked for and are not in the catalogue


def left_out(request: Request, person: Person, history: History, items: LiveItems) -> LeftOut:
    """Judge the whole catalogue.

    A gem whose attribute is unknown fails a condition on that attribute: what cannot be shown to be within a price
    is not promised to be. The same holds for minutes of travel where nobody knows where the person is.

    Args:
        request: What is asked, with its moment.
        person: Who asks.
        history: What they liked.
        items: The catalogue.
    """
    out = items.closed(request.context.timestamp)
    by: dict[str, int] = {"closed": int(out.sum()) - 1}
    out[0] = True
    for name, judge in _conditions(request, person, history, items).items():
        fails = judge()
        fails[0] = False
        by[name] = int(fails.sum())
        out |= fails
    asked = request.filters.candidates
    unknown = 0 if asked is None else int((items.index.rows(list(dict.fromkeys(asked))) == 0).sum())
    return LeftOut(out, by, unknown)


def _conditions(
    request: Request, person: Person, history: History, items: LiveItems
) -> dict[str, Callable[[], Mask]]:
    """The conditions that were asked for, each giving the rows that fail it."""
    filters, static = request.filters, items.static
    wanted: dict[str, tuple[object, Callable[[], Mask]]] = {
        "types": (filters.types, lambda: ~_among(items.types, filters.types or ())),
        "neighborhoods": (filters.neighborhoods, lambda: ~_among(items.neighborhoods, filters.neighborhoods or ())),
        "max_price_level": (filters.max_price_level, lambda: ~(static["item_price_level"] <= filters.max_price_level)),
        "min_authenticity": (
            filters.min_authenticity,
            lambda: ~(static["item_authenticity"] >= filters.min_authenticity),
        ),
        "max_tourist_ratio": (
            filters.max_tourist_ratio,
            lambda: ~(static["item_tourist_ratio"] <= filters.max_tourist_ratio),
        ),
        "max_crowd_level": (filters.max_crowd_level, lambda: ~(static["item_crowd_level"] <= filters.max_crowd_level)),
        "setting": (
            filters.setting,
            lambda: ~np.isin(static["item_setting"], _SETTINGS.get(filters.setting or "", ())),
        ),
        "max_travel_minutes": (
            filters.max_travel_minutes,
            lambda: ~(minutes_to(items, request, person.row) <= filters.max_travel_minutes),
        ),
        "seen": (filters.exclude_seen or None, lambda: _rows(items, history.rows)),
        "exclude": (filters.exclude or None, lambda: _rows(items, items.index.rows(list(filters.exclude)))),
        "dismissed": (person.dismissed or None, lambda: _rows(items, items.index.rows(list(person.dismissed)))),
        "candidates": (
            filters.candidates,
            lambda: ~_rows(items, items.index.rows(list(filters.candidates or ()))),
        ),
    }
    return {name: judge for name, (value, judge) in wanted.items() if value is not None}


def minutes_to(items: LiveItems, request: Request, row: UserRow) -> NDArray[np.float64]:
    """Minutes from where the person is to every gem, I; NaN where one end is unknown."""
    lat, lon = whereabouts(request, row)
    return travel_minutes(lat, lon, items.static["item_lat"], items.static["item_lon"])


def whereabouts(request: Request, row: UserRow) -> tuple[float, float]:
    """Where the person is, in degrees, by the rule of the feature `travel_minutes`; NaN where nobody knows."""
    asked = (request.context.lat, request.context.lon)
    raw = {name: np.array([value]) for name, value in zip(USER, row.totals, strict=True)}
    raw |= {name: np.array([np.nan if value is None else value]) for name, value in zip(("lat", "lon"), asked)}
    lat, lon = located(raw)
    return float(lat[0]), float(lon[0])


def _among(words: NDArray[np.object_], wanted: Iterable[str]) -> Mask:
    known = frozenset(wanted)
    return np.fromiter((word in known for word in words), dtype=bool, count=len(words))


def _rows(items: LiveItems, rows: NDArray[np.int64]) -> Mask:
    mask = np.zeros(len(items.index), dtype=bool)
    mask[rows] = True
    return mask
