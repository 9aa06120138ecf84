"""Events of a dataset as messages of the stream."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from hidden_gems.datasets.dataset import Dataset
from hidden_gems.events.records import Interaction, Place, Slate

Batch = tuple[list[Interaction], list[Slate], int]


def interactions_of(dataset: Dataset) -> list[Interaction]:
    """All interactions as signed messages, in their order."""
    table = dataset.interactions
    ids = table["event_id"] if "event_id" in table else [f"e{row}" for row in range(len(table))]
    return [
        Interaction(
            event_id=name,
            user_id=event.user_id,
            item_id=event.item_id,
            event_type=event.event_type,
            timestamp=float(event.timestamp) + 0.25,
            received=float(event.timestamp) + 1.0,
            value=_known(getattr(event, "value", None)),
            slate_id=getattr(event, "slate_id", None),
            signed=True,
            context={key: _known(getattr(event, key, None)) for key in ("lat", "lon")},
        )
        for name, event in zip(ids, table.itertuples(), strict=True)
    ]


def slates_of(dataset: Dataset) -> list[Slate]:
    """All impressions, one message a slate, in the order of time."""
    return [
        Slate(
            slate_id=str(slate_id),
            user_id=shown["user_id"].iloc[0],
            timestamp=float(shown["timestamp"].iloc[0]),
            policy="logged",
            release="none",
            feature_service="none",
            state_version=0,
            places=tuple(
                Place(item_id, position, 1.0, 0.0, (), ()) for position, item_id in enumerate(shown["item_id"])
            ),
        )
        for slate_id, shown in dataset.impressions.groupby("slate_id", sort=False)
    ]


def batches(dataset: Dataset, since: int, seed: int, most: int = 40) -> Iterator[Batch]:
    """What happened from a second on, in batches of random size, each with the second after its last event."""
    random = np.random.default_rng(seed)
    events = [
        event for event in (*slates_of(dataset), *interactions_of(dataset)) if math.floor(event.timestamp) >= since
    ]
    events.sort(key=lambda event: math.floor(event.timestamp))
    while events:
        size = int(random.integers(1, most))
        batch, events = events[:size], events[size:]
        yield (
            [each for each in batch if isinstance(each, Interaction)],
            [each for each in batch if isinstance(each, Slate)],
            math.floor(batch[-1].timestamp) + 1,
        )


def _known(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)  # type: ignore[arg-type]
