"""The blend on the bench: members fitted before a cut-off, weighed by what each did on what was held out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.benchmark.contender import Scores
from hidden_gems.datasets.interactions import Index, Interactions, Rows
from hidden_gems.datasets.moments import Moments
from hidden_gems.evaluation.truth import seen_matrix
from hidden_gems.models.blend import Blend, buckets
from hidden_gems.models.protocol import Recommender

_CELLS = 8_000_000  # scores of one member at a time


@dataclass(frozen=True)
class Blended:
    """Members and their weights, asked at the cut-off."""

    blend: Blend
    members: Mapping[str, Recommender]  # by name, at least those of the blend
    log: Interactions  # what the members learned from
    known: Interactions  # what people know, refusals included
    users: Index
    items: Index
    cut: int

    def catalogue(self, users: Rows, repeat: bool) -> Scores:
        """See `Contender`."""
        found = np.empty((len(users), self.log.items), dtype=np.float32)
        seen = seen_matrix(self.known)
        step = max(1, _CELLS // self.log.items)
        for start in range(0, len(users), step):
            part = users[start : start + step]
            hidden = np.zeros((len(part), self.log.items), dtype=bool)
            if not repeat:
                hidden |= seen[part].toarray() > 0
            hidden[:, 0] = True
            found[start : start + step] = self._combined(part, hidden, repeat)
        return found

    def pairs(self, marks: pd.DataFrame) -> Scores:
        """See `Contender`; an impression is ranked against the whole catalogue as of the cut-off."""
        user, item = self.users.rows(marks["user_id"].tolist()), self.items.rows(marks["item_id"].tolist())
        people, row = np.unique(user, return_inverse=True)
        return self.catalogue(people, True)[row, np.maximum(item, 1)]

    def _combined(self, users: Rows, hidden: NDArray[np.bool_], repeat: bool) -> Scores:
        weights, when = self.blend.weights(repeat), Moments.at(np.full(len(users), self.cut))
        tables = {name: self.members[name].score_catalogue(users, when) for name in weights.members}
        return weights.combine(tables, buckets(self.log, users), hidden)
