"""Small inputs that tests share."""

from pathlib import Path

import numpy as np
import pandas as pd

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
