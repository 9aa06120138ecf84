"""Logs of row numbers that tests of models share."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Index, Interactions
from hidden_gems.features.facts import ItemFacts
from tests.factories import MONDAY, interactions


def log_of(pairs: list[tuple[int, int]], *, users: int, items: int, rewards: list[float] | None = None) -> Interactions:
    """One interaction a day, in the order given."""
    user, item = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return Interactions(
        user=user,
        item=item,
        timestamp=MONDAY + DAY_SECONDS * np.arange(len(pairs)),
        reward=np.array(rewards or [1.0] * len(pairs), dtype=np.float32),
        users=users,
        items=items,
    )


def town(events: int = 600, users: int = 30, items: int = 40, seed: int = 0) -> Interactions:
    """The people of `factories.interactions`, who each prefer one of four groups of items."""
    table = interactions(users=users, items=items, events=events, seed=seed)
    people, places = Index(f"u{u}" for u in range(users)), Index(f"g{i}" for i in range(items))
    return Interactions(
        user=people.rows(table["user_id"].tolist()),
        item=places.rows(table["item_id"].tolist()),
        timestamp=table["timestamp"].to_numpy(np.int64),
        reward=np.ones(events, dtype=np.float32),
        users=users + 1,
        items=items + 1,
    )


def facts_of(attributes: NDArray[np.float32], timezone: str = "Europe/Istanbul", order_only: bool = False) -> ItemFacts:
    """Items of which only attributes are known."""
    return replace(ItemFacts.none(len(attributes)), attributes=attributes, timezone=timezone, order_only=order_only)
