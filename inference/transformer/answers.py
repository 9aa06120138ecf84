"""One request from the first look-up to the slate: the stages of the library, with hops between them."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, TypeVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.assignment import Assignment, Variant
from hidden_gems.core.errors import NotFoundError, PartUnavailableError
from hidden_gems.recommend.answering import (
    Found,
    choose,
    find,
    listed,
    trending,
    utilities_of,
    vectors,
)
from hidden_gems.recommend.certainty import confidence
from hidden_gems.recommend.deep import DeepAnswer
from hidden_gems.recommend.person import Person
from hidden_gems.recommend.related import similarity
from hidden_gems.recommend.request import Request
from hidden_gems.recommend.slate import Beliefs, Filled, Utilities, policy_name
from hidden_gems.recommend.standing_in import stand_in
from hidden_gems.recommend.world import World
from inference.shell.deadline import Deadline
from inference.transformer.metrics import stage
from inference.transformer.parts import Models, People, Vectors

T = TypeVar("T")
D = TypeVar("D")

LOST = ("features", "deep", "ranker")
"""Parts that a fallback may stand in for, in the order in which they are named."""


@dataclass(frozen=True)
class Served:
    """An answer, before it is written down in any form.

    Notation: n candidates, k of them shown.
    """

    slate_id: str
    issued: float  # epoch seconds on our clock
    request: Request
    person: Person
    world: World
    found: Found
    vectors: Vectors  # n X 60
    beliefs: Beliefs
    utilities: Utilities
    filled: Filled
    state_version: int
    lost: tuple[str, ...]  # parts answered by a fallback
    variant: Variant | Literal[""] = ""  # of the person; empty where the answer is no part of the comparison

    @property
    def policy(self) -> str:
        """Name the slate is logged with."""
        return policy_name(self.request.kind, self.lost)

    @cached_property
    def confidence(self) -> tuple[float, ...]:
        """How sure we are of each shown gem, k."""
        return confidence(self.utilities, self.filled.places, self.world.certainty)

    @property
    def personal(self) -> bool:
        """Whether the person may be named in the log: they agreed, and the store could be asked."""
        return self.person.consent and "features" not in self.lost

    @property
    def others(self) -> NDArray[np.int64]:
        """Numbers of the candidates that are not shown."""
        left = np.ones(len(self.found.rows), dtype=bool)
        left[list(self.filled.places)] = False
        return np.flatnonzero(left)


@dataclass
class Answers:
    """Makes answers; one request uses one world from start to end.

    Args:
        people: Rows of people.
        models: Deep and ranker.
        random: Of the draws.
        assignment: Who stays with the release.
    """

    people: People
    models: Models
    random: np.random.Generator = field(default_factory=np.random.default_rng)
    assignment: Assignment = field(default_factory=Assignment)

    async def answer(self, world: World, request: Request, now: float, deadline: Deadline) -> Served:
        """Answer a request, with fallbacks for parts that are away.

        Raises:
            NotFoundError: If gems like one are asked for that nobody knows.
        """
        lost: list[str] = []
        person = await _or(lost, self.people.person(world, request.user_id), Person(world.new_user))
        variant = "" if lost else self.variant(person, request)
        if variant == "static":
            world = world.as_released()
        with stage("candidates"):
            found = self._found(world, person, request)
        served = await self.scored(world, person, request, found, deadline, lost)
        with stage("draw"):
            filled = self._filled(served)
        return replace(served, filled=filled, issued=now, variant=variant)

    def variant(self, person: Person, request: Request) -> Variant | Literal[""]:
        """Of a request; empty for a list that is no person's own, and for who has not agreed to be known."""
        return self.assignment.of(request.user_id) if person.consent and request.kind == "recommend" else ""

    async def scored(
        self,
        world: World,
        person: Person,
        request: Request,
        found: Found,
        deadline: Deadline,
        lost: list[str] | None = None,
    ) -> Served:
        """Candidates with their vectors and scores, nothing drawn yet."""
        missing = [] if lost is None else lost
        deep: DeepAnswer | None = None
        if len(found.rows) and world.models:
            asked = self.models.deep_scores(world, person, request, found.rows, deadline)
            deep = await _or(missing, asked, None)
        with stage("vectors"):
            x = vectors(world, person, request, found, deep)
        beliefs, version = await self._beliefs(world, request, found, x, deep, deadline, missing)
        return Served(
            slate_id=uuid4().hex,
            issued=0.0,
            request=request,
            person=person,
            world=world,
            found=found,
            vectors=x,
            beliefs=beliefs,
            utilities=utilities_of(world, person, request, found, beliefs),
            filled=Filled((), ()),
            state_version=version,
            lost=tuple(part for part in LOST if part in missing),
        )

    async def _beliefs(
        self,
        world: World,
        request: Request,
        found: Found,
        x: Vectors,
        deep: DeepAnswer | None,
        deadline: Deadline,
        lost: list[str],
    ) -> tuple[Beliefs, int]:
        held = 0 if world.online is None else world.online.version
        nothing = np.zeros(len(found.rows))
        if found.listed is not None or not len(found.rows):
            return Beliefs(nothing if found.listed is None else found.listed, nothing, nothing), held
        ranked = await _or(lost, self.models.beliefs(world, x, found.item_ids, deadline), None)
        if ranked is None:
            return stand_in(world, request, found, deep, x), held
        return ranked.beliefs, ranked.state_version

    def _found(self, world: World, person: Person, request: Request) -> Found:
        if request.kind == "recommend":
            return find(world, person, request)
        return listed(world, person, request, self._scores(world, request), request.kind)

    def _scores(self, world: World, request: Request) -> NDArray[np.float64]:
        """Scores of every gem for a list that is no person's own."""
        if request.kind == "trending":
            return trending(world, request.context)
        [row] = world.items.index.rows([request.item_id or ""])
        if not row:
            raise NotFoundError("there is no gem with this item_id")
        return similarity(world.items, int(row))

    def _filled(self, served: Served) -> Filled:
        if served.request.kind == "recommend":
            return choose(served.world, served.request, served.found, served.utilities, served.vectors, self.random)
        count = len(served.found.rows)
        return Filled(tuple(range(count)), (1.0,) * count)


async def _or(lost: list[str], asked: Awaitable[T], fallback: D) -> T | D:
    """What a part answers; the fallback where it does not, and its name among the lost."""
    try:
        return await asked
    except PartUnavailableError as error:
        lost.append(error.part)
        return fallback


def background(served: Served, most: int, random: np.random.Generator) -> Sequence[int]:
    """Numbers of some candidates that are not shown, picked evenly."""
    others = served.others
    return sorted(random.choice(others, min(most, len(others)), replace=False).tolist())
