"""Explanations on the way out, and afterwards by slate or by person and gem."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.errors import ExpiredError, NotFoundError, PartUnavailableError
from hidden_gems.core.kv import KeyValue
from hidden_gems.explain.asking import Reading, ask
from hidden_gems.explain.counterfactuals import changes
from hidden_gems.explain.full import BACKGROUND, Listener, Shown, brief, full
from hidden_gems.explain.narrative import Narrator
from hidden_gems.recommend.answering import find
from hidden_gems.recommend.certainty import confidence
from hidden_gems.recommend.deep import DeepAnswer, Tensors, deep_inputs
from hidden_gems.recommend.person import Person, history
from hidden_gems.recommend.request import Filters, Request
from hidden_gems.recommend.rules import explained
from hidden_gems.recommend.world import World
from inference.shell.deadline import Deadline
from inference.transformer.answers import Answers, Served, background
from inference.transformer.metrics import EXPLANATIONS, stage
from inference.transformer.parts import Models, Vectors
from inference.transformer.slates import Kept, keep, recall

MOST_ROWS = 30
"""Vectors whose contributions are asked for in one call, as long as fewer gems are shown."""
LEAST_BACKGROUND = 5
PART = "explanations"

Explanation = dict[str, Any]
_log = logging.getLogger("gems")


@dataclass
class Explaining:
    """Makes explanations.

    Args:
        answers: Scores candidates for a person and a gem that were not served together.
        keys: Where slates are kept.
        narrator: Writes the texts of full explanations; None leaves them to the templates.
    """

    answers: Answers
    keys: KeyValue
    narrator: Narrator | None = None
    _writing: dict[str, asyncio.Future[None]] = field(default_factory=dict, init=False, repr=False)  # by slate

    def keep(self, what: Kept) -> None:
        """Put a slate into the store without making its answer wait."""
        slate_id = what.slate.slate_id
        writing = asyncio.get_running_loop().run_in_executor(None, self._put, what)
        self._writing[slate_id] = writing
        writing.add_done_callback(lambda _: self._writing.pop(slate_id, None))

    def _put(self, what: Kept) -> None:
        try:
            keep(self.keys, what)
        except PartUnavailableError as error:
            _log.warning("slate %s cannot be explained later: %s", what.slate.slate_id, error)

    async def of(self, served: Served, lost: list[str]) -> list[Explanation] | None:
        """Explanations of an answer, as far as they were asked for; in brief where the ranker cannot be asked."""
        detail = served.request.explain
        if detail == "none":
            return None
        shown, listener = _shown(served, served.filled.places, served.confidence), _listener(served)
        EXPLANATIONS.labels(detail).inc()
        if detail == "full" and len(shown.items):
            others = background(served, _room(len(shown.items)), self.answers.random)
            ids = tuple(served.found.item_ids[place] for place in (*served.filled.places, *others))
            try:
                return await self._full(
                    served.world, shown, listener, served.vectors[list(others)], ids, _reading(served, shown)
                )
            except PartUnavailableError:
                lost.append(PART)
        with stage("explain"):
            return brief(shown, listener)

    async def of_slate(self, world: World, slate_id: str, item_id: str, now: float) -> Explanation:
        """One gem of a slate that was given, from the vectors that were logged.

        Raises:
            NotFoundError: If there is no such slate, or the gem is not in it.
            ExpiredError: If the slate is too old.
            PartUnavailableError: If the store or the ranker does not answer.
        """
        what = await self._recalled(slate_id, now)
        ids = [place.item_id for place in what.slate.places]
        if item_id not in ids:
            raise NotFoundError("this gem is not in this slate")
        known = what.slate.user_id
        person = await self.answers.people.person(world, known) if known else None
        shown, liked = _kept_shown(world, what), history(person.row, world.items) if person else None
        listener = Listener(what.context, "tr" if what.language == "tr" else "en", history=liked)
        reading = _kept_reading(world, what, person, shown) if person else None
        told = await self._full(world, shown, listener, what.background, (*ids, *what.background_ids), reading)
        EXPLANATIONS.labels("slate").inc()
        return {"slate_id": slate_id, "item_id": item_id, **told[ids.index(item_id)]}

    async def why(self, world: World, slate_id: str, item_id: str, now: float) -> dict[str, Any]:
        """What every stage of a slate that was given knew of a gem, shown or not.

        Raises:
            NotFoundError: If there is no such slate, or nobody knew the gem when it was made.
            ExpiredError: If the slate is too old, or of another release.
            PartUnavailableError: If the store does not answer.
        """
        what = await self._recalled(slate_id, now)
        if what.slate.release != world.release:
            raise ExpiredError(f"this slate is of release {what.slate.release}, and {world.release} answers now")
        if what.trace is None:
            raise ExpiredError("this slate was given before traces were kept")
        [row] = world.items.tables.index.rows([item_id])
        told = what.trace.why(item_id, int(row))
        about = {"slate_id": slate_id, "policy": what.slate.policy, "release": what.slate.release}
        return about | {"item_id": item_id, **told}

    async def _recalled(self, slate_id: str, now: float) -> Kept:
        if slate_id in self._writing:
            await self._writing[slate_id]
        return await asyncio.to_thread(recall, self.keys, slate_id, now)

    async def of_gem(self, world: World, request: Request, deadline: Deadline) -> Explanation:
        """One gem for a person now, shown or not.

        Raises:
            NotFoundError: If nobody knows the gem.
            PartUnavailableError: If the ranker does not answer.
        """
        [row] = world.items.index.rows([request.item_id or ""])
        if not row:
            raise NotFoundError("there is no gem with this item_id")
        person = await self.answers.people.person(world, request.user_id)
        if self.answers.variant(person, request) == "static":
            world = world.as_released()
        found = find(world, person, request, must=int(row))
        served = await self.answers.scored(world, person, request, found, deadline)
        place = found.item_ids.index(request.item_id or "")
        sure = confidence(served.utilities, (place,), world.certainty)
        shown, listener = _shown(served, (place,), sure), _listener(served)
        others = [each for each in background(served, BACKGROUND + 1, self.answers.random) if each != place]
        ids = tuple(found.item_ids[each] for each in (place, *others))
        [told] = await self._full(world, shown, listener, served.vectors[others], ids, _reading(served, shown))
        EXPLANATIONS.labels("gem").inc()
        return {"item_id": request.item_id, **told}

    async def _full(
        self,
        world: World,
        shown: Shown,
        listener: Listener,
        others: Vectors,
        ids: tuple[str, ...],
        reading: Reading | None,
    ) -> list[Explanation]:
        tried = changes(listener.time_of_day, listener.context.weather)
        parts = _Hops(self.answers.models, world)
        scored = await ask(parts, shown.vectors, others, ids, tried, reading)
        with stage("explain"):
            told_in_full = full(shown, listener, scored, world.items)
        if self.narrator is None:
            return told_in_full
        with stage("narrative"):
            return await self.narrator.retell(shown.items, told_in_full, listener.language)


@dataclass(frozen=True)
class _Hops:
    """The models of a release, a hop away; see `explain.asking.Parts`."""

    models: Models
    world: World

    async def contributions(
        self, x: Vectors, item_ids: tuple[str, ...]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return await self.models.contributions(self.world, x, item_ids)

    async def scores(self, x: Vectors, item_ids: tuple[str, ...]) -> NDArray[np.float64]:
        return await self.models.scores(self.world, x, item_ids)

    async def deep(self, inputs: Tensors) -> DeepAnswer:
        return await self.models.deep_again(self.world, inputs)


def _reading(served: Served, shown: Shown) -> Reading | None:
    if "deep" in served.lost or not served.world.models:
        return None
    rows = np.array(shown.rows, dtype=np.int64)
    return Reading(deep_inputs(served.world, served.person, served.request, rows), served.world.models)


def _kept_reading(world: World, what: Kept, person: Person, shown: Shown) -> Reading | None:
    """The same afterwards, of the path up to the slate; gems of the session are not kept."""
    if "deep" in what.slate.degraded or not world.models:
        return None
    asked = Request(what.slate.user_id, what.context, mood=what.slate.context.get("mood"))
    return Reading(deep_inputs(world, person, asked, np.array(shown.rows, dtype=np.int64)), world.models)


def wanted(request: Request) -> Request:
    """The request behind a question about one gem: what the person knows may be asked about, too."""
    return Request(
        user_id=request.user_id,
        context=request.context,
        item_id=request.item_id,
        filters=Filters(exclude_seen=False),
        preferences=request.preferences,
        language=request.language,
        explain="full",
    )


def _room(shown: int) -> int:
    return max(LEAST_BACKGROUND, min(BACKGROUND, MOST_ROWS - shown))


def _listener(served: Served) -> Listener:
    request = served.request
    return Listener(request.context, request.language, request.preferences, served.found.history)


def _shown(served: Served, places: Sequence[int], sure: tuple[float, ...]) -> Shown:
    rows = tuple(int(served.found.rows[place]) for place in places)
    return Shown(
        items=tuple(served.world.items.item(row) for row in rows),
        rows=rows,
        vectors=served.vectors[list(places)],
        sources=tuple(served.found.sources[place] for place in places),
        confidence=sure,
        fired=explained(served.filled.fired),
    )


def _kept_shown(world: World, what: Kept) -> Shown:
    rows = tuple(world.items.index.rows([place.item_id for place in what.slate.places]).tolist())
    return Shown(
        items=tuple(world.items.item(row) for row in rows),
        rows=rows,
        vectors=what.vectors,
        sources=tuple(place.sources for place in what.slate.places),
        confidence=what.confidence,
        fired=what.fired,
    )
