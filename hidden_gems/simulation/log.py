"""What a simulated city writes down: one chunk a step, joined into the tables of the dataset contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.datasets.contract import MOODS, WEATHERS
from hidden_gems.simulation.context import Context
from hidden_gems.simulation.feedback import EVENT_TYPES
from hidden_gems.simulation.gems import Gems
from hidden_gems.simulation.people import People

NONE = -1
TRUTH_COLUMNS = ("click_probability", "expected_reward")
"""Of impressions: the truth at position 0, for judging only; never written to a dataset folder."""

Chunk = dict[str, NDArray[Any]]
_CONTEXT = ("sky", "temperature_c", "mood", "lat", "lon")
EVENTS = ("user", "item", "timestamp", "code", "value", "session", "slate", "position", *_CONTEXT)
IMPRESSIONS = (
    "slate", "user", "timestamp", "item", "position", "policy", "propensity", "clicked", *_CONTEXT, *TRUTH_COLUMNS,
)  # fmt: skip


@dataclass(frozen=True)
class DayLog:
    """Events and impressions of one simulated day as chunks of coded columns."""

    day: int
    events: tuple[Chunk, ...]
    impressions: tuple[Chunk, ...]

    def clicks(self) -> tuple[int, int]:
        """Clicks and impressions of the day."""
        clicked = [chunk["clicked"] for chunk in self.impressions]
        return sum(int(c.sum()) for c in clicked), sum(len(c) for c in clicked)


def context_columns(context: Context, row: NDArray[np.int64]) -> Chunk:
    """Coded context columns of the moments named by `row`."""
    return {
        "sky": context.sky[row],
        "temperature_c": context.temperature_c[row],
        "mood": context.mood[row],
        "lat": context.lat[row],
        "lon": context.lon[row],
    }


def interactions_of(logs: Sequence[DayLog], people: People, gems: Gems, end: int) -> pd.DataFrame:
    """Interactions before `end`, oldest first, with the columns of the contract."""
    table = joined([chunk for log in logs for chunk in log.events], EVENTS)
    return interactions_frame(table[table["timestamp"] < end], people, gems)


def interactions_frame(table: pd.DataFrame, people: People, gems: Gems, first: int = 0) -> pd.DataFrame:
    """Coded events as interactions, oldest first; `first` is the number of the first."""
    table = table.sort_values("timestamp", kind="stable", ignore_index=True)
    return pd.DataFrame(
        {
            "user_id": people.ids[table["user"]],
            "item_id": gems.places["item_id"].to_numpy(object)[table["item"]],
            "timestamp": table["timestamp"],
            "event_id": _names("e", np.arange(first, first + len(table))),
            "event_type": np.array(EVENT_TYPES, dtype=object)[table["code"]],
            "value": table["value"],
            "session_id": _names("session", table["session"]),
            "slate_id": _names("slate", table["slate"]),
            "position": table["position"].where(table["position"] != NONE).astype("Int64"),
            **_context(table, people),
        }
    )


def impressions_of(logs: Sequence[DayLog], people: People, gems: Gems, end: int) -> pd.DataFrame:
    """Impressions before `end`, oldest first, with the columns of the contract and `TRUTH_COLUMNS`."""
    table = joined([chunk for log in logs for chunk in log.impressions], IMPRESSIONS)
    return impressions_frame(table[table["timestamp"] < end], people, gems)


def impressions_frame(table: pd.DataFrame, people: People, gems: Gems, first: int = 0) -> pd.DataFrame:
    """Coded impressions, oldest first, with the columns of the contract and `TRUTH_COLUMNS`."""
    table = table.sort_values(["timestamp", "slate", "position"], kind="stable", ignore_index=True)
    return pd.DataFrame(
        {
            "slate_id": _names("slate", table["slate"]),
            "user_id": people.ids[table["user"]],
            "timestamp": table["timestamp"],
            "item_id": gems.places["item_id"].to_numpy(object)[table["item"]],
            "position": table["position"],
            "policy": table["policy"].to_numpy(object),
            "propensity": table["propensity"],
            "clicked": table["clicked"],
            **_context(table, people),
            **{name: table[name].astype(np.float64) for name in TRUTH_COLUMNS},
        }
    )


def users_of(people: People, gems: Gems) -> pd.DataFrame:
    """Everybody who is in the city at some time, with the columns of the contract."""
    return pd.DataFrame(
        {
            "user_id": people.ids,
            "language": people.language,
            "home_neighborhood": np.array(gems.neighborhoods, dtype=object)[people.home],
            "is_local": people.is_local,
            "created_at": people.created_at,
            "consent": people.consent,
        }
    )


def _context(table: pd.DataFrame, people: People) -> dict[str, object]:
    return {
        "weather": np.array(WEATHERS, dtype=object)[table["sky"]],
        "temperature_c": table["temperature_c"],
        "mood": np.array(MOODS, dtype=object)[table["mood"]],
        "language": people.language[table["user"]],
        "lat": table["lat"].round(4),
        "lon": table["lon"].round(4),
    }


def joined(chunks: Sequence[Chunk], names: Sequence[str]) -> pd.DataFrame:
    """Chunks as one table of codes."""
    empty = np.zeros(0, dtype=np.int64)
    return pd.DataFrame({name: np.concatenate([chunk[name] for chunk in chunks] or [empty]) for name in names})


def _names(prefix: str, numbers: "NDArray[np.int64] | pd.Series[int]") -> NDArray[np.object_]:
    """`prefix-0000001` for each number, None for `NONE`."""
    codes, inverse = np.unique(np.asarray(numbers, dtype=np.int64), return_inverse=True)
    names = np.array([None if code == NONE else f"{prefix}-{code:07d}" for code in codes.tolist()], dtype=object)
    return np.asarray(names[inverse], dtype=object)
