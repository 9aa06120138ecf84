"""What a release knows about items without a model call: attributes, popularity, neighbours, candidates."""

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.datasets.interactions import Index, Rows
from hidden_gems.features.attributes import AttributeEncoder
from hidden_gems.features.item_table import ItemTable
from hidden_gems.recommend.candidates import CandidateGenerator

_ITEMS, _NEIGHBOURS, _CANDIDATES = "items.json", "neighbours.npz", "candidates.npz"


@dataclass(frozen=True)
class ReleaseTables:
    """Item side of a release; nothing in it belongs to a person.

    Notation: I items with the unknown row 0, N neighbours.
    """

    columns: dict[str, list[Any]]  # of the item table of the dataset, None where unknown, I - 1 each
    neighbours: Rows  # of each item, nearest first, 0 where short, I X N
    weights: NDArray[np.float32]  # their similarities, I X N
    prior: NDArray[np.float64]  # trace of popularity that `item_knn` adds, I
    generator: CandidateGenerator  # with nobody's history
    together: NDArray[np.int32] | None = None  # people who liked an item and each neighbour, I X N; None: not counted

    @cached_property
    def index(self) -> Index:
        """Row of every item id, the same as in the models."""
        return Index(self.columns["item_id"])

    @cached_property
    def attributes(self) -> ItemTable:
        """Attributes behind the features."""
        return ItemTable(dict(self.columns))

    @cached_property
    def encoder(self) -> AttributeEncoder:
        """Attributes as the models of the release read them."""
        return AttributeEncoder.fit(pd.DataFrame(self.columns))

    def item(self, row: int) -> dict[str, Any]:
        """All columns of an item; empty for the unknown one."""
        return {name: values[row - 1] for name, values in self.columns.items()} if row else {}

    def collaborative(self, liked: Rows, reward: NDArray[np.float64]) -> NDArray[np.float32]:
        """What `ItemKNN` would score for someone who liked these, float32, size I; -inf in column 0.

        Args:
            liked: Items the person liked, each once.
            reward: Best reward they gave each.
        """
        scores = self.prior.copy()
        np.add.at(scores, self.neighbours[liked], self.weights[liked] * reward[:, None])
        scores[0] = -np.inf
        return scores.astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write three files into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        clean = {name: [_plain(value) for value in values] for name, values in self.columns.items()}
        (folder / _ITEMS).write_text(json.dumps(clean, ensure_ascii=False, allow_nan=False), encoding="utf-8")
        counted = {} if self.together is None else {"together": self.together}
        np.savez(
            folder / _NEIGHBOURS,
            rows=self.neighbours,
            weights=self.weights,
            prior=self.prior,
            allow_pickle=False,
            **counted,
        )
        self.generator.save(folder / _CANDIDATES)

    @classmethod
    def load(cls, folder: Path) -> "ReleaseTables":
        """Read what `save` wrote."""
        columns = json.loads((folder / _ITEMS).read_text(encoding="utf-8"))
        with np.load(folder / _NEIGHBOURS) as file:
            neighbours, weights, prior = file["rows"], file["weights"], file["prior"]
            together = file.get("together")
        return cls(columns, neighbours, weights, prior, CandidateGenerator.load(folder / _CANDIDATES), together)


def _plain(value: Any) -> Any:
    """A JSON value: what is missing in any way is None, numpy numbers are plain."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if value is None or value != value or (isinstance(value, float) and math.isinf(value)) else value
