"""What the served graph is asked about a request, and what it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.context import context_vectors
from hidden_gems.recommend.live import LiveItems
from hidden_gems.recommend.person import Person, path
from hidden_gems.recommend.request import Request
from hidden_gems.recommend.world import World

DEEP_FEATURES = {
    "ncf": "ncf_score",
    "wide_deep": "wide_deep_score",
    "sasrec": "sasrec_score",
    "gru4rec": "gru4rec_score",
    "graphsage": "graphsage_score",
}
"""Models that the served graph may hold, and the feature that the score of each is."""
SCORE_FEATURES = DEEP_FEATURES | {"item_knn": "collaborative_score"}
"""Which feature the score of each model is."""

Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class DeepAnswer:
    """What the served graph says about a request.

    Notation: K models of the release, n candidates, L events of the history, D width of the vector.
    """

    scores: NDArray[np.float32]  # in the order of the release's models, K X n
    attention: NDArray[np.float32]  # SASRec's, over the history it was given, zeros where there is no SASRec, L
    vector: NDArray[np.float32]  # of the person, D


class DeepModels(Protocol):
    """The served graph, wherever it runs."""

    @property
    def names(self) -> Sequence[str]:
        """Models in the order of the rows of the scores."""
        ...

    def __call__(self, inputs: Tensors) -> DeepAnswer:
        """Answer the inputs that `deep_inputs` made."""
        ...


def deep_inputs(world: World, person: Person, request: Request, rows: Rows) -> dict[str, NDArray[Any]]:
    """Tensors of the call to the served graph for n candidates.

    Returns:
        `user` int64 [1]; `rows` int64 [n], those of gems newer than the release follow its last row; `context` float32
        [1, C]; `history` int64 [1, L] and `ages` float32 [1, L], see `person.path`; `new` float32 [m, A], attributes
        of the newer gems among the candidates.
    """
    at = request.context
    when = Moments.at(
        np.array([at.timestamp]), weather=[at.weather], temperature_c=[at.temperature_c], mood=[request.mood]
    )
    told = path(person, request, world.items)
    asked, new = _newer(world.items, rows)
    return {
        "user": np.array([person.embedding], dtype=np.int64),
        "rows": asked,
        "context": context_vectors(when, at.timezone, order_only=at.order_only),
        "history": told.rows[None],
        "ages": told.ages[None],
        "new": new,
    }


def deep_answer(outputs: Tensors) -> DeepAnswer:
    """The outputs of the served graph."""
    return DeepAnswer(outputs["scores"], outputs["attention"][0], outputs["vector"][0])


def deep_features(models: Sequence[str], answer: DeepAnswer | None) -> dict[str, NDArray[np.float32]]:
    """Scores by the feature each is; nothing where the graph did not answer."""
    return {} if answer is None else {DEEP_FEATURES[name]: answer.scores[row] for row, name in enumerate(models)}


def _newer(items: LiveItems, rows: Rows) -> tuple[Rows, NDArray[np.float32]]:
    """Rows as the graph knows them, and attributes of the gems that are newer than the release."""
    released = len(items.tables.index)
    later = rows >= released
    fresh, place = np.unique(rows[later], return_inverse=True)
    asked = rows.copy()
    asked[later] = released + place
    return asked, items.newer_attributes[fresh - released]
