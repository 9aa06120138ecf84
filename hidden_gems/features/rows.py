"""Rows of the feature store: what is known of one person or one gem at one moment, as one packed text each."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from operator import sub
from typing import Any

import numpy as np
import orjson

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.features.raw import ITEM, NEIGHBORHOOD, OWN, RECENT_DAYS, TYPE, USER

NEW = ""
"""Id of the row that stands for everyone and everything new; no real id is empty."""

REMEMBERED_DAYS = 31
"""How far back a row knows the times of likes: the longest window, and the rest of the UTC day it may start in."""
PATH_LENGTH = 200
"""How many likes a row knows in their order: what sequence models read."""
ANSWERED_SECONDS = 8 * DAY_SECONDS
"""How long it is remembered that a gem of a slate was answered: a visit or rating may follow for 7 days."""

Values = tuple[float, ...]
Step = tuple[str, int]
"""A gem that was liked, and when: epoch seconds, or an order."""


@dataclass(frozen=True)
class UserRow:
    """A person: raw columns `USER`, and `OWN`, `TYPE` and `NEIGHBORHOOD` by gem, type and neighborhood."""

    totals: Values  # in the order of USER
    own: Mapping[str, Values] = field(default_factory=dict)  # gem → in the order of OWN
    types: Mapping[str, Values] = field(default_factory=dict)  # type → in the order of TYPE
    neighborhoods: Mapping[str, Values] = field(default_factory=dict)  # neighborhood → in the order of NEIGHBORHOOD
    recent: tuple[int, ...] = ()  # seconds of the likes of the last 31 days, oldest first; none for an order
    path: tuple[Step, ...] = ()  # the last `PATH_LENGTH` likes, oldest first

    def at(self, second: int) -> "UserRow":
        """The same row at a later second with nothing new: windows counted, times cut to those remembered."""
        return replace(
            self, totals=_windowed(self.totals, self.recent, second, _USER_WINDOWS), recent=_kept(self.recent, second)
        )

    def pack(self) -> str:
        """One line of JSON, the same for equal rows; `unpack` gives back equal numbers."""
        gems, seconds = zip(*self.path, strict=True) if self.path else ((), ())
        maps = (self.own, self.types, self.neighborhoods)
        return _packed([self.totals, *maps, _steps(self.recent), gems, _steps(seconds)])

    @classmethod
    def unpack(cls, text: str) -> "UserRow":
        """Read what `pack` wrote.

        Raises:
            ValueError: If the row was written with other columns.
        """
        totals, own, types, neighborhoods, recent, gems, seconds = _parts(text, 7)
        return cls(
            _values(totals, len(USER)),
            {key: _values(row, len(OWN)) for key, row in own.items()},
            {key: _values(row, len(TYPE)) for key, row in types.items()},
            {key: _values(row, len(NEIGHBORHOOD)) for key, row in neighborhoods.items()},
            tuple(accumulate(recent)),
            tuple(zip(gems, accumulate(seconds), strict=True)),
        )


@dataclass(frozen=True)
class ItemRow:
    """A gem: raw columns `ITEM`."""

    totals: Values  # in the order of ITEM
    recent: tuple[int, ...] = ()  # seconds of the likes of the last 31 days, oldest first; none for an order

    def at(self, second: int) -> "ItemRow":
        """The same row at a later second with nothing new; `item_top_likes` speaks of all gems and stays."""
        return ItemRow(_windowed(self.totals, self.recent, second, _ITEM_WINDOWS), _kept(self.recent, second))

    def with_top(self, likes: float) -> "ItemRow":
        """The same row with other likes of the most liked gem."""
        return ItemRow((*self.totals[:_TOP], likes, *self.totals[_TOP + 1 :]), self.recent)

    def pack(self) -> str:
        """One line of JSON; `unpack` gives back equal numbers."""
        return _packed([self.totals, _steps(self.recent)])

    @classmethod
    def unpack(cls, text: str) -> "ItemRow":
        """Read what `pack` wrote.

        Raises:
            ValueError: If the row was written with other columns.
        """
        totals, recent = _parts(text, 2)
        return cls(_values(totals, len(ITEM)), tuple(accumulate(recent)))


def likes_within(recent: Sequence[int], second: int, days: int) -> int:
    """How many of these times lie in the `days` before a second, that second left out.

    Examples:
        >>> likes_within((10, 99, 100), 86_500, 1), likes_within((10, 99, 100), 100, 1)
        (1, 2)
    """
    return bisect_left(recent, second) - bisect_left(recent, second - days * DAY_SECONDS)


def _blank(names: Sequence[str]) -> Values:
    return tuple(np.nan if name.endswith(("_time", "_lat", "_lon")) else 0.0 for name in names)


NEW_USER = UserRow(_blank(USER))
"""Someone nothing is known of, where the store has not even a row for new people."""
NEW_ITEM = ItemRow(_blank(ITEM))
"""A gem nothing is known of, where the store has not even a row for new gems."""


_TOP = ITEM.index("item_top_likes")
_USER_WINDOWS = tuple((USER.index(f"user_likes_{days}d"), days) for days in RECENT_DAYS)
_ITEM_WINDOWS = tuple((ITEM.index(f"item_likes_{days}d"), days) for days in RECENT_DAYS)


def _windowed(totals: Values, recent: Sequence[int], second: int, windows: Sequence[tuple[int, int]]) -> Values:
    """Totals whose windows end at a second; what is no number because times are only an order stays so."""
    counted = list(totals)
    for column, days in windows:
        if not math.isnan(counted[column]):
            counted[column] = float(likes_within(recent, second, days))
    return tuple(counted)


def _kept(recent: tuple[int, ...], second: int) -> tuple[int, ...]:
    return recent[bisect_left(recent, second - REMEMBERED_DAYS * DAY_SECONDS) :]


def _steps(recent: Sequence[int]) -> list[int]:
    """The first time and the steps from each to the next: a third of the digits."""
    return [*recent[:1], *map(sub, recent[1:], recent)]


def _packed(content: list[Any]) -> str:
    """JSON with sorted keys; what is no number is null."""
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY).decode()


def _parts(text: str, count: int) -> list[Any]:
    parts: list[Any] = orjson.loads(text)
    if len(parts) != count:
        raise ValueError(f"a row of the feature store has {len(parts)} parts, expected {count}; materialize again")
    return parts


def _values(row: Sequence[float | None], length: int) -> Values:
    if len(row) != length:
        raise ValueError(f"a row of the feature store has {len(row)} columns, expected {length}; materialize again")
    return tuple(math.nan if x is None else float(x) for x in row)
