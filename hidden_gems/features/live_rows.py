"""Rows of all gems as arrays: what a request looks up for its candidates, and counts by time for its moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.features.raw import ITEM, RECENT_DAYS, Raw
from hidden_gems.features.rows import NEW, NEW_ITEM, ItemRow
from hidden_gems.features.store import RowReader

Rows = NDArray[np.int64]

_SECOND_BITS = 34
_LAST_SECOND = (1 << _SECOND_BITS) - 1
_LIKES, _IMPRESSIONS = ITEM.index("item_likes"), ITEM.index("item_impressions")
SHOWN_A_LIKE = 10.0
"""Impressions of a gem that tell as much about it as one like."""


@dataclass(frozen=True)
class ItemRows:
    """Rows of I gems; row 0 stands for every gem without one.

    Immutable: a changed row makes a new object, and a request keeps the one it began with. What has happened cannot be
    undone for a request about an earlier second: totals and last times are those of the rows, while the windows (likes
    of 7 and 30 days, likes of the most liked gem) count only what lies before the request's second.

    Notation: L likes remembered by all rows together.
    """

    index: Mapping[str, int]  # item id → row, from 1
    totals: NDArray[np.float64]  # in the order of ITEM, (I + 1) X len(ITEM)
    _likes: Rows  # row and second of each like in one number, ascending, L
    _tops: dict[tuple[int, bool], float] = field(default_factory=dict, repr=False)  # by day, found once

    @classmethod
    def of(cls, rows: Mapping[str, ItemRow]) -> "ItemRows":
        """Arrays of rows by item id; the row of `rows.NEW` becomes row 0."""
        new = rows.get(NEW, NEW_ITEM)
        empty = cls({}, np.array([new.totals], dtype=np.float64), np.empty(0, np.int64))
        return empty.with_rows(rows)

    @classmethod
    def read(cls, store: RowReader, item_ids: Sequence[str]) -> "ItemRows":
        """Arrays of the rows that a store has of these gems, and of its row for new ones."""
        ids = [NEW, *item_ids]
        return cls.of({name: found.row for name, found in zip(ids, store.read_items(ids), strict=True) if found})

    def __len__(self) -> int:
        return len(self.index)

    def with_rows(self, rows: Mapping[str, ItemRow]) -> "ItemRows":
        """The same with other rows of these gems, which may be new here."""
        if not rows:
            return self
        index = dict(self.index)
        for name in rows:
            if name != NEW:
                index.setdefault(name, len(index) + 1)
        changed = np.array([index.get(name, 0) for name in rows], dtype=np.int64)
        totals = np.concatenate([self.totals, np.zeros((len(index) - len(self.index), len(ITEM)))])
        totals[changed] = [row.totals for row in rows.values()]
        touched = np.zeros(len(totals), dtype=bool)
        touched[changed] = True
        kept = self._likes[~touched[self._likes >> _SECOND_BITS]]
        new = [_keys(row, np.array(each.recent, np.int64)) for row, each in zip(changed, rows.values(), strict=True)]
        return ItemRows(index, totals, np.sort(np.concatenate([kept, *new]), kind="stable"))

    def rows(self, item_ids: Sequence[str]) -> Rows:
        """Row of each gem, size n; 0 where there is none."""
        return np.fromiter((self.index.get(name, 0) for name in item_ids), dtype=np.int64, count=len(item_ids))

    def columns(self, item_ids: Sequence[str], timestamp: int, order_only: bool = False) -> Raw:
        """Raw columns `ITEM` of n gems at a second, float64, size n each.

        Args:
            item_ids: Gems, size n; one without a row is new.
            timestamp: Epoch seconds, or an order; windows end before it.
            order_only: Times are only an order, so there are no windows.
        """
        rows = self.rows(item_ids)
        found = self.totals[rows]
        raw = {name: found[:, column] for column, name in enumerate(ITEM)}
        raw["item_top_likes"] = np.full(len(rows), self.top_likes(timestamp, order_only))
        for days in RECENT_DAYS:
            name = f"item_likes_{days}d"
            counted = self._counted(rows, timestamp - days * DAY_SECONDS, timestamp).astype(np.float64)
            raw[name] = np.where(np.isnan(raw[name]), np.nan, counted)
        return raw

    def top_likes(self, timestamp: int, order_only: bool = False) -> float:
        """Likes of the most liked gem in the 30 full UTC days before the day of a second; of all time for an order."""
        day = timestamp - timestamp % DAY_SECONDS
        key = (0 if order_only else day, order_only)
        if key not in self._tops:
            self._tops[key] = self._top(day, order_only)
        return self._tops[key]

    def evidence(self, item_ids: Sequence[str]) -> NDArray[np.float64]:
        """How much has been found out about n gems, in likes: to be shown `SHOWN_A_LIKE` times tells as much as one."""
        found = self.totals[self.rows(item_ids)]
        return np.asarray(np.nan_to_num(found[:, _LIKES]) + np.nan_to_num(found[:, _IMPRESSIONS]) / SHOWN_A_LIKE)

    def likes_around(self, item_ids: Sequence[str], timestamp: int, within: int) -> NDArray[np.float64]:
        """Likes of n gems in the 28 days before a second, so many seconds or less from its time of day, size n."""
        seconds = self._likes & _LAST_SECOND
        apart = (seconds - timestamp + DAY_SECONDS // 2) % DAY_SECONDS - DAY_SECONDS // 2
        counted = (np.abs(apart) <= within) & (seconds < timestamp) & (seconds >= timestamp - 28 * DAY_SECONDS)
        likes = np.bincount(self._likes[counted] >> _SECOND_BITS, minlength=len(self.totals))
        likes[0] = 0
        return likes[self.rows(item_ids)].astype(np.float64)

    def likes_between(self, since: int, until: int) -> int:
        """Likes of all gems together in [since, until) as far as they are remembered."""
        seconds = self._likes & _LAST_SECOND
        return int(((seconds >= since) & (seconds < until)).sum())

    def _top(self, day: int, order_only: bool) -> float:
        if order_only:
            return float(self.totals[:, _LIKES].max())
        everything = np.arange(len(self.totals))
        return float(self._counted(everything, day - max(RECENT_DAYS) * DAY_SECONDS, day).max())

    def _counted(self, rows: Rows, since: int, until: int) -> Rows:
        """Likes of each row in [since, until) as far as they are remembered, size n."""
        ends = (np.searchsorted(self._likes, _keys(rows, second)) for second in (until, since))
        return np.asarray(np.subtract(*ends), dtype=np.int64)


def _keys(rows: Rows | int, seconds: Rows | int) -> Rows:
    """Rows and seconds as one ascending number."""
    shifted: Rows = np.asarray(rows, dtype=np.int64) << _SECOND_BITS
    keys: Rows = shifted | np.clip(seconds, 0, _LAST_SECOND)
    return keys
