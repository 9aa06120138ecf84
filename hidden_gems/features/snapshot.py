"""Rows of everyone and everything at one moment: the training expressions with a mark for each key."""

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.events.kinds import KINDS
from hidden_gems.features import expressions as ex
from hidden_gems.features.counts import Counter, counting, finished
from hidden_gems.features.event_rows import FEEDBACK
from hidden_gems.features.raw import ITEM, NEIGHBORHOOD, OWN, TYPE, USER
from hidden_gems.features.rows import (
    ANSWERED_SECONDS,
    NEW,
    PATH_LENGTH,
    REMEMBERED_DAYS,
    ItemRow,
    Step,
    UserRow,
    Values,
)


def snapshot(dataset: Dataset, at: int) -> tuple[dict[str, UserRow], dict[str, ItemRow]]:
    """Rows of every person and every gem from what happened strictly before a second.

    Args:
        dataset: A checked dataset; it may hold later events.
        at: Epoch seconds, or an order.

    Returns:
        Rows by pseudonym and by item id; the id `rows.NEW` stands for all that are new.
    """
    with counting(dataset) as counter:
        return _users(counter, at), _items(counter, at)


def user_rows(dataset: Dataset, at: int) -> dict[str, UserRow]:
    """Rows of every person; see `snapshot`."""
    with counting(dataset) as counter:
        return _users(counter, at)


def item_rows(dataset: Dataset, at: int) -> dict[str, ItemRow]:
    """Rows of every gem; see `snapshot`."""
    with counting(dataset) as counter:
        return _items(counter, at)


def answers(dataset: Dataset, at: int) -> list[tuple[str, str]]:
    """Slate and gem of every click or better before a second that a later one may still follow.

    The stream must know them, for rows count the first answer of a slate's gem only.
    """
    events = dataset.interactions
    if "slate_id" not in events:
        return []
    recent = (events["timestamp"] >= at - ANSWERED_SECONDS) & (events["timestamp"] < at)
    clicked = events["event_type"].isin(FEEDBACK) & (events["reward"] >= KINDS["click"].reward)
    found = events.loc[recent & clicked & events["slate_id"].notna(), ["slate_id", "item_id"]].drop_duplicates()
    return list(found.itertuples(index=False, name=None))


def _users(counter: Counter, at: int) -> dict[str, UserRow]:
    rows = counter.rows
    ids = [NEW, *rows.coding.users.words]
    everyone = counter.engine.load("everyone", pd.DataFrame({"user": np.arange(len(ids)), "sec": at}))
    totals = _by_row(counter, ex.user_state(counter.feedback, everyone), "user", USER)
    own = _by_pair(
        counter, ex.own_state(counter.feedback, _pairs(counter, "item", at)), "item", OWN, [NEW, *rows.coding.table.ids]
    )
    state = ex.type_state(counter.feedback, counter.impressions, _pairs(counter, "type", at))
    types = _by_pair(counter, state, "type", TYPE, [NEW, *rows.coding.types.words])
    state = ex.neighborhood_state(counter.feedback, _pairs(counter, "neighborhood", at))
    neighborhoods = _by_pair(counter, state, "neighborhood", NEIGHBORHOOD, [NEW, *rows.coding.neighborhoods.words])
    times, paths = _recent(counter, "user", at), _paths(counter, at)
    return {
        name: UserRow(
            totals[row],
            own.get(row, {}),
            types.get(row, {}),
            neighborhoods.get(row, {}),
            times.get(row, ()),
            paths.get(row, ()),
        )
        for row, name in enumerate(ids)
    }


def _items(counter: Counter, at: int) -> dict[str, ItemRow]:
    ids = [NEW, *counter.rows.coding.table.ids]
    all_items = counter.engine.load("all_items", pd.DataFrame({"item": np.arange(len(ids)), "sec": at}))
    order_only = counter.order_only
    state = ex.item_state(counter.feedback, counter.impressions, all_items, order_only)
    totals = _by_row(counter, state, "item", ITEM)
    times = _recent(counter, "item", at)
    return {name: ItemRow(totals[row], times.get(row, ())) for row, name in enumerate(ids)}


def _recent(counter: Counter, key: str, at: int) -> dict[int, tuple[int, ...]]:
    """Seconds of the likes that rows remember, by row of the key."""
    if counter.order_only:
        return {}
    events = counter.rows.feedback
    since = at - REMEMBERED_DAYS * DAY_SECONDS
    liked = events[(events["likes"] > 0) & (events["sec"] >= since) & (events["sec"] < at)].sort_values([key, "sec"])
    rows, starts = np.unique(liked[key].to_numpy(), return_index=True)
    parts = np.split(liked["sec"].to_numpy(), starts[1:])
    return {row: tuple(part.tolist()) for row, part in zip(rows.tolist(), parts, strict=False)}  # one part for no rows


def _paths(counter: Counter, at: int) -> dict[int, tuple[Step, ...]]:
    """The last likes, oldest first, by row of the person."""
    found = ex.last_likes(counter.feedback, at, PATH_LENGTH).to_pandas().sort_values(["user", "sec", "seq"])
    ids = [NEW, *counter.rows.coding.table.ids]
    steps = [(ids[item], second) for item, second in zip(found["item"].tolist(), found["sec"].tolist(), strict=True)]
    rows, starts = np.unique(found["user"].to_numpy(), return_index=True)
    bounds = [*starts.tolist(), len(steps)]
    return {row: tuple(steps[bounds[n] : bounds[n + 1]]) for n, row in enumerate(rows.tolist())}


def _pairs(counter: Counter, key: str, at: int) -> Any:
    """Every pair of a person and a gem, type or neighborhood that met before the second, marked at it."""
    pairs = counter.feedback.filter(counter.feedback.sec < at).select("user", key)
    if key == "type":  # impressions are counted by type only
        pairs = pairs.union(counter.impressions.filter(counter.impressions.sec < at).select("user", key))
    return pairs.filter(pairs[key] > 0).distinct().mutate(sec=ibis.literal(at, "int64"))


def _by_row(counter: Counter, state: Any, key: str, names: Sequence[str]) -> dict[int, Values]:
    found = counter.engine.frame(state)
    return dict(zip(found[key].tolist(), _tuples(counter, found, names), strict=True))


def _by_pair(
    counter: Counter, state: Any, key: str, names: Sequence[str], words: Sequence[str]
) -> dict[int, dict[str, Values]]:
    """Values by user row and word; pairs that say nothing are left out."""
    found = counter.engine.frame(state)
    found = found[(found[[name for name in names if not name.endswith("_time")]] > 0).any(axis=1)]
    maps: dict[int, dict[str, Values]] = {}
    values = _tuples(counter, found, names)
    for user, word, row in zip(found["user"].tolist(), found[key].tolist(), values, strict=True):
        maps.setdefault(user, {})[words[word]] = row
    return maps


def _tuples(counter: Counter, found: pd.DataFrame, names: Sequence[str]) -> list[Values]:
    raw = {name: found[name].to_numpy(np.float64, na_value=np.nan) for name in names}
    raw = finished(raw, counter.order_only, not counter.dataset.impressions.empty)
    return [tuple(row) for row in np.stack([raw[name] for name in names], axis=1).tolist()] if len(found) else []
