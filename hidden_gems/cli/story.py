"""Who asks in the demo, from where and when, and what is shown of an answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hidden_gems.cli.map_view import Pin, Point, svg_map
from hidden_gems.client import Client, Item, Prediction
from hidden_gems.client.card import Language
from hidden_gems.datasets.dataset import Dataset

WARM_QUANTILE = 0.9
"""The warm person has more feedback than this share of the people."""
STRANGER = "somebody-new"


@dataclass(frozen=True)
class Asker:
    """Somebody who asks."""

    title: str
    about: str
    user_id: str  # as the caller knows it
    language: Language
    here: Point | None

    def context(self, at: float) -> Any:
        """Context of a request at a moment of the stack's clock."""
        told: dict[str, Any] = {"timestamp": at, "language": self.language}
        return told | ({"location": {"lat": self.here[0], "lon": self.here[1]}} if self.here else {})


@dataclass(frozen=True)
class Person:
    """One person of the story with the answer they got."""

    asker: Asker
    prediction: Prediction
    map: str  # SVG

    @property
    def title(self) -> str:
        """Who it is."""
        return self.asker.title

    @property
    def about(self) -> str:
        """What is known, and when they ask."""
        return self.asker.about

    @property
    def language(self) -> Language:
        """Of the reasons."""
        return self.asker.language

    @property
    def slate(self) -> tuple[Item, ...]:
        """What they got."""
        return self.prediction.items


def name_of(item: Item) -> str:
    """Its name, else what it is and its id."""
    return item.name or f"{item.type or 'Place'} {item.item_id}"


def where(item: Item) -> str:
    """Type and neighborhood, as far as they are known."""
    return ", ".join(part for part in (item.type, item.neighborhood) if part)


def askers(dataset: Dataset, original_ids: Mapping[str, str], now: float) -> list[Asker]:
    """The warm person in English, the cold one in Turkish.

    Args:
        dataset: The checked dataset that the release was trained on.
        original_ids: Pseudonym -> id as it came; empty where the data hold pseudonyms only.
        now: Epoch seconds, or an order, on the stack's clock.
    """
    warm, middle = _warm(dataset), _middle(places_of(dataset))
    likes = int((dataset.interactions["user_id"] == warm).sum())
    about = f"{likes} pieces of feedback so far; asks {_moment(dataset, now)}."
    if warm not in original_ids:
        about = "The data hold pseudonyms only, so nobody in them can be asked for: a stranger to the stack."
    centre = " from the middle of town" if middle else ""
    return [
        Asker("Somebody we know, in English", about, original_ids.get(warm, warm), "en", _last_place(dataset, warm)),
        Asker(
            "Somebody new, in Turkish",
            f"No feedback yet; asks {_moment(dataset, now)}{centre}.",
            STRANGER,
            "tr",
            middle,
        ),
    ]


def ask(client: Client, asker: Asker, at: float, dataset: Dataset) -> Person:
    """Ask the stack and draw the map."""
    prediction = client.recommend(asker.user_id, context=asker.context(at), explain="full")
    return Person(asker, prediction, map_of(prediction, dataset, asker.here))


def map_of(prediction: Prediction, dataset: Dataset, here: Point | None) -> str:
    """Both shores, every place as a dot, the slate as pins; empty where no coordinates are known."""
    places = places_of(dataset)
    pins = [
        Pin(item.position + 1, (item.lat, item.lon), name_of(item))
        for item in prediction.items
        if item.lat is not None and item.lon is not None
    ]
    return svg_map(pins, places, shores(places), here)


def places_of(dataset: Dataset) -> NDArray[np.float64]:
    """Latitude and longitude of every gem, I X 2, NaN where unknown."""
    return np.asarray(dataset.items[["lat", "lon"]], dtype=np.float64)


def shores(places: NDArray[np.float64]) -> dict[str, list[Point]]:
    """Outlines of Istanbul where most places lie in its districts; none for other cities."""
    from hidden_gems.catalogue.geography import on_land, outlines

    known = places[~np.isnan(places).any(axis=1)]
    if not len(known) or on_land(known[:, 0], known[:, 1]).mean() < 0.5:
        return {}
    return {outline.name: [(float(lat), float(lon)) for lat, lon in outline.ring] for outline in outlines()}


def _warm(dataset: Dataset) -> str:
    """The person at the quantile of activity; of equally active ones the first."""
    counts = dataset.interactions["user_id"].value_counts()
    counts = counts.reindex(dataset.users["user_id"]).fillna(0).sort_values(kind="stable")
    return str(counts.index[round(WARM_QUANTILE * (len(counts) - 1))])


def _last_place(dataset: Dataset, user_id: str) -> Point | None:
    """Where the person's last located feedback came from, else where the item of it lies."""
    own = dataset.interactions[dataset.interactions["user_id"] == user_id]
    items = dataset.items.set_index("item_id")[["lat", "lon"]].reindex(own["item_id"]).to_numpy(np.float64)
    sent = own[["lat", "lon"]].to_numpy(np.float64)
    at = np.where(np.isnan(sent).any(axis=1, keepdims=True), items, sent)
    at = at[~np.isnan(at).any(axis=1)]
    return (float(at[-1, 0]), float(at[-1, 1])) if len(at) else None


def _middle(places: NDArray[np.float64]) -> Point | None:
    """The place that lies nearest to the middle of all; the middle itself may be in the sea."""
    known = places[~np.isnan(places).any(axis=1)]
    if not len(known):
        return None
    nearest = known[np.argmin(((known - np.median(known, axis=0)) ** 2).sum(axis=1))]
    return float(nearest[0]), float(nearest[1])


def _moment(dataset: Dataset, now: float) -> str:
    """When it is asked, in the words of the data."""
    if dataset.about.order_only:
        return "after the last feedback"
    local = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(dataset.about.timezone))
    return f"on {local:%A, %d %B %Y, %H:%M}"
