"""Counts, sums and times as of any moment, in Ibis: the same expressions on DuckDB and Spark.

Only what both engines answer alike is used: equi joins, unions, running sums over ROWS and RANGE windows over seconds.
Every number that is summed is whole, so an engine may add in any order.
"""

from collections.abc import Sequence
from typing import Any

import ibis

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.features.raw import ITEM_SUMS, RECENT_DAYS, TYPE_SUMS, USER_SUMS

_LIKE = ("user", "sec", "seq", "item")

Table = Any
"""An Ibis table expression."""


def with_firsts(feedback: Table) -> Table:
    """Add what depends on earlier events: first likes, squares of the counts, answered impressions, rank of the gem.

    Squares grow by 2k + 1 with the like number k, so a running sum of the steps is the sum of squared counts.
    """

    def before(*keys: str) -> Any:
        window = ibis.window(group_by=[feedback[key] for key in keys], order_by=[feedback.sec, feedback.seq])
        return ibis.row_number().over(window).cast("float64")

    def square(key: str) -> Any:
        return ((feedback[key] > 0) & (feedback.likes > 0)).ifelse(2 * before(key, "user", "likes") + 1, 0.0)

    liked = feedback.likes > 0
    first = liked & (before("user", "item", "likes") == 0)
    answer = (feedback.clicks > 0) & (feedback.slate > 0) & (before("slate", "item", "clicks") == 0)
    return feedback.mutate(
        items=first.cast("float64"),
        users=first.cast("float64"),
        answers=answer.cast("float64"),
        type_likes=(liked & (feedback.type > 0)).cast("float64"),
        neighborhood_likes=(liked & (feedback.neighborhood > 0)).cast("float64"),
        type_squares=square("type"),
        neighborhood_squares=square("neighborhood"),
        top_likes=liked.ifelse(before("item", "likes") + 1, 0.0),
    )


def as_of(events: Table, marks: Table, by: Sequence[str], sums: Sequence[str] = (), top: Sequence[str] = ()) -> Table:
    """What had happened to a key strictly before a second.

    The state after each event is a running sum; the number of events before a mark says which of them to read.

    Args:
        events: Columns `by`, sec, seq and `sums`.
        marks: Columns `by` and sec; each pair once is enough.
        by: The key.
        sums: Columns to add up, whole numbers; 0 before the first event.
        top: Columns to take the largest of; null before the first event.

    Returns:
        One row a key and second: `by`, sec, interactions (number of events), first_time, last_time, `sums`, `top`.
    """
    running = ibis.window(group_by=list(by), order_by=["sec", "seq"], preceding=None, following=0)
    state = events.select(
        *by,
        number=(ibis.row_number().over(running) + 1).cast("int64"),
        first_time=events.sec.min().over(running),
        last_time=events.sec,
        **{name: events[name].sum().over(running) for name in sums},
        **{name: events[name].max().over(running) for name in top},
    )
    steps = _with_marks(events, marks, by)
    order = ibis.window(group_by=list(by), order_by=["sec", "step"], preceding=None, following=0)
    counted = steps.mutate(number=steps.step.sum().over(order).cast("int64")).filter(ibis._.step == 0)
    found = _beside(counted, state, [*by, "number"])
    return found.select(
        *by,
        "sec",
        "first_time",
        "last_time",
        *top,
        interactions=found.number.cast("float64"),
        **{name: found[name].fill_null(0.0) for name in sums},
    )


def recent(events: Table, marks: Table, by: Sequence[str]) -> Table:
    """Events of a key in the last 7 and 30 days, the mark's own second left out: `by`, sec, likes_7d, likes_30d."""
    steps = _with_marks(events, marks, by)

    def last(days: int) -> Any:
        window = ibis.range_window(preceding=(days * DAY_SECONDS, 1), group_by=list(by), order_by="sec")
        return steps.step.sum().over(window).fill_null(0).cast("float64")

    counted = steps.mutate(**{f"likes_{days}d": last(days) for days in RECENT_DAYS}).filter(ibis._.step == 0)
    return counted.select(*by, "sec", *(f"likes_{days}d" for days in RECENT_DAYS))


def _with_marks(events: Table, marks: Table, by: Sequence[str]) -> Table:
    """Marks as step 0 and events as step 1 in one table, so that within a second a mark comes first."""
    asked = marks.select(*by, "sec").distinct().mutate(step=ibis.literal(0, "int64"))
    return asked.union(events.select(*by, "sec", step=ibis.literal(1, "int64")))


def most_liked(feedback: Table, marks: Table, days: int) -> Table:
    """Likes of the most liked gem in the full UTC days before a mark's day: sec, top_likes.

    Each day's likes of a gem are repeated for the days that still remember them; only days with a mark are kept.
    """
    asked = marks.select("sec", day=(marks.sec - marks.sec % DAY_SECONDS)).distinct()
    daily = feedback.filter(feedback.likes > 0).mutate(day=ibis._.sec - ibis._.sec % DAY_SECONDS)
    daily = daily.group_by("item", "day").agg(likes=ibis._.likes.sum())
    offsets = ibis.range(1, days + 1).unnest().name("offset").as_table()
    later = daily.cross_join(offsets).select("item", "likes", "day", "offset")
    later = later.mutate(day=ibis._.day + ibis._.offset.cast("int64") * DAY_SECONDS)
    days = asked.select(asked_day="day").distinct()
    later = later.join(days, [("day", "asked_day")]).select("item", "day", "likes")
    top = later.group_by("item", "day").agg(likes=ibis._.likes.sum()).group_by("day").agg(top=ibis._.likes.max())
    found = _beside(asked, top, ["day"])
    return found.select("sec", top_likes=found.top.fill_null(0.0))


def user_state(feedback: Table, marks: Table) -> Table:
    """Columns `user_*` by user and sec."""
    state = as_of(feedback, marks, ["user"], USER_SUMS)
    windows = recent(feedback.filter(feedback.likes > 0), marks, ["user"])
    places = feedback.filter(feedback.located > 0)
    order = ibis.window(group_by="user", order_by=["sec", "seq"])
    places = places.select(
        "user", located=ibis.row_number().over(order).cast("float64") + 1.0, last_lat="lat_sum", last_lon="lon_sum"
    )
    joined = _beside(_beside(state, windows, ["user", "sec"]), places, ["user", "located"])
    return _prefixed(joined, "user", ["user", "sec"])


def item_state(feedback: Table, impressions: Table, marks: Table, order_only: bool) -> Table:
    """Columns `item_*` by item and sec."""
    state = as_of(feedback, marks, ["item"], ITEM_SUMS)
    windows = recent(feedback.filter(feedback.likes > 0), marks, ["item"])
    shown = as_of(impressions, marks, ["item"]).select(
        "item", "sec", impressions="interactions", shown_first="first_time"
    )
    joined = _beside(_beside(state, windows, ["item", "sec"]), shown, ["item", "sec"])
    joined = joined.mutate(first_time=ibis.least(joined.first_time, joined.shown_first)).drop("shown_first")
    return _prefixed(_beside(joined, _top(feedback, marks, order_only), ["sec"]), "item", ["item", "sec"])


def _top(feedback: Table, marks: Table, order_only: bool) -> Table:
    """Likes of the most liked gem: of all time where times are only an order, of 30 days elsewhere."""
    if not order_only:
        return most_liked(feedback, marks, max(RECENT_DAYS)).select("sec", "top_likes")
    one = ibis.literal(1, "int64")
    found = as_of(feedback.mutate(all=one), marks.mutate(all=one), ["all"], top=["top_likes"])
    return found.select("sec", top_likes=found.top_likes.fill_null(0.0))


def own_state(feedback: Table, marks: Table) -> Table:
    """Columns `own_*` by user, item and sec."""
    state = as_of(feedback.filter(feedback.likes > 0), marks, ["user", "item"], top=["reward_sum"])
    return state.select(
        "user", "item", "sec", own_likes="interactions", own_last_time="last_time", own_best_reward="reward_sum"
    )


def type_state(feedback: Table, impressions: Table, marks: Table) -> Table:
    """Columns `type_*` by user, type and sec, for gems that have a type."""
    feedback, impressions, marks = (table.filter(table.type > 0) for table in (feedback, impressions, marks))
    keys = ["user", "type", "sec"]
    state = as_of(feedback, marks, keys[:2], TYPE_SUMS).drop("first_time", "last_time")
    shown = as_of(impressions, marks, keys[:2]).select(*keys, impressions="interactions")
    return _prefixed(_beside(state, shown, keys), "type", keys)


def neighborhood_state(feedback: Table, marks: Table) -> Table:
    """Column `neighborhood_likes` by user, neighborhood and sec, for gems that have a neighborhood."""
    feedback, marks = (table.filter(table.neighborhood > 0) for table in (feedback, marks))
    state = as_of(feedback.filter(feedback.likes > 0), marks, ["user", "neighborhood"])
    return state.select("user", "neighborhood", "sec", neighborhood_likes="interactions")


def last_likes(feedback: Table, at: int, most: int) -> Table:
    """The last likes of each person strictly before a second: user, sec, seq and item; the reader sorts them."""
    liked = feedback.filter((feedback.likes > 0) & (feedback.item > 0) & (feedback.sec < at))
    newest = ibis.window(group_by="user", order_by=[ibis.desc("sec"), ibis.desc("seq")])
    return liked.mutate(later=ibis.row_number().over(newest)).filter(ibis._.later < most).select(*_LIKE)


def beside_marks(marks: Table, state: Table, keys: Sequence[str]) -> Table:
    """State of its key beside each mark, null where the mark has no such key: mark and the columns of the state."""
    return _beside(marks.select("mark", *keys), state, keys).drop(*keys)


def _beside(left: Table, right: Table, keys: Sequence[str]) -> Table:
    """Left join that keeps each key once."""
    new = [name for name in right.columns if name not in keys]
    right = right.rename({f"right_{name}": name for name in keys})
    return left.left_join(right, [(name, f"right_{name}") for name in keys]).select(*left.columns, *new)


def _prefixed(table: Table, prefix: str, keys: Sequence[str]) -> Table:
    return table.rename({f"{prefix}_{name}": name for name in table.columns if name not in keys})
