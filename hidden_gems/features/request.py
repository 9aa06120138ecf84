"""The vector of one request: rows of the store become raw columns, and the one function does the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.features.item_table import ItemTable
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.raw import NEIGHBORHOOD, OWN, TYPE, USER, Raw, context_columns
from hidden_gems.features.rows import NEW, NEW_USER, UserRow, Values
from hidden_gems.features.store import RowReader
from hidden_gems.features.vector import feature_matrix

NOT_MET = (0.0, np.nan, np.nan)
"""Row of `OWN` for a gem the person never liked."""


@dataclass(frozen=True)
class RequestContext:
    """When, where and in which weather someone asks."""

    timestamp: int  # epoch seconds, or an order
    timezone: str  # IANA name
    lat: float | None = None
    lon: float | None = None
    weather: str | None = None
    temperature_c: float | None = None
    order_only: bool = False  # times are only an order


def request_vectors(
    user: UserRow,
    gems: ItemRows,
    item_ids: Sequence[str],
    *,
    items: ItemTable,
    context: RequestContext,
    scores: Mapping[str, NDArray[np.floating]] | None = None,
) -> NDArray[np.float32]:
    """Vector of each candidate for one person.

    Args:
        user: Row of the person, see `user_row`.
        gems: Rows of all gems; a candidate without one is new.
        item_ids: Candidates, size n.
        items: Attributes of the gems.
        context: When, where, in which weather.
        scores: Model scores by reserved name, size n each.

    Returns:
        Features in the order of `FEATURE_NAMES`, float32, size n X 60.
    """
    return feature_matrix(request_columns(user, gems, item_ids, items=items, context=context), scores)


def user_row(store: RowReader, user_id: str) -> UserRow:
    """Row of a person; someone the store does not know is new."""
    found, new = store.read_users([user_id, NEW])
    stamped = found or new
    return stamped.row if stamped else NEW_USER


def request_columns(
    user: UserRow, gems: ItemRows, item_ids: Sequence[str], *, items: ItemTable, context: RequestContext
) -> Raw:
    """Raw columns of each candidate for one person, size n each; arguments as in `request_vectors`.

    Windows (likes of 7 and 30 days, likes of the most liked gem) are counted at the second of the request, as in
    training. Everything else is as the rows say: feedback that they count and that came in the request's second or
    later is counted here too, for rows cannot be undone; times since then are 0.
    """
    count = len(item_ids)
    row = items.rows(item_ids)
    types = [items.type[i] for i in row]
    neighborhoods = [items.neighborhood[i] for i in row]
    totals = user.at(context.timestamp).totals
    raw = {name: np.full(count, value) for name, value in zip(USER, totals, strict=True)}
    raw |= gems.columns(item_ids, context.timestamp, context.order_only)
    raw |= _table(OWN, [user.own.get(name, NOT_MET) for name in item_ids])
    raw |= _table(TYPE, [_looked_up(user.types, word, len(TYPE)) for word in types])
    raw |= _table(NEIGHBORHOOD, [_looked_up(user.neighborhoods, word, len(NEIGHBORHOOD)) for word in neighborhoods])
    return raw | items.columns(row, context.order_only) | _context(context, count)


def _looked_up(rows: Mapping[str, Values], word: str | None, width: int) -> Values:
    """Nothing yet for a word without a row; nothing to know where there is no word."""
    return (np.nan,) * width if word is None else rows.get(word, (0.0,) * width)


def _table(names: Sequence[str], rows: Sequence[Values]) -> Raw:
    matrix = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    return {name: matrix[:, column] for column, name in enumerate(names)}


def _context(context: RequestContext, count: int) -> Raw:
    def number(value: float | None) -> float:
        return np.nan if value is None else float(value)

    one = context_columns(
        np.array([context.timestamp]),
        context.timezone,
        order_only=context.order_only,
        weather=[context.weather],
        temperature_c=[number(context.temperature_c)],
        place=([number(context.lat)], [number(context.lon)]),
    )
    return {name: np.repeat(column, count) for name, column in one.items()}
