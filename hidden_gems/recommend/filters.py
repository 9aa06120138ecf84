"""Hard conditions on the catalogue: which gems are out of the question, and why."""

from collections.abc import Iterable, Iterator
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
    fails: dict[str, Mask]  # gems that each condition alone leaves out, I
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
    found = {"closed": out.copy()}
    for name, fails in _judged(request, person, history, items):
        found[name] = fails
        out |= fails
    asked = request.filters.candidates
    unknown = 0 if asked is None else int((items.index.rows(list(dict.fromkeys(asked))) == 0).sum())
    for fails in found.values():
        fails[0] = False  # the unknown gem is in no answer, and fails nothing
    return LeftOut(out, found, unknown)


def _judged(request: Request, person: Person, history: History, items: LiveItems) -> Iterator[tuple[str, Mask]]:
    """Each condition that was asked for, and the rows that fail it, I."""
    filters = request.filters
    for name, words, wanted in (
        ("types", items.types, filters.types),
        ("neighborhoods", items.neighborhoods, filters.neighborhoods),
    ):
        if wanted is not None:
            yield name, ~np.fromiter((word in wanted for word in words), dtype=bool, count=len(words))
    yield from _numbers(request, person, items)
    if filters.setting is not None:
        yield "setting", ~np.isin(items.static["item_setting"], _SETTINGS[filters.setting])
    if filters.candidates is not None:
        yield "candidates", ~_of_ids(items, filters.candidates)
    if filters.exclude_seen:
        yield "seen", _of_rows(items, history.rows)
    yield "exclude", _of_ids(items, filters.exclude)
    yield "dismissed", _of_ids(items, person.dismissed)


def _numbers(request: Request, person: Person, items: LiveItems) -> Iterator[tuple[str, Mask]]:
    filters = request.filters
    for name, most in (
        ("price_level", filters.max_price_level),
        ("tourist_ratio", filters.max_tourist_ratio),
        ("crowd_level", filters.max_crowd_level),
    ):
        if most is not None:
            yield f"max_{name}", ~(items.static[f"item_{name}"] <= most)
    if filters.min_authenticity is not None:
        yield "min_authenticity", ~(items.static["item_authenticity"] >= filters.min_authenticity)
    if filters.max_travel_minutes is not None:
        yield "max_travel_minutes", ~(minutes_to(items, request, person.row) <= filters.max_travel_minutes)


def minutes_to(items: LiveItems, request: Request, row: UserRow) -> NDArray[np.float64]:
    """Minutes from where the person is to every gem, I; NaN where one end is unknown."""
    lat, lon = whereabouts(request, row)
    return travel_minutes(lat, lon, items.static["item_lat"], items.static["item_lon"])


def whereabouts(request: Request, row: UserRow) -> tuple[float, float]:
    """Where the person is, in degrees, by the rule of the feature `travel_minutes`; NaN where nobody knows."""
    at = {"lat": request.context.lat, "lon": request.context.lon}
    raw = {name: np.array([value]) for name, value in zip(USER, row.totals, strict=True)}
    raw |= {name: np.array([np.nan if value is None else value]) for name, value in at.items()}
    lat, lon = located(raw)
    return float(lat[0]), float(lon[0])


def _of_ids(items: LiveItems, item_ids: Iterable[str]) -> Mask:
    return _of_rows(items, items.index.rows(list(item_ids)))


def _of_rows(items: LiveItems, rows: NDArray[np.int64]) -> Mask:
    mask = np.zeros(len(items.index), dtype=bool)
    mask[rows] = True
    return mask
