"""Asks a release in this process, with features from the store that the pipeline filled: the answer without servers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hidden_gems.cli.map_view import Point
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.datasets.contract import TIMES_OF_DAY
from hidden_gems.explain.reasons import Explanation, explain
from hidden_gems.explain.templates import Language
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

STRANGER = "somebody-new"
STORE_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class Gem:
    position: int
    item: Mapping[str, Any]  # row of the item table
    score: float
    sources: tuple[str, ...]
    explanation: Explanation

    @property
    def name(self) -> str:
        return self.item["name"] or f"{self.item['type'] or 'Place'} {self.item['item_id']}"

    @property
    def where(self) -> str:
        return ", ".join(part for part in (self.item["type"], self.item["neighborhood"]) if part)


class Teller:
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
        if self.about.order_only:
            return None
        return TIMES_OF_DAY[int(local_time(np.array([now]), self.about.timezone).time_of_day[0])]
