"""Ranking: the 60 features of each candidate, one score a candidate, and the order that follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.datasets.dataset import Dataset
from hidden_gems.datasets.interactions import Index, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.features.counts import raw_columns
from hidden_gems.features.vector import feature_matrix
from hidden_gems.models.protocol import Recommender
from hidden_gems.recommend.candidates import NO_ITEM, CandidateGenerator, Candidates
from hidden_gems.recommend.deep import SCORE_FEATURES

SOURCES = ("item_knn",)
"""Models that are sources of candidates as well: those that serving asks without a hop."""

_PEOPLE_AT_ONCE = 2_000


class FeatureRanker(Protocol):
    """Score rows of the 60 features; higher is better."""

    def score(self, features: NDArray[np.float32]) -> NDArray[np.floating]:
        """Score of each row, n X 60 gives n."""
        ...


@dataclass(frozen=True)
class Funnel:
    """Candidates of each person, ordered by a ranker.

    Notation: B people, I items with the unknown row 0, N candidates a person, M marks.
    """

    ranker: FeatureRanker
    dataset: Dataset  # events behind the counts; only those before the moment of a mark are looked at
    generator: CandidateGenerator
    scorers: Mapping[str, Recommender]  # by model name; their scores are features
    users: Index
    items: Index

    def catalogue(self, users: Rows, when: int, repeat: bool) -> NDArray[np.float32]:
        """Scores of all items, B X I: candidates first, below them the others in order of item_knn, else popularity."""
        parts = [
            self._part(users[s : s + _PEOPLE_AT_ONCE], when, repeat) for s in range(0, len(users), _PEOPLE_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.empty((0, len(self.items)), dtype=np.float32)

    def _part(self, users: Rows, when: int, repeat: bool) -> NDArray[np.float32]:
        found, tables = candidates_of(self.generator, self.scorers, users, when, repeat)
        row, place = np.nonzero(found.items != NO_ITEM)
        item = found.items[row, place]
        scores = _below(tables.get("item_knn", self.generator.popular), len(users))
        if len(item):
            marks = pd.DataFrame(
                {
                    "user_id": np.array(self.users.ids, dtype=object)[users[row]],
                    "item_id": np.array(self.items.ids, dtype=object)[item],
                    "timestamp": np.full(len(item), when, dtype=np.int64),
                }
            )
            moments = Moments.at(np.full(len(item), when))
            given = {
                name: tables[name][row, item] if name in tables else model.score(users[row], item, moments)
                for name, model in self.scorers.items()
            }
            ranked = self._score(marks, given)
            scores[row, item] = ranked - ranked.min()
        scores[:, 0] = -np.inf
        return scores

    def pairs(self, marks: pd.DataFrame) -> NDArray[np.float32]:
        """Score of each mark (user_id, item_id, timestamp, context columns where known) as of its moment, M."""
        user, item = self.users.rows(marks["user_id"].tolist()), self.items.rows(marks["item_id"].tolist())
        when = Moments.of(marks)
        return self._score(marks, {name: model.score(user, item, when) for name, model in self.scorers.items()})

    def _score(self, marks: pd.DataFrame, scores: Mapping[str, NDArray[np.floating]]) -> NDArray[np.float32]:
        features = ranking_features(raw_columns(self.dataset, marks), scores)
        return np.asarray(self.ranker.score(features), dtype=np.float32)


def ranking_features(raw: pd.DataFrame, scores: Mapping[str, NDArray[np.floating]]) -> NDArray[np.float32]:
    """The 60 features of M marks from their raw columns and the scores of models by model name, M X 60."""
    columns = {str(name): raw[name].to_numpy(np.float64) for name in raw.columns}
    return feature_matrix(columns, {SCORE_FEATURES[name]: value for name, value in scores.items()})


def candidates_of(
    generator: CandidateGenerator, scorers: Mapping[str, Recommender], users: Rows, when: int, repeat: bool
) -> tuple[Candidates, dict[str, NDArray[np.float32]]]:
    """Candidates of B people, and the scores of all items by each model that is a source, B X I."""
    moments = Moments.at(np.full(len(users), when))
    tables = {name: scorers[name].score_catalogue(users, moments) for name in SOURCES if name in scorers}
    return generator.generate(users, repeat, tables), tables


def _below(scores: NDArray[np.floating], people: int) -> NDArray[np.float32]:
    """Scores from -2 to -1 in the same order, below any candidate's, which start at 0; B X I, or I for all alike."""
    known = np.maximum(np.where(np.isfinite(scores), scores, 0.0), 0.0)
    share = known / np.maximum(known.max(axis=-1, keepdims=True), np.finfo(np.float32).tiny) - 2.0
    below: NDArray[np.float32] = np.broadcast_to(share, (people, scores.shape[-1])).astype(np.float32)
    return below
