"""One request through the funnel, stage by stage: candidates, model scores, the vector, the ranker, the order.

The stages are plain functions; whoever answers puts its calls to the models between them, in this process or as hops.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hidden_gems.catalogue.travel import travel_minutes
from hidden_gems.core.kv import KeyValue
from hidden_gems.core.names import embedding_row
from hidden_gems.datasets.interactions import Rows
from hidden_gems.features.raw import Raw
from hidden_gems.features.request import RequestContext, request_columns, user_row
from hidden_gems.features.schema import FEATURE_NAMES
from hidden_gems.features.store import RowReader
from hidden_gems.features.vector import feature_matrix
from hidden_gems.online.left import looks
from hidden_gems.online.people import left_of
from hidden_gems.recommend.business import is_new
from hidden_gems.recommend.deep import DeepAnswer, DeepModels, deep_features, deep_inputs
from hidden_gems.recommend.filters import LeftOut, left_out, whereabouts
from hidden_gems.recommend.limits import neediest
from hidden_gems.recommend.person import History, Person, history
from hidden_gems.recommend.request import Request
from hidden_gems.recommend.rules import Rules
from hidden_gems.recommend.slate import LEFT_SHARE, Beliefs, Filled, Utilities, fill, utilities, wishes
from hidden_gems.recommend.world import World

_RARE = FEATURE_NAMES.index("is_rare")
_UNKNOWN = -1e9  # below every score
NEAREST = 200
"""Gems that are near at most."""


class Ranker(Protocol):
    """LambdaMART wherever it runs."""

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score of each vector, n X 60 gives n."""
        ...


@dataclass(frozen=True)
class Found:
    """Candidates of a request, n of them, and what is known of each without a model call."""

    rows: Rows  # of the catalogue, n
    item_ids: tuple[str, ...]
    sources: tuple[tuple[str, ...], ...]
    collaborative: NDArray[np.float32]  # n
    online: NDArray[np.float64] | None  # affinity by the online factors, n
    history: History
    left_out: LeftOut
    listed: NDArray[np.float64] | None = None  # scores of a list that is no person's own, n

    @property
    def unknown(self) -> int:
        """Candidates that the caller named and nobody knows."""
        return self.left_out.unknown


def find(world: World, person: Person, request: Request, must: int = 0) -> Found:
    """Candidates of a person from all sources, those that fail a filter left out.

    Args:
        world: What the request sees.
        person: Who asks.
        request: What is asked.
        must: Row of a gem that is among the candidates in any case, 0 for none.
    """
    items, liked = world.items, history(person.row, world.items)
    out = left_out(request, person, liked, items)
    collaborative = items.collaborative(liked.rows, liked.reward)
    affinity = _affinity(world, person)
    given: dict[str, NDArray[np.floating]] = {"item_knn": collaborative}
    given |= {model: items.followers(model, liked.rows) for model in items.tables.following}
    near = nearby(world, person, request)
    if near is not None:
        given["nearby"] = near
    if world.trends:
        given |= {"trending": trending(world, request.context), "this_hour": world.this_hour(request.context)}
    if affinity is not None:
        given["online"] = affinity
    if world.business.editorial:
        given["editorial"] = _editorial(world)
    needy = neediest(world.limits.need, ~out.rows & ~world.limits.full)
    if needy.any():
        given["floor"] = np.where(needy, np.maximum(collaborative, _UNKNOWN), -np.inf)
    found = items.generator.for_one(liked.rows, out.rows, given, world.business.sources_off)
    rows, bits = found.items[0], found.sources[0].tolist()
    named = {each: found.tags(0, bits.index(each)) for each in set(bits)}
    sources = tuple(named[each] for each in bits)
    if must and must not in rows:
        rows, sources = np.append(rows, must), (*sources, ())
    return Found(
        rows=rows,
        item_ids=tuple(items.index.ids[row] for row in rows),
        sources=sources,
        collaborative=collaborative[rows],
        online=None if affinity is None else np.asarray(affinity[rows], dtype=np.float64),
        history=liked,
        left_out=out,
    )


def listed(world: World, person: Person, request: Request, scores: NDArray[np.float64], source: str) -> Found:
    """The best gems of a list that is no person's own: nothing is explored, the order is the scores'.

    Args:
        world: What the request sees.
        person: Who asks; their filters hold here too.
        request: What is asked.
        scores: Of every gem, I; -inf where one is out of the question.
        source: Name of the list.
    """
    items, liked = world.items, history(person.row, world.items)
    out = left_out(request, person, liked, items)
    able = np.where(out.rows, -np.inf, scores)
    rows = np.argsort(-able, kind="stable")[: request.limit]
    rows = rows[able[rows] > -np.inf]
    return Found(
        rows=rows,
        item_ids=tuple(items.index.ids[row] for row in rows),
        sources=((source,),) * len(rows),
        collaborative=items.collaborative(liked.rows, liked.reward)[rows],
        online=None,
        history=liked,
        left_out=out,
        listed=able[rows],
    )


def trending(world: World, context: RequestContext) -> NDArray[np.float64]:
    """Likes of every gem in the 7 days before the hour, I; -inf where there are none, or times are only an order."""
    if context.order_only:
        return np.full(len(world.items.index), -np.inf)
    return world.week(context.timestamp)


def nearby(world: World, person: Person, request: Request) -> NDArray[np.float64] | None:
    """Minus the minutes to the `NEAREST` gems as the crow flies, I; None where nobody knows where the person is.

    Whoever is far as the crow flies is far in minutes too; what lies across the water is near only as the crow flies.
    """
    lat, lon = whereabouts(request, person.row)
    if not np.isfinite(lat + lon):
        return None
    lats, lons = world.items.static["item_lat"], world.items.static["item_lon"]
    apart = np.hypot(lats - lat, (lons - lon) * np.cos(np.radians(lat)))
    rows = np.argsort(apart, kind="stable")[:NEAREST]  # NaN comes last
    scores = np.full(len(lats), -np.inf)
    scores[rows] = -np.nan_to_num(travel_minutes(lat, lon, lats[rows], lons[rows]), nan=np.inf)
    return scores


def _editorial(world: World) -> NDArray[np.float64]:
    """The list of the business, best first, I; -inf for all others, and for an id that nobody knows."""
    scores = np.full(len(world.items.index), -np.inf)
    rows = world.items.index.rows(list(world.business.editorial))
    scores[rows] = np.arange(len(rows), 0.0, -1.0)
    scores[0] = -np.inf
    return scores


def _affinity(world: World, person: Person) -> NDArray[np.float64] | None:
    """Reward the person would give every gem by the online factors, I; None for somebody without factors."""
    if world.online is None or person.factors is None:
        return None
    factors = world.online.factors
    rows = factors.index.rows(world.items.index.ids)
    return np.where(rows > 0, factors.affinity(factors.person(person.factors), rows), -np.inf)


def _left(world: World, person: Person, found: Found, at: float) -> NDArray[np.float64]:
    """How often the person was lately shown each candidate and left it, n; 0 where nothing is learned online."""
    if world.online is None or person.factors is None:
        return np.zeros(len(found.rows))
    return looks(left_of(person.factors), world.online.factors.index.rows(found.item_ids), at)


def columns(world: World, person: Person, request: Request, item_ids: Sequence[str]) -> Raw:
    """Raw columns of gems for a person at the moment of the request."""
    return request_columns(person.row, world.rows, item_ids, items=world.items.attributes, context=request.context)


def vectors(
    world: World, person: Person, request: Request, found: Found, deep: DeepAnswer | None
) -> NDArray[np.float32]:
    """The 60 features of each candidate, n X 60."""
    scores = {"collaborative_score": found.collaborative} | deep_features(world.models, deep)
    return feature_matrix(columns(world, person, request, found.item_ids), scores)


def utilities_of(world: World, person: Person, request: Request, found: Found, beliefs: Beliefs) -> Utilities:
    """What the draw is made of."""
    preferred = wishes(
        request.preferences, world.items.types[found.rows].tolist(), world.items.static["item_price_level"][found.rows]
    )
    preferred -= LEFT_SHARE * _left(world, person, found, request.context.timestamp)
    new = (found.rows > 0) & (world.items.deep_rows(found.rows) == 0)
    if not request.context.order_only:
        new |= is_new(world.items, request.context.timestamp, world.business.new_days)[found.rows]
    evidence = np.where(new, world.rows.evidence(found.item_ids), np.inf)
    business = world.business.added(world.items, found.rows, request.context)
    return utilities(beliefs, found.online, float(len(found.history.rows)), preferred, evidence, business)


def rules_of(world: World, request: Request, found: Found, features: NDArray[np.float32]) -> Rules:
    """Rules of the slate of a request; `features` are the vectors of the candidates, n X 60."""
    rare = features[:, _RARE] > 0.0
    return Rules.of(world.items, found.rows, found.item_ids, rare, world.limits, request.limit, world.business)


def choose(
    world: World,
    request: Request,
    found: Found,
    drawn_from: Utilities,
    features: NDArray[np.float32],
    random: np.random.Generator,
) -> Filled:
    """Draw the slate under its rules; `features` are the vectors of the candidates, n X 60."""
    return fill(drawn_from, rules_of(world, request, found, features), random)


@dataclass(frozen=True)
class Ranked:
    """All candidates of a request, best first.

    Notation: n candidates.
    """

    item_ids: tuple[str, ...]
    rows: Rows  # of the catalogue, n
    sources: tuple[tuple[str, ...], ...]
    vectors: NDArray[np.float32]  # what the ranker saw, n X 60
    scores: NDArray[np.float32]  # of the ranker, n
    limit: int
    shown: range = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shown", range(min(self.limit, len(self.item_ids))))


@dataclass(frozen=True)
class Answering:
    """Everything a ranked list needs, with the models in this process and nothing drawn."""

    world: World
    store: RowReader  # of people
    keys: KeyValue
    deep: DeepModels
    ranker: Ranker

    def answer(self, request: Request) -> Ranked:
        """Rank the candidates of a request; of equal scores the better candidate comes first."""
        [known] = self.keys.get([embedding_row(self.world.release, request.user_id)])
        person = Person(user_row(self.store, request.user_id), int(known) if known else 0)
        found = find(self.world, person, request)
        deep = self.deep(deep_inputs(self.world, person, request, found.rows))
        made = vectors(self.world, person, request, found, deep)
        ranked = np.asarray(self.ranker(made), dtype=np.float32)
        order = np.argsort(-ranked, kind="stable")
        return Ranked(
            item_ids=tuple(found.item_ids[place] for place in order),
            rows=found.rows[order],
            sources=tuple(found.sources[place] for place in order),
            vectors=made[order],
            scores=ranked[order],
            limit=request.limit,
        )
