"""Rows that follow the stream: each batch of feedback and slates moves the rows it touches, exactly as SQL counts."""

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS, HOUR_SECONDS
from hidden_gems.core.kv import BATCH, KeyValue
from hidden_gems.core.names import answered
from hidden_gems.events.kinds import KINDS, EventType, reward_of
from hidden_gems.events.records import Interaction, Slate
from hidden_gems.features.event_columns import Feedback, event_columns
from hidden_gems.features.item_table import ItemTable
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.raw import ITEM, NEEDS_TIME, USER
from hidden_gems.features.rows import ANSWERED_SECONDS, NEW, NEW_ITEM, NEW_USER, ItemRow, UserRow, Values
from hidden_gems.features.store import FeatureStore
from hidden_gems.features.tallies import Event, ItemTally, UserTally

PEOPLE_IN_MEMORY = 50_000


@dataclass(frozen=True)
class Changed:
    """Rows that a batch changed, as they were written."""

    users: dict[str, UserRow] = field(default_factory=dict)  # by pseudonym
    items: dict[str, ItemRow] = field(default_factory=dict)  # by item id


class LiveRows:
    """The stream's twin of `features.snapshot`: the same events give the same rows, one batch at a time.

    It takes every event it is given: that an event is signed, came once and is within its cap is for the caller to see
    to. It is the only writer beside materialization, so the rows it read or wrote last are kept in memory, and the
    store must take every row that is written (`overwrite`), for many batches fall into one second. When writing
    fails, nothing in memory has moved, and the same batch may be applied again.

    Args:
        store: Where rows are read from once and written to.
        items: Attributes of the gems; a newer table may be put in its place when gems enter. A gem that is not in it
            counts as one without attributes.
        timezone: IANA name, for nights and weekends.
        order_only: Times are only an order.
        keys: Remembers which gem of which slate was answered.
        people: Most people kept in memory.
    """

    def __init__(
        self,
        store: FeatureStore,
        items: ItemTable,
        *,
        timezone: str,
        keys: KeyValue,
        order_only: bool = False,
        people: int = PEOPLE_IN_MEMORY,
    ) -> None:
        self.items = items
        self._store, self._keys = store, keys
        self._timezone, self._order_only = timezone, order_only
        self._most, self._users = people, OrderedDict[str, UserRow]()
        self._forgotten = set[str]()
        self._items: dict[str, ItemRow] = {}
        self._gems = ItemRows.of({})
        self._usual = (-1, 0.0)  # hour since the epoch, and what was usual then

    def apply(self, interactions: Sequence[Interaction], slates: Sequence[Slate], at: int) -> Changed:
        """Count a batch and write the rows that it changed.

        Args:
            interactions: In the order to be counted; what is no feedback is passed over.
            slates: Answers that were given; each place is an impression.
            at: Second at which the rows are true, 1 or later.

        Raises:
            PartUnavailableError: If a store does not answer.
        """
        told = [each for each in interactions if each.event_type in KINDS and KINDS[each.event_type].feedback]
        users = self._read_users([*(e.user_id for e in told), *(s.user_id for s in slates)])
        items = self._read_items([*(e.item_id for e in told), *(p.item_id for s in slates for p in s.places)])
        people = {name: UserTally(row) for name, row in users.items()}
        gems = {name: ItemTally(row) for name, row in items.items()}
        self._show(slates, people, gems)
        for interaction, event in zip(told, self._events(told), strict=True):
            person = people[interaction.user_id]
            gems[interaction.item_id].tell(event, event.liked and not person.knows(interaction.item_id))
            person.tell(event)
        return self._write(people, gems, at)

    def liked(self, people: Iterable[str]) -> dict[str, set[str]]:
        """Gems that each person liked, by pseudonym."""
        return {name: set(row.own) for name, row in self._read_users(people).items()}

    def praised(self, item_ids: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """When each gem was liked in the last 31 days, epoch seconds, oldest first, by item id."""
        return {name: row.recent for name, row in self._read_items(item_ids).items()}

    def usual_likes(self, now: int, days: int) -> float:
        """Likes a day of the mean gem in the `days` before the last one; counted once an hour, so a little old."""
        hour = now // HOUR_SECONDS
        if hour != self._usual[0]:
            self._read_items(())
            count = self._gems.likes_between(now - (1 + days) * DAY_SECONDS, now - DAY_SECONDS)
            self._usual = (hour, count / days / max(len(self._gems), 1))
        return self._usual[1]

    def younger(self, item_ids: Sequence[str], than: float) -> set[str]:
        """Gems among these that entered after a second, as far as anybody says when."""
        created = self.items.columns(self.items.rows(item_ids))["item_created_at"]
        return {name for name, at in zip(item_ids, created.tolist(), strict=True) if at > than}

    def forget(self, people: Iterable[str]) -> None:
        """Begin with people as with somebody new, whatever the store still holds."""
        for name in people:
            self._users.pop(name, None)
            self._forgotten.add(name)

    def _read_users(self, ids: Iterable[str]) -> dict[str, UserRow]:
        """Rows of these people, the ones just used last in memory."""
        names = list(dict.fromkeys(ids))
        if missing := [name for name in names if name not in self._users]:
            *found, new = self._store.read_users([*missing, NEW])
            blank = new.row if new else UserRow(_blank(USER, NEW_USER.totals, self._order_only))
            rows = [None if name in self._forgotten else each for name, each in zip(missing, found, strict=True)]
            self._users |= {name: each.row if each else blank for name, each in zip(missing, rows, strict=True)}
        for name in names:
            self._users.move_to_end(name)
        return {name: self._users[name] for name in names}

    def _read_items(self, ids: Iterable[str]) -> dict[str, ItemRow]:
        """Rows of these gems; the rows of all others are read too, for every row says what the most liked one has."""
        names = list(dict.fromkeys(ids))
        if missing := [name for name in dict.fromkeys([*names, *self.items.ids]) if name not in self._items]:
            *found, new = self._store.read_items([*missing, NEW])
            blank = new.row if new else ItemRow(_blank(ITEM, NEW_ITEM.totals, self._order_only))
            read = {name: each.row if each else blank for name, each in zip(missing, found, strict=True)}
            self._items |= read
            self._gems = self._gems.with_rows(read)
        return {name: self._items[name] for name in names}

    def _events(self, told: Sequence[Interaction]) -> list[Event]:
        rows = self.items.rows([each.item_id for each in told])
        feedback = Feedback(
            kind=[each.event_type for each in told],
            reward=np.array(
                [reward_of(cast(EventType, each.event_type), each.value) for each in told], dtype=np.float64
            ),
            value=np.array([_number(each.value) for each in told], dtype=np.float64),
            sec=np.array([math.floor(each.timestamp) for each in told], dtype=np.int64),
            item=rows,
            lat=np.array([_number(each.context.get("lat")) for each in told], dtype=np.float64),
            lon=np.array([_number(each.context.get("lon")) for each in told], dtype=np.float64),
        )
        columns = event_columns(feedback, self.items, self._timezone, order_only=self._order_only)
        columns["answers"] = self._answers(told, columns["clicks"] > 0)
        numbers = zip(*(column.tolist() for column in columns.values()), strict=True) if told else iter(())
        return [
            Event(
                item_id=each.item_id,
                type=self.items.type[row],
                neighborhood=self.items.neighborhood[row],
                sec=sec,
                counts=dict(zip(columns, counts, strict=True)),
                order_only=self._order_only,
            )
            for each, row, sec, counts in zip(told, rows.tolist(), feedback.sec.tolist(), numbers, strict=True)
        ]

    def _answers(self, told: Sequence[Interaction], clicked: NDArray[np.bool_]) -> NDArray[np.float64]:
        """1 where an event is the first click or better on its slate's gem, size B.

        The claim names its event, so that a batch that is applied again counts the same.
        """
        keys = [
            answered(each.slate_id, each.item_id) if click and each.slate_id is not None else None
            for each, click in zip(told, clicked.tolist(), strict=True)
        ]
        first: dict[str, bytes] = {}
        for each, key in zip(told, keys, strict=True):
            if key is not None:
                first.setdefault(key, each.event_id.encode())
        held = self._keys.claim(first, ANSWERED_SECONDS) if first else []
        winner = {key: mine if other is None else other for (key, mine), other in zip(first.items(), held, strict=True)}
        return np.array(
            [
                float(key is not None and winner[key] == each.event_id.encode())
                for each, key in zip(told, keys, strict=True)
            ]
        )

    def _show(self, slates: Sequence[Slate], people: Mapping[str, UserTally], gems: Mapping[str, ItemTally]) -> None:
        for slate in slates:
            ids = [place.item_id for place in slate.places]
            for name, row in zip(ids, self.items.rows(ids).tolist(), strict=True):
                people[slate.user_id].show(self.items.type[row])
                gems[name].show(math.floor(slate.timestamp), self._order_only)

    def _write(self, people: Mapping[str, UserTally], gems: Mapping[str, ItemTally], at: int) -> Changed:
        users = {name: tally.row().at(at) for name, tally in people.items()}
        items = {name: tally.row().at(at) for name, tally in gems.items()}
        table = self._gems.with_rows(items)
        items = {name: row.with_top(table.top_likes(at, self._order_only)) for name, row in items.items()}
        self._store.write_users(users, at)
        self._store.write_items(items, at)
        self._users |= users
        self._forgotten -= users.keys()
        self._items |= items
        self._gems = table
        while len(self._users) > self._most:
            self._users.popitem(last=False)
        return Changed(users, items)


def remember_answers(pairs: Sequence[tuple[str, str]], keys: KeyValue) -> None:
    """Tell the stream which slates' gems were answered before it began, see `snapshot.answers`.

    Args:
        pairs: Slate and item ids.
        keys: Where the stream looks; what it already knows stays.
    """
    for start in range(0, len(pairs), BATCH):
        keys.claim({answered(*pair): b"" for pair in pairs[start : start + BATCH]}, ANSWERED_SECONDS)


def _blank(names: Sequence[str], totals: Values, order_only: bool) -> Values:
    """Totals of someone or something new."""
    return tuple(
        math.nan if order_only and name in NEEDS_TIME else value for name, value in zip(names, totals, strict=True)
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
