"""A small city as a request sees it: thirty gems, a log behind them, somebody who likes cafes."""

from dataclasses import replace
from typing import Any

import numpy as np

from hidden_gems.datasets.dataset import About
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.events.records import ItemChange
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.raw import ITEM, OWN
from hidden_gems.features.request import RequestContext
from hidden_gems.features.rows import NEW_ITEM, NEW_USER, ItemRow, UserRow
from hidden_gems.models.item_knn import ItemKNN
from hidden_gems.recommend.candidates import CandidateGenerator
from hidden_gems.recommend.person import Person
from hidden_gems.recommend.related import LEAST_PEOPLE
from hidden_gems.recommend.request import Filters, Request
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.recommend.world import World

NOW = 1_777_905_000  # 2026-05-04T17:30:00+03:00
COUNT = 30
TYPES = ("cafe", "bar", "museum")
NEIGHBORHOODS = ("Balat", "Moda")
GALATA = (41.0256, 28.9741)


def tables() -> ReleaseTables:
    """Gem gN has type N % 3, neighborhood N % 2, price N % 5, and lies N hundredths of a degree north of Galata."""
    random = np.random.default_rng(0)
    user = np.repeat(np.arange(1, 21), 8)
    item = random.integers(1, COUNT + 1, len(user))
    log = Interactions(user, item, NOW - 1_000 + np.arange(len(user)), np.ones(len(user), np.float32), 21, COUNT + 1)
    knn = ItemKNN(shrinkage=1.0).refit(log)
    numbers = np.arange(1, COUNT + 1)
    place = np.full((COUNT + 1, 2), np.nan)
    place[1:] = np.stack([GALATA[0] + 0.01 * numbers, np.full(COUNT, GALATA[1])], axis=1)
    columns: dict[str, list[Any]] = {
        "item_id": [f"g{n}" for n in numbers],
        "name": [f"Gem {n}" for n in numbers],
        "type": [TYPES[n % 3] for n in numbers],
        "neighborhood": [NEIGHBORHOODS[n % 2] for n in numbers],
        "price_level": [float(n % 5) for n in numbers],
        "authenticity": [round(float(n) / COUNT, 3) for n in numbers],
        "tourist_ratio": [0.5] * COUNT,
        "crowd_level": [0.25 * (n % 4) for n in numbers],
        "setting": [("indoor", "outdoor", "both")[n % 3] for n in numbers],
        "best_time": [("morning", "afternoon", "evening", "night")[n % 4] for n in numbers],
        "lat": place[1:, 0].tolist(),
        "lon": place[1:, 1].tolist(),
        "opening_hours": [None] * COUNT,
        "description_en": [f"number {n}" for n in numbers],
        "created_at": [float(NOW - 10_000)] * COUNT,
    }
    for name in ("type", "price_level", "authenticity", "setting", "neighborhood", "crowd_level", "tourist_ratio"):
        columns[name][COUNT - 1] = None  # nobody described g30
    generator = CandidateGenerator().fit(log, place, np.full(COUNT + 1, NOW - 10_000.0)).without_people()
    return ReleaseTables(columns, knn.rows, knn.weights, knn.prior, generator, np.full(knn.rows.shape, LEAST_PEOPLE))


def world(**changes: Any) -> World:
    about = About("made up", "Europe/Istanbul", "made-up", simulated=True)
    return replace(World.of("2026-05-04.1", about, ("ncf",), tables()), **({"rows": rows()} | changes))


def rows() -> ItemRows:
    """Gem gN was liked N times, once an hour up to now."""
    totals = dict(zip(ITEM, NEW_ITEM.totals, strict=True))
    return ItemRows.of(
        {
            f"g{n}": ItemRow(
                tuple((totals | {"item_likes": float(n), "item_users": float(n)}).values()),
                tuple(NOW - 3600 * hour for hour in range(n, 0, -1)),
            )
            for n in range(1, COUNT + 1)
        }
    )


def person(*liked: str, **more: Any) -> Person:
    """Somebody who liked these gems, one after another, each with reward 1."""
    own = {name: dict(zip(OWN, (1.0, NOW - 1_000.0 + at, 1.0), strict=True)) for at, name in enumerate(liked)}
    row = UserRow(NEW_USER.totals, {name: tuple(values.values()) for name, values in own.items()})
    return Person(row, 3, **more)


def context(**more: Any) -> RequestContext:
    return RequestContext(NOW, "Europe/Istanbul", **more)


def request(user: str = "somebody", **more: Any) -> Request:
    return Request(user, more.pop("context", context()), **more)


def filtered(**filters: Any) -> Request:
    return request(filters=Filters(**filters))


def change(item_id: str, at: float = NOW - 10.0, until: float | None = None, **columns: Any) -> ItemChange:
    """A gem as it is now; closed for good where nothing is said of it."""
    return ItemChange(item_id, at, columns or None, until)
