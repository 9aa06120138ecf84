"""Rows that count: one more event, one more impression, with the same result as counting everything again in SQL.

Late events are counted like all others. Two things then depend on the order they came in: the place of the last like is
that of the newest like, and a like older than the person's last feedback does not move it; times that rows no longer
remember (31 days) do not come back.
"""

import math
from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass

from hidden_gems.features.raw import ITEM, ITEM_SUMS, MICRO, TYPE, USER, USER_SUMS
from hidden_gems.features.rows import PATH_LENGTH, ItemRow, UserRow

_U = {name.removeprefix("user_"): column for column, name in enumerate(USER)}
_G = {name.removeprefix("item_"): column for column, name in enumerate(ITEM)}
_LIKES_OF_TYPE = TYPE.index("type_likes")
_NO_TYPE = (0.0,) * len(TYPE)


@dataclass(frozen=True)
class Event:
    """One piece of feedback in numbers."""

    item_id: str
    type: str | None  # of the gem
    neighborhood: str | None
    sec: int  # epoch seconds, or an order
    counts: Mapping[str, float]  # of `event_columns`, and `answers`
    order_only: bool = False

    @property
    def liked(self) -> bool:
        """Whether its reward is positive."""
        return self.counts["likes"] > 0


class UserTally:
    """The row of a person while it grows."""

    def __init__(self, row: UserRow) -> None:
        self._totals = list(row.totals)
        self._own, self._types = dict(row.own), dict(row.types)
        self._neighborhoods = dict(row.neighborhoods)
        self._recent, self._path = list(row.recent), list(row.path)

    def row(self) -> UserRow:
        """What is known now; its windows are those of the row it began with, see `UserRow.at`."""
        parts = (self._own, self._types, self._neighborhoods)
        return UserRow(tuple(self._totals), *parts, tuple(self._recent), tuple(self._path))

    def knows(self, item_id: str) -> bool:
        """Whether they liked the gem before."""
        return item_id in self._own

    def tell(self, event: Event) -> None:
        """Count one piece of feedback."""
        self._move(event)
        totals = self._totals
        totals[_U["interactions"]] += 1.0
        counts = {**event.counts, **self._firsts(event)}
        for name in USER_SUMS:
            totals[_U[name]] += counts[name]
        if not event.order_only:
            _span(totals, _U, event.sec)
        self._of_type(event)
        if event.liked:
            self._like(event)

    def show(self, kind: str | None) -> None:
        """Count one impression of a gem of this type."""
        if kind is not None:
            interactions, likes, reward, impressions = self._types.get(kind, _NO_TYPE)
            self._types[kind] = (interactions, likes, reward, impressions + 1.0)

    def _firsts(self, event: Event) -> dict[str, float]:
        """What depends on earlier likes; a square grows by 2k + 1 when a count grows from k."""
        typed, placed = event.liked and event.type is not None, event.liked and event.neighborhood is not None
        of_type = self._types.get(event.type or "", _NO_TYPE)[_LIKES_OF_TYPE]
        [of_neighborhood] = self._neighborhoods.get(event.neighborhood or "", (0.0,))
        return {
            "items": float(event.liked and not self.knows(event.item_id)),
            "type_likes": float(typed),
            "type_squares": 2.0 * of_type + 1.0 if typed else 0.0,
            "neighborhood_likes": float(placed),
            "neighborhood_squares": 2.0 * of_neighborhood + 1.0 if placed else 0.0,
        }

    def _move(self, event: Event) -> None:
        last = self._totals[_U["last_time"]]
        if event.counts["located"] > 0 and (math.isnan(last) or event.sec >= last):
            self._totals[_U["last_lat"]] = event.counts["lat_sum"] / MICRO
            self._totals[_U["last_lon"]] = event.counts["lon_sum"] / MICRO

    def _of_type(self, event: Event) -> None:
        if event.type is None:
            return
        interactions, likes, reward, impressions = self._types.get(event.type, _NO_TYPE)
        likes, reward = likes + event.counts["likes"], reward + event.counts["reward_sum"]
        self._types[event.type] = (interactions + 1.0, likes, reward, impressions)

    def _like(self, event: Event) -> None:
        likes, last, best = self._own.get(event.item_id, (0.0, math.nan, -math.inf))
        if not event.order_only:
            last = float(event.sec) if math.isnan(last) else max(last, float(event.sec))
            insort(self._recent, event.sec)
        self._own[event.item_id] = (likes + 1.0, last, max(best, event.counts["reward_sum"] / MICRO))
        insort(self._path, (event.item_id, event.sec), key=lambda step: step[1])  # of one second, the last to come last
        del self._path[:-PATH_LENGTH]
        if event.neighborhood is not None:
            [count] = self._neighborhoods.get(event.neighborhood, (0.0,))
            self._neighborhoods[event.neighborhood] = (count + 1.0,)


class ItemTally:
    """The row of a gem while it grows."""

    def __init__(self, row: ItemRow) -> None:
        self._totals = list(row.totals)
        self._recent = list(row.recent)

    def row(self) -> ItemRow:
        """What is known now; its windows are those of the row it began with, see `ItemRow.at`."""
        return ItemRow(tuple(self._totals), tuple(self._recent))

    def tell(self, event: Event, new_person: bool) -> None:
        """Count one piece of feedback; `new_person` if it is the person's first like of the gem."""
        totals = self._totals
        totals[_G["interactions"]] += 1.0
        counts = {**event.counts, "users": float(new_person)}
        for name in ITEM_SUMS:
            totals[_G[name]] += counts[name]
        if not event.order_only:
            _span(totals, _G, event.sec)
            if event.liked:
                insort(self._recent, event.sec)

    def show(self, sec: int, order_only: bool) -> None:
        """Count one impression.

        Where the store knew nothing of impressions, the gem's first one makes them known, and answers with them.
        """
        totals = self._totals
        for name in ("impressions", "answers"):
            if math.isnan(totals[_G[name]]):
                totals[_G[name]] = 0.0
        totals[_G["impressions"]] += 1.0
        if not order_only:
            _span(totals, {"first_time": _G["first_time"]}, sec)


def _span(totals: list[float], columns: Mapping[str, int], sec: int) -> None:
    """Widen first and last time by a second."""
    for name, widest in (("first_time", min), ("last_time", max)):
        if name in columns:
            known = totals[columns[name]]
            totals[columns[name]] = float(sec) if math.isnan(known) else widest(known, float(sec))
