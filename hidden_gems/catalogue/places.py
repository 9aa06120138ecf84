"""Real places of Istanbul as the items of a dataset, and the neighbourhoods they are in."""

import json
from datetime import datetime
from importlib import resources

import pandas as pd

from hidden_gems.catalogue.geography import read_table

ITEM_COLUMNS = (
    "item_id", "name", "type", "neighborhood", "lat", "lon", "opening_hours", "cost_text", "how_to_find", "local_tip",
    "hidden_factor", "authenticity", "tourist_ratio", "crowd_level", "price_level", "setting", "best_time",
    "created_at", "tags", "description_en", "description_tr",
)  # fmt: skip
EDITORIAL_COLUMNS = (
    "hidden_factor", "authenticity", "tourist_ratio", "crowd_level", "best_time", "local_tip",
)  # fmt: skip
"""Opinions of the editors, not facts: they say how a place feels, nobody has measured them."""
_NUMBERS = ("lat", "lon", "hidden_factor", "authenticity", "tourist_ratio", "crowd_level")


def load_places() -> pd.DataFrame:
    """All places of the catalogue, sorted by `item_id`.

    Returns:
        The columns `ITEM_COLUMNS`, those of `items` in the dataset contract; `created_at` in epoch seconds, int64,
        `price_level` int64, the other numbers float64. `EDITORIAL_COLUMNS` are opinions.
    """
    folder = resources.files(__package__).joinpath("places")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".jsonl")), key=lambda file: file.name)
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    table = pd.DataFrame(rows, columns=list(ITEM_COLUMNS))
    table["created_at"] = [int(datetime.fromisoformat(moment).timestamp()) for moment in table["created_at"]]
    table = table.astype(dict.fromkeys(_NUMBERS, "float64") | {"created_at": "int64", "price_level": "int64"})
    return table.sort_values("item_id", ignore_index=True)


def load_neighborhoods() -> pd.DataFrame:
    """The neighbourhoods of the catalogue, sorted by name.

    Returns:
        name, district, shore (`europe`, `asia` or `islands`), lat and lon of the centre in degrees, radius_km.
    """
    return pd.DataFrame(read_table("neighborhoods.json")).sort_values("name", ignore_index=True)
