"""One request through the funnel: rows of the store, candidates, model scores, the vector, the ranker, the order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core.kv import KeyValue
from hidden_gems.core.names import embedding_row
from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.features.context import context_vectors
from hidden_gems.features.live_rows import ItemRows
from hidden_gems.features.raw import OWN
from hidden_gems.features.request import RequestContext, request_vectors, user_row
from hidden_gems.features.rows import UserRow
from hidden_gems.features.store import FeatureStore
from hidden_gems.recommend.candidates import NO_ITEM
from hidden_gems.recommend.tables import ReleaseTables

DEEP_FEATURES = {"ncf": "ncf_score"}
"""Feature that each row of the served graph's scores is, by model."""


class DeepModels(Protocol):
    """The served graph."""

    @property
    def names(self) -> Sequence[str]:
        """Models in the order of the rows of the scores."""
        ...

    def __call__(self, user: int, rows: Rows, context: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of n candidates by each model, names X n, for a row of the person and a context of size 1 X C."""
        ...


class Ranker(Protocol):
    """LambdaMART wherever it runs."""

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score of each vector, n X 60 gives n."""
        ...


@dataclass(frozen=True)
class Request:
    """What somebody asks."""

    user_id: str  # pseudonym; someone unknown is a cold start
    context: RequestContext
    limit: int = 10
    repeat: bool = False  # whether what the person knows may come again


@dataclass(frozen=True)
class Ranked:
    """All candidates of a request, best first.

    Notation: n candidates.
    """

    item_ids: tuple[str, ...]
    rows: Rows  # of the release's tables, n
    sources: tuple[tuple[str, ...], ...]
    vectors: NDArray[np.float32]  # what the ranker saw, n X 60
    scores: NDArray[np.float32]  # of the ranker, n
    limit: int
    shown: range = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shown", range(min(self.limit, len(self.item_ids))))


@dataclass(frozen=True)
class Answering:
    """Everything an answer needs, and the two calls that may be hops."""

    release: str  # version
    tables: ReleaseTables
    store: FeatureStore  # of people
    gems: ItemRows
    keys: KeyValue
    deep: DeepModels
    ranker: Ranker

    def answer(self, request: Request) -> Ranked:
        """Rank the candidates of a request; of equal scores the better candidate comes first."""
        user = user_row(self.store, request.user_id)
        liked, reward, when = self._history(user)
        collaborative = self.tables.collaborative(liked, reward)
        candidates = self.tables.generator.with_history(
            Interactions(np.ones(len(liked), np.int64), liked, when, reward.astype(np.float32), 2, len(collaborative))
        ).generate(np.array([1]), request.repeat, {"item_knn": collaborative[None]})
        places = np.flatnonzero(candidates.items[0] != NO_ITEM)
        rows = candidates.items[0][places]
        ids = [self.tables.index.ids[row] for row in rows]
        scores = {"collaborative_score": collaborative[rows]} | self._deep(request, rows)
        vectors = request_vectors(
            user, self.gems, ids, items=self.tables.attributes, context=request.context, scores=scores
        )
        ranked = np.asarray(self.ranker(vectors), dtype=np.float32)
        order = np.argsort(-ranked, kind="stable")
        return Ranked(
            item_ids=tuple(ids[place] for place in order),
            rows=rows[order],
            sources=tuple(candidates.tags(0, int(places[place])) for place in order),
            vectors=vectors[order],
            scores=ranked[order],
            limit=request.limit,
        )

    def _history(self, row: UserRow) -> tuple[Rows, NDArray[np.float64], NDArray[np.int64]]:
        """Items of the release the person liked, the best reward and the last time of each, oldest first."""
        own = {name: dict(zip(OWN, values, strict=True)) for name, values in row.own.items()}
        items = self.tables.index.rows(list(own))
        reward = np.array([values["own_best_reward"] for values in own.values()], dtype=np.float64)
        times = np.nan_to_num(np.array([values["own_last_time"] for values in own.values()], dtype=np.float64))
        order = [place for place in np.argsort(times, kind="stable") if items[place]]
        return items[order], reward[order], times[order].astype(np.int64)

    def _deep(self, request: Request, rows: Rows) -> dict[str, NDArray[np.float32]]:
        [known] = self.keys.get([embedding_row(self.release, request.user_id)])
        context = context_vectors(
            np.array([request.context.timestamp]), request.context.timezone, order_only=request.context.order_only
        )
        scores = self.deep(int(known) if known else 0, rows, context)
        return {DEEP_FEATURES[name]: scores[number] for number, name in enumerate(self.deep.names)}
