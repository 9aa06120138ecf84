"""A checked dataset out of plain tables, without the reader at the door."""

import numpy as np
import pandas as pd

from hidden_gems.datasets.contract import FILES
from hidden_gems.datasets.dataset import About, Dataset
from hidden_gems.events.kinds import reward_of


def _full(name: str, table: pd.DataFrame) -> pd.DataFrame:
    table = table.copy()
    for column in FILES[name]:
        if column.name not in table:
            table[column.name] = np.nan if column.kind in ("number", "integer", "time") else None
            table[column.name] = table[column.name].astype("float64" if column.kind in ("number", "time") else object)
    return table


def dataset(
    interactions: pd.DataFrame,
    items: pd.DataFrame | None = None,
    impressions: pd.DataFrame | None = None,
    order_only: bool = False,
    timezone: str = "Europe/Istanbul",
) -> Dataset:
    """Tables with every column of the contract, as the reader leaves them."""
    events = _full("interactions", interactions)
    events["event_type"] = events["event_type"].fillna("visit") if "event_type" in interactions else "visit"
    values = [None if pd.isna(value) else value for value in events["value"]]
    events["reward"] = [reward_of(kind, value) for kind, value in zip(events["event_type"], values, strict=True)]
    events = events.sort_values("timestamp", kind="stable").reset_index(drop=True)
    shown = _full("impressions", impressions if impressions is not None else pd.DataFrame())
    known = pd.concat([events["item_id"], shown["item_id"]]).dropna()
    table = _full("items", items if items is not None else pd.DataFrame({"item_id": []}))
    missing = pd.DataFrame({"item_id": sorted(set(known) - set(table["item_id"]))})
    table = pd.concat([table, missing], ignore_index=True) if len(table) else _full("items", missing)
    people = sorted(set(events["user_id"]) | set(shown["user_id"].dropna()))
    about = About(name="test", timezone=timezone, fingerprint="f" * 64, order_only=order_only)
    return Dataset(events, table, _full("users", pd.DataFrame({"user_id": people})), shown, about)
