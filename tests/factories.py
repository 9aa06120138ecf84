"""Small inputs that tests share."""

from pathlib import Path

import numpy as np
import pandas as pd

from hidden_gems.datasets.dataset import About, Dataset
from hidden_gems.events.kinds import reward_of

MONDAY = 1_777_852_800  # 2026-05-04T00:00:00Z, a Monday


def interactions(users: int = 30, items: int = 40, events: int = 600, days: int = 30, seed: int = 0) -> pd.DataFrame:
    """Visits of people who each prefer one of four groups of items; popularity has a head and a tail."""
    random = np.random.default_rng(seed)
    user = random.integers(users, size=events)
    popularity = 1.0 / (1.0 + np.arange(items))
    weights = popularity * np.where(np.arange(items) % 4 == (np.arange(users) % 4)[:, None], 8.0, 1.0)  # U X I
    weights /= weights.sum(axis=1, keepdims=True)
    item = np.array([random.choice(items, p=weights[u]) for u in user])
    return pd.DataFrame(
        {
            "user_id": [f"u{u}" for u in user],
            "item_id": [f"g{i}" for i in item],
            "timestamp": np.sort(MONDAY + random.integers(days * 86_400, size=events)),
        }
    )


def items(count: int = 40, seed: int = 0) -> pd.DataFrame:
    """Items with a few attributes, around the Golden Horn."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "item_id": [f"g{i}" for i in range(count)],
            "name": [f"Gem {i}" for i in range(count)],
            "type": [("cafe", "bookshop", "viewpoint", "market")[i % 4] for i in range(count)],
            "neighborhood": [("Balat", "Moda", "Kuzguncuk")[i % 3] for i in range(count)],
            "lat": 41.02 + random.normal(0, 0.02, count),
            "lon": 28.97 + random.normal(0, 0.02, count),
            "authenticity": random.uniform(0, 1, count).round(2),
            "tourist_ratio": random.uniform(0, 1, count).round(2),
            "price_level": random.integers(0, 5, count),
        }
    )


def write_folder(folder: Path, **tables: pd.DataFrame) -> Path:
    """Write tables as CSV files of a dataset folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


def impressions(interactions: pd.DataFrame, shown: int = 4, items: int = 40, seed: int = 0) -> pd.DataFrame:
    """A slate of `shown` items a minute before every third interaction, the one that was chosen among them."""
    random = np.random.default_rng(seed)
    chosen = interactions.iloc[::3]
    slates = [
        {
            "slate_id": f"s{row}",
            "user_id": event.user_id,
            "timestamp": event.timestamp - 60,
            "item_id": event.item_id if position == row % shown else f"g{random.integers(items)}",
            "position": position,
        }
        for row, event in zip(chosen.index, chosen.itertuples(), strict=True)
        for position in range(shown)
    ]
    return pd.DataFrame(slates)


def feedback(interactions: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Interactions with every kind of feedback, values, rewards, slates and, for some, the place they came from."""
    random = np.random.default_rng(seed)
    kinds = ("visit", "click", "save", "share", "view", "dwell", "rating", "skip", "dismiss", "trust_answer")
    kind = random.choice(kinds, size=len(interactions))
    value = np.select(
        [kind == "rating", kind == "dwell", kind == "trust_answer"],
        [random.integers(1, 6, len(kind)), random.uniform(5, 200, len(kind)).round(), 0.5],
        np.nan,
    )
    placed = random.random(len(kind)) < 0.5
    return interactions.assign(
        event_type=kind,
        value=value,
        reward=[reward_of(k, None if np.isnan(v) else v) for k, v in zip(kind, value, strict=True)],
        slate_id=[f"s{row}" if row % 3 == 0 else None for row in range(len(kind))],
        lat=np.where(placed, 41.02 + random.normal(0, 0.03, len(kind)), np.nan),
        lon=np.where(placed, 28.97 + random.normal(0, 0.03, len(kind)), np.nan),
    )


def rich_dataset(users: int = 30, count: int = 40, events: int = 600, days: int = 60, seed: int = 0) -> Dataset:
    """A checked dataset with all kinds of feedback, impressions, and attributes that are partly unknown."""
    random = np.random.default_rng(seed)
    visits = interactions(users, count, events, days, seed)
    gems = items(count, seed).assign(
        crowd_level=random.uniform(0, 1, count).round(3),
        hidden_factor=random.integers(1, 11, count).astype(float),
        setting=random.choice(["indoor", "outdoor", "both"], count),
        created_at=MONDAY - random.integers(0, 100 * 86_400, count).astype(float),
    )
    for name in ("type", "neighborhood", "authenticity", "price_level", "lat", "created_at"):
        gems[name] = gems[name].where(random.random(count) > 0.1, None if gems[name].dtype == object else np.nan)
    slates = impressions(visits, items=count, seed=seed).sort_values("timestamp", ignore_index=True)
    people = pd.DataFrame({"user_id": sorted(visits["user_id"].unique())})
    about = About(name="made up", timezone="Europe/Istanbul", fingerprint="made-up")
    return Dataset(feedback(visits, seed), gems, people, slates, about)


def plain_dataset(order_only: bool = False, **sizes: int) -> Dataset:
    """A checked dataset of visits alone; timestamps from 1 where they are only an order."""
    visits = interactions(**sizes).assign(event_type="visit", reward=1.0)
    if order_only:
        visits["timestamp"] = np.arange(1, len(visits) + 1)
    gems = pd.DataFrame({"item_id": sorted(visits["item_id"].unique())})
    people = pd.DataFrame({"user_id": sorted(visits["user_id"].unique())})
    nothing = pd.DataFrame({name: [] for name in ("slate_id", "user_id", "timestamp", "item_id", "position")})
    return Dataset(visits, gems, people, nothing, About("plain", "Europe/Istanbul", "plain", order_only=order_only))
