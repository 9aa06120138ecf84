"""What the demo tells: one person everyone knows and one that nobody knows, each asked with the release just made."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hidden_gems.cli.map_view import Pin, Point, svg_map
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.datasets.contract import TIMES_OF_DAY
from hidden_gems.datasets.dataset import Dataset
from hidden_gems.explain.reasons import Explanation, explain
from hidden_gems.explain.wording import Language
from hidden_gems.export import release as releases
from hidden_gems.export.sessions import DeepSession, RankerSession
from hidden_gems.features.feast_store import FeastSettings, FeastStore
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.local_time import local_time
from hidden_gems.features.request import RequestContext
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.models.lambdamart import LambdaMART
from hidden_gems.recommend.answering import Answering
from hidden_gems.recommend.request import Request
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.recommend.world import World

WARM_QUANTILE = 0.9
"""The warm person has more feedback than this share of the people."""
STRANGER = "somebody-new"
STORE_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class Gem:
    """One line of a slate."""

    position: int
    item: Mapping[str, Any]  # row of the item table
    score: float
    sources: tuple[str, ...]
    explanation: Explanation

    @property
    def name(self) -> str:
        """Its name, else what it is and its id."""
        return self.item["name"] or f"{self.item['type'] or 'Place'} {self.item['item_id']}"

    @property
    def where(self) -> str:
        """Type and neighborhood, as far as they are known."""
        return ", ".join(part for part in (self.item["type"], self.item["neighborhood"]) if part)


@dataclass(frozen=True)
class Person:
    """One person of the story."""

    title: str
    about: str
    language: Language
    slate: tuple[Gem, ...]
    map: str  # SVG


class Teller:
    """Asks a release in this process, with features from the store that the pipeline filled."""

    def __init__(self, release: Path, redis: str, feast_folder: Path) -> None:
        about = releases.load(release)
        self.about = about.dataset
        self.tables = ReleaseTables.load(release / "tables")
        self.store = FeastStore(FeastSettings(redis, feast_folder, STORE_TIMEOUT_SECONDS))
        self.ranker = LambdaMART.load(release / "ranker")
        world = World.of(about.version, about.dataset, about.models, self.tables)
        self.answering = Answering(
            world=replace(world, rows=ItemRows.read(self.store, self.tables.attributes.ids)),
            store=self.store,
            keys=RedisKeyValue(redis),
            deep=DeepSession(release, about.models),
            ranker=RankerSession(release),
        )

    def slate(self, user_id: str, now: int, language: Language, here: Point | None, limit: int = 10) -> tuple[Gem, ...]:
        """Ask for a slate and its reasons."""
        lat, lon = here or (None, None)
        context = RequestContext(now, self.about.timezone, lat, lon, order_only=self.about.order_only)
        ranked = self.answering.answer(Request(user_id, context, limit))
        items = [self.tables.item(int(row)) for row in ranked.rows]
        explanations = explain(
            self.ranker.contributions(ranked.vectors),
            ranked.vectors,
            FEATURE_NAMES,
            items,
            ranked.shown,
            language,
            self.time_of_day(now),
        )
        return tuple(
            Gem(place, items[place], float(ranked.scores[place]), ranked.sources[place], explanation)
            for place, explanation in zip(ranked.shown, explanations, strict=True)
        )

    def time_of_day(self, now: int) -> str | None:
        """Word of the vocabulary, None where times are only an order."""
        if self.about.order_only:
            return None
        return TIMES_OF_DAY[int(local_time(np.array([now]), self.about.timezone).time_of_day[0])]


def tell(release: Path, redis: str, feast_folder: Path, dataset: Dataset) -> list[Person]:
    """The warm person in English, the cold one in Turkish.

    Args:
        release: Folder of the release.
        redis: `host:port` of the store that the pipeline filled.
        feast_folder: Registry of Feast.
        dataset: The checked dataset the release was trained on.
    """
    teller = Teller(release, redis, feast_folder)
    places = dataset.items[["lat", "lon"]].to_numpy(np.float64)
    middle = _middle(places)
    warm = _warm(dataset)
    likes = int((dataset.interactions["user_id"] == warm).sum())
    moment = _moment(teller, dataset.now)
    return [
        _person(
            teller,
            dataset.now,
            warm,
            "Somebody we know, in English",
            f"{likes} pieces of feedback so far; asks {moment}.",
            "en",
            _last_place(dataset, warm),
            places,
        ),
        _person(
            teller,
            dataset.now,
            STRANGER,
            "Somebody new, in Turkish",
            f"No feedback yet; asks {moment}{' from the middle of town' if middle else ''}.",
            "tr",
            middle,
            places,
        ),
    ]


def _person(
    teller: Teller,
    now: int,
    user_id: str,
    title: str,
    about: str,
    language: Language,
    here: Point | None,
    places: NDArray[np.float64],
) -> Person:
    slate = teller.slate(user_id, now, language, here)
    pins = [
        Pin(gem.position + 1, (gem.item["lat"], gem.item["lon"]), gem.name)
        for gem in slate
        if gem.item["lat"] is not None and gem.item["lon"] is not None
    ]
    return Person(title, about, language, slate, svg_map(pins, places, shores(places), here))


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
    known = places[~np.isnan(places).any(axis=1)]
    return (float(np.median(known[:, 0])), float(np.median(known[:, 1]))) if len(known) else None


def _moment(teller: Teller, now: int) -> str:
    time_of_day = teller.time_of_day(now)
    return "an hour after the last feedback" + (f", in the {time_of_day}" if time_of_day not in (None, "night") else "")
