"""Full explanations in this process, by the functions that serve; and scores made anew, to hold them against."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hidden_gems.benchmark.funnel import Answer, answered
from hidden_gems.benchmark.opened import Opened, moved
from hidden_gems.explain.asking import Reading, Scored, ask
from hidden_gems.explain.concepts import CONCEPTS
from hidden_gems.explain.counterfactuals import CONCEPT_OF, HOURS, changes
from hidden_gems.explain.full import BACKGROUND, Listener, Shown, full
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.recommend.answering import vectors
from hidden_gems.recommend.certainty import confidence
from hidden_gems.recommend.deep import DEEP_FEATURES, DeepAnswer, Tensors, deep_inputs
from hidden_gems.recommend.person import Person
from hidden_gems.recommend.request import Request
from hidden_gems.recommend.rules import explained

Vectors = NDArray[np.float32]

CHANGED = {"time_of_day": ("time_of_day_sin", "time_of_day_cos", "is_night"), "weather": ("weather",)}
"""Features of the ranker that a change of each kind touches, beside the scores of the deep models."""


@dataclass(frozen=True)
class Here:
    """The models of a release in this process; see `explain.asking.Parts`."""

    opened: Opened

    async def contributions(
        self, x: Vectors, item_ids: tuple[str, ...]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As the ranker's server."""
        return await self.scores(x, item_ids), self.opened.booster.contributions(x)

    async def scores(self, x: Vectors, item_ids: tuple[str, ...]) -> NDArray[np.float64]:
        """As the ranker's server."""
        return self.opened.release.ranker(x).astype(np.float64)

    async def deep(self, inputs: Tensors) -> DeepAnswer:
        """As the server of the graph."""
        assert self.opened.release.deep is not None
        return self.opened.release.deep(inputs)


@dataclass(frozen=True)
class Told:
    """One answer with the full explanation of each gem, k of them."""

    request: Request
    person: Person
    answer: Answer
    shown: Shown
    scored: Scored
    explanations: Sequence[dict[str, Any]]


def tell(opened: Opened, request: Request, random: np.random.Generator) -> Told:
    """Answer a request and explain every gem of the answer.

    Args:
        opened: A release.
        request: What is asked.
        random: Of the draw, and of the candidates that stand for those not shown.
    """
    world, person = opened.world, opened.person(request.user_id)
    answer = answered(opened.release, world, person, request, random)
    places = list(answer.filled.places)
    others = np.setdiff1d(np.arange(len(answer.found.rows)), places)
    others = np.sort(random.choice(others, min(BACKGROUND, len(others)), replace=False))
    rows = answer.found.rows[places]
    shown = Shown(
        items=tuple(world.items.item(int(row)) for row in rows),
        rows=tuple(rows.tolist()),
        vectors=answer.features[places],
        sources=tuple(answer.found.sources[place] for place in places),
        confidence=confidence(answer.utilities, places, opened.world.certainty),
        fired=explained(answer.filled.fired),
    )
    listener = Listener(request.context, request.language, request.preferences, answer.found.history)
    reading = Reading(deep_inputs(world, person, request, rows), world.models) if world.models else None
    tried = changes(listener.time_of_day, request.context.weather)
    ids = tuple(answer.found.item_ids[place] for place in (*places, *others.tolist()))
    scored = asyncio.run(ask(Here(opened), shown.vectors, answer.features[others], ids, tried, reading))
    return Told(request, person, answer, shown, scored, full(shown, listener, scored, world.items))


@dataclass(frozen=True)
class Anew:
    """Scores of the k gems of an answer, made anew: by LightGBM, from requests and rows as they would have been."""

    opened: Opened
    told: Told

    def score(self, x: Vectors) -> NDArray[np.float64]:
        """Of the trees in double precision; n X 60 gives n."""
        return np.asarray(self.opened.booster.booster.predict(x, num_threads=1), dtype=np.float64)

    def under(self, kind: str, word: str) -> NDArray[np.float64]:
        """Had it been asked at that time of day, or in that weather; k."""
        context = self._inputs(self.told.person, self._changed(kind, word))["context"]
        inputs = {**self._inputs(self.told.person, self.told.request), "context": context}
        return self.score(self._with_deep(self._moved(kind, word), inputs))

    def never_visited(self, item_id: str) -> NDArray[np.float64]:
        """Had the person never been to a place; k."""
        person = self.told.person
        path = tuple(step for step in person.row.path if step[0] != item_id)
        session = tuple(name for name in self.told.request.session if name != item_id)
        other = replace(person, row=replace(person.row, path=path))
        inputs = self._inputs(other, replace(self.told.request, session=session))
        return self.score(self._with_deep(self.told.shown.vectors.copy(), inputs))

    def without(self, place: int, concept: str) -> float:
        """The mean score of a gem without a concept.

        Its features come from each of the candidates that it was compared with; those that all candidates share, the
        time or the weather, from every other time or weather that was tried.
        """
        kind = next((kind for kind, name in CONCEPT_OF.items() if name == concept), "")
        shared = [FEATURE_NAMES.index(name) for name in CHANGED.get(kind, ())]
        own = [FEATURE_NAMES.index(name) for name in CONCEPTS[concept] if FEATURE_NAMES.index(name) not in shared]
        pool = np.delete(np.concatenate([self.told.shown.vectors, self.told.scored.background]), place, axis=0)
        blocks = []
        for x in [
            self._moved(change.name, change.word) for change in self.told.scored.tried if change.name == kind
        ] or [self.told.shown.vectors]:
            block = np.repeat(self.told.shown.vectors[place][None], len(pool), axis=0)
            block[:, own] = pool[:, own]
            block[:, shared] = x[place, shared]
            blocks.append(block)
        return float(self.score(np.concatenate(blocks)).mean())

    def _moved(self, kind: str, word: str) -> Vectors:
        """Vectors had it been asked then, scores of the deep models apart; k X 60."""
        request = self._changed(kind, word)
        found = replace(
            self.told.answer.found,
            rows=np.array(self.told.shown.rows, dtype=np.int64),
            item_ids=tuple(str(item["item_id"]) for item in self.told.shown.items),
            collaborative=self.told.shown.vectors[:, FEATURE_NAMES.index("collaborative_score")],
        )
        then = vectors(self.opened.world, self.told.person, request, found, None)
        x = self.told.shown.vectors.copy()
        columns = [FEATURE_NAMES.index(name) for name in CHANGED[kind]]
        x[:, columns] = then[:, columns]
        return x

    def _changed(self, kind: str, word: str) -> Request:
        request = self.told.request
        if kind == "weather":
            return moved(request, weather=word)
        zone = ZoneInfo(request.context.timezone)
        day = datetime.fromtimestamp(request.context.timestamp, zone).replace(hour=0, minute=0, second=0)
        return moved(request, timestamp=int((day + timedelta(hours=HOURS[word])).timestamp()))

    def _inputs(self, person: Person, request: Request) -> Tensors:
        return deep_inputs(self.opened.world, person, request, np.array(self.told.shown.rows, dtype=np.int64))

    def _with_deep(self, x: Vectors, inputs: Tensors) -> Vectors:
        if self.opened.release.deep is None:
            return x
        said = self.opened.release.deep(inputs)
        for row, name in enumerate(self.opened.world.models):
            x[:, FEATURE_NAMES.index(DEEP_FEATURES[name])] = said.scores[row]
        return x
