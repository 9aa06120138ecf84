"""The weighted graph of a log: who met what, which items are near each other, of one type, in one neighbourhood."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree
from torch import Tensor

from hidden_gems.datasets.interactions import Interactions, Rows
from hidden_gems.features.facts import ItemFacts
from hidden_gems.models.graphsage import Edges
from hidden_gems.models.pairs import Pairs

DEGREE_SHRINKAGE = 5.0
"""Added to the strength of a node where it is divided by: few meetings count less."""
TRUST_MEETINGS = 3.0
"""People an item has met when it goes half by its own vector, half by its attributes."""
NEAR_ITEMS = 10
"""Nearest items that an item listens to."""
_GROUP_TRUST = 0.5  # of types and neighbourhoods


def strengths(log: Interactions, half_life: float = np.inf) -> tuple[Pairs, NDArray[np.float64]]:
    """Each pair that met, and how much that counts: the best reward, halved by every `half_life` later interactions.

    Recency is counted in the person's interactions, not in seconds, so that an order of events is enough.

    Args:
        log: Interactions, oldest first.
        half_life: In interactions of the person; infinite counts all alike.
    """
    pairs = Pairs.of(log)
    known = np.flatnonzero((log.user > 0) & (log.item > 0))
    by_user = known[np.argsort(log.user[known], kind="stable")]
    stop = np.cumsum(np.bincount(log.user[by_user], minlength=log.users))
    later = stop[log.user[by_user]] - 1 - np.arange(len(by_user))  # interactions of the person after this one
    keys = log.user[by_user] * log.items + log.item[by_user]
    least = np.full(len(pairs.user), np.iinfo(np.int64).max)
    np.minimum.at(least, np.searchsorted(pairs.keys, keys), later)
    return pairs, pairs.reward * 0.5 ** (least / half_life)


@dataclass(frozen=True)
class Graph:
    """People, items, types and neighbourhoods as nodes 0 to N - 1 in this order, P pairs that met."""

    pairs: Pairs
    strength: NDArray[np.float64]  # P
    facts: ItemFacts
    kinds: int
    areas: int

    @classmethod
    def of(cls, log: Interactions, facts: ItemFacts, half_life: float = np.inf) -> Self:
        """The graph of a log."""
        pairs, strength = strengths(log, half_life)
        return cls(pairs, strength, facts, int(facts.kind.max()) + 1, int(facts.area.max()) + 1)

    @property
    def users(self) -> int:
        """People, the unknown one included."""
        return self.pairs.shape[0]

    @property
    def items(self) -> int:
        """Items, the unknown one included."""
        return self.pairs.shape[1]

    @property
    def nodes(self) -> int:
        """N."""
        return self.users + self.items + self.kinds + self.areas

    def met(self, visible: NDArray[np.bool_] | None = None) -> Edges:
        """Edges both ways between people and items, divided by the square roots of both ends' sums.

        Args:
            visible: Pairs that are shown, size P; None shows all.
        """
        weight = self.strength if visible is None else self.strength * visible
        by_user = np.bincount(self.pairs.user, weights=weight, minlength=self.users) + DEGREE_SHRINKAGE
        by_item = np.bincount(self.pairs.item, weights=weight, minlength=self.items) + DEGREE_SHRINKAGE
        values = weight / np.sqrt(by_user[self.pairs.user] * by_item[self.pairs.item])
        starts, columns, order = self._layout
        table = _csr(starts, columns, np.concatenate([values, values[order]]), self.nodes)
        return Edges(table, table)  # symmetric

    def trust(self, visible: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """How far each node goes by its own vector, 0 to 1, float32, size N X 1."""
        shown = None if visible is None else visible.astype(np.float64)
        people = np.bincount(self.pairs.user, weights=shown, minlength=self.users) > 0
        meetings = np.bincount(self.pairs.item, weights=shown, minlength=self.items)
        groups = np.full(self.kinds + self.areas, _GROUP_TRUST)
        parts = (people, meetings / (meetings + TRUST_MEETINGS), groups)
        return np.concatenate(parts).astype(np.float32)[:, None]

    @cached_property
    def places(self) -> tuple[Edges, Edges, Edges]:
        """Edges of nearness, type and neighbourhood; what a node receives is a weighted mean over trusted items."""
        trust = self.trust()[self.users : self.users + self.items, 0].astype(np.float64)
        to, source, weight = nearest(self.facts.place, NEAR_ITEMS)
        near = self._edges(to + self.users, source + self.users, weight * trust[source])
        kinds = self._membership(self.facts.kind, self.users + self.items, trust)
        areas = self._membership(self.facts.area, self.users + self.items + self.kinds, trust)
        return near, kinds, areas

    def _membership(self, number: Rows, first: int, trust: NDArray[np.float64]) -> Edges:
        item = np.flatnonzero(number > 0)
        group = first + number[item]
        to, source = np.concatenate([item + self.users, group]), np.concatenate([group, item + self.users])
        return self._edges(to, source, np.concatenate([np.ones(len(item)), trust[item]]))

    def _edges(self, to: Rows, source: Rows, weight: NDArray[np.float64]) -> Edges:
        total = np.bincount(to, weights=weight, minlength=self.nodes)
        share = weight / np.maximum(total[to], np.finfo(np.float32).tiny)
        table = csr_matrix((share, (to, source)), shape=(self.nodes, self.nodes))
        turned = table.T.tocsr()
        weights, back = (_csr(each.indptr, each.indices, each.data, self.nodes) for each in (table, turned))
        return Edges(weights, back)

    @cached_property
    def _layout(self) -> tuple[Rows, Rows, Rows]:
        """Row starts and columns of the pairs both ways, and the order of the pairs by item."""
        order = np.argsort(self.pairs.item, kind="stable")
        counts = np.zeros(self.nodes, dtype=np.int64)
        counts[: self.users] = np.bincount(self.pairs.user, minlength=self.users)
        counts[self.users : self.users + self.items] = np.bincount(self.pairs.item, minlength=self.items)
        columns = np.concatenate([self.pairs.item + self.users, self.pairs.user[order]])
        return np.concatenate([[0], np.cumsum(counts)]), columns, order


def nearest(place: NDArray[np.float64], most: int) -> tuple[Rows, Rows, NDArray[np.float64]]:
    """The nearest items of each item whose place is known, with weights that fall by e over the median distance.

    Args:
        place: Degrees of latitude and longitude, NaN where unknown, I X 2.
        most: Items each.

    Returns:
        Receiving item, neighbour, weight; one row per edge.
    """
    known = np.flatnonzero(np.isfinite(place).all(axis=1))
    width = min(most, len(known) - 1)
    if width < 1:
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, np.zeros(0)
    lat, lon = np.radians(place[known]).T
    globe = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    distance, found = cKDTree(globe).query(globe, k=width + 1)
    to, source = np.repeat(known, width + 1), known[found.ravel()]
    other = to != source
    apart = distance.ravel()[other]
    scale = max(float(np.median(apart)), np.finfo(np.float32).tiny)
    return to[other], source[other], np.exp(-apart / scale)


def _csr(starts: Rows, columns: Rows, values: NDArray[np.float64], nodes: int) -> Tensor:
    row_starts, ends, weights = (
        torch.from_numpy(each)
        for each in (starts.astype(np.int64), columns.astype(np.int64), values.astype(np.float32))
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")
        return torch.sparse_csr_tensor(row_starts, ends, weights, size=(nodes, nodes), check_invariants=False)
