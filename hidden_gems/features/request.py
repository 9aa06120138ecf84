"""The vector of one request: rows of the store become raw columns, and the one function does the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hidden_gems.features.item_table import ItemTable
from hidden_gems.features.raw import ITEM, NEIGHBORHOOD, OWN, TYPE, USER, Raw, context_columns
from hidden_gems.features.rows import NEW, NEW_ITEM, NEW_USER, ItemRow, UserRow, Values
from hidden_gems.features.store import FeatureStore
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
    store: FeatureStore,
    user_id: str,
    item_ids: Sequence[str],
    *,
    items: ItemTable,
    context: RequestContext,
    scores: Mapping[str, NDArray[np.floating]] | None = None,
) -> NDArray[np.float32]:
    """Vector of each candidate for one person.

    Args:
        store: Rows of people and gems.
        user_id: Pseudonym of the person; someone the store does not know is new.
        item_ids: Candidates, size n; a gem the store does not know is new.
        items: Attributes of the gems.
        context: When, where, in which weather.
        scores: Model scores by reserved name, size n each.

    Returns:
        Features in the order of `FEATURE_NAMES`, float32, size n X 60.
    """
    return feature_matrix(request_columns(store, user_id, item_ids, items=items, context=context), scores)


def request_columns(
    store: FeatureStore, user_id: str, item_ids: Sequence[str], *, items: ItemTable, context: RequestContext
) -> Raw:
    """Raw columns of each candidate for one person, size n each; arguments as in `request_vectors`."""
    user_found, new_user = store.read_users([user_id, NEW])
    *items_found, new_item = store.read_items([*item_ids, NEW])
    user = user_found or new_user
    other = new_item.row if new_item else NEW_ITEM
    rows = [found.row if found else other for found in items_found]
    return columns_of(user.row if user else NEW_USER, rows, item_ids, items=items, context=context)


def columns_of(
    user: UserRow, gems: Sequence[ItemRow], item_ids: Sequence[str], *, items: ItemTable, context: RequestContext
) -> Raw:
    """Raw columns from one row of a person and a row for each gem, size n each."""
    count = len(item_ids)
    row = items.rows(item_ids)
    types = [items.type[i] for i in row]
    neighborhoods = [items.neighborhood[i] for i in row]
    raw = {name: np.full(count, value) for name, value in zip(USER, user.totals, strict=True)}
    raw |= _table(ITEM, [gem.totals for gem in gems])
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
