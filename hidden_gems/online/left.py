"""What a person was shown lately and left: gems that lose a little of their place each time nobody takes them.

The table of a person is float32, size `KEPT` X 3: row of the gem among the state's items (0 for no gem), looks, and the
hour of the last one. All of it is rounded when it is made, so that keeping it changes nothing.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import HOUR_SECONDS
from hidden_gems.online.index import Rows

Table = NDArray[np.float32]
KEPT = 80
"""Gems that are remembered of one person: what a long session shows."""
HALF_LIFE_HOURS = 144.0
"""After which a look counts half."""
LOOK_DECAY = 0.45
"""A place of a slate is looked at with probability (1 + position) ** -decay."""
_ROW, _LOOKS, _HOUR = range(3)


def nothing() -> Table:
    """The table of somebody new."""
    return np.zeros((KEPT, 3), dtype=np.float32)


def looked(table: Table, rows: Sequence[int], at: float, positions: Sequence[int] | None = None) -> Table:
    """The table after a slate.

    Args:
        table: As above.
        rows: Of its gems; 0 where a gem has none.
        at: When it was asked for, epoch seconds.
        positions: At which they stood, from 0; one behind the other if there are none.

    Examples:
        >>> table = looked(looked(nothing(), [7, 8], 0.0), [7], 0.0)
        >>> looks(table, np.array([7, 8, 9]), 0.0).round(2).tolist()
        [2.0, 0.73, 0.0]
        >>> looks(taken(table, 7), np.array([7, 8, 9]), 144 * 3600.0).round(2).tolist()
        [0.0, 0.37, 0.0]
    """
    table, hour = table.copy(), np.float32(at / HOUR_SECONDS)
    table[:, _LOOKS] = _now(table, hour)
    table[:, _HOUR] = hour
    for position, row in zip(range(len(rows)) if positions is None else positions, rows, strict=True):
        if row:
            found = np.flatnonzero(table[:, _ROW] == row)
            place = int(found[0]) if len(found) else int(np.argmin(table[:, _LOOKS]))
            before = table[place, _LOOKS] if len(found) else 0.0
            table[place] = row, before + (1.0 + position) ** -LOOK_DECAY, hour
    return table


def unseen(table: Table, rows: Sequence[int], positions: Sequence[int]) -> Table:
    """The table after it turned out that gems of a slate were never looked at.

    Args:
        table: As above, with the slate.
        rows: Of these gems; 0 where one has none.
        positions: At which they stood.

    Examples:
        >>> looks(unseen(looked(nothing(), [7, 8], 0.0), [8], [1]), np.array([7, 8]), 0.0).tolist()
        [1.0, 0.0]
    """
    table = table.copy()
    for row, position in zip(rows, positions, strict=True):
        held = (table[:, _ROW] == row) & (row > 0)
        table[held, _LOOKS] = np.maximum(table[held, _LOOKS] - np.float32((1.0 + position) ** -LOOK_DECAY), 0.0)
    return table


def taken(table: Table, row: int) -> Table:
    """The table after a gem was answered: it was not left."""
    held = (table[:, _ROW] == row) & (row > 0)
    return np.where(held[:, None], np.float32(0.0), table) if held.any() else table


def looks(table: Table, rows: Rows, at: float) -> NDArray[np.float64]:
    """How often each of these gems was looked at and left, faded, float64, size n.

    Args:
        table: As above.
        rows: Of the gems among the state's items, 0 where one has none, n.
        at: Epoch seconds.
    """
    now = _now(table, np.float32(at / HOUR_SECONDS)).astype(np.float64)
    known = table[:, _ROW].astype(np.int64)
    order = np.argsort(known, kind="stable")
    place = np.minimum(np.searchsorted(known[order], rows), KEPT - 1)
    hit = (known[order][place] == rows) & (rows > 0)
    return np.where(hit, now[order][place], 0.0)


def _now(table: Table, hour: np.float32) -> Table:
    """Looks of each row as they count at an hour; what is dated later counts in full."""
    age = np.maximum(hour - table[:, _HOUR], np.float32(0.0))
    return np.asarray(table[:, _LOOKS] * np.exp2(-age / np.float32(HALF_LIFE_HOURS)), dtype=np.float32)
