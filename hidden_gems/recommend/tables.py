"""What a release knows about items without a model call: attributes, popularity, neighbours, candidates."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
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

_ITEMS, _NEIGHBOURS, _CANDIDATES, _FOLLOWING = "items.json", "neighbours.npz", "candidates.npz", "following.npz"
LAST_PLACES, _EARLIER = 5, 0.7
"""Last places of a person that lists are read of, and what each earlier one counts beside the next."""


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
    following: Mapping[str, Rows] = field(default_factory=dict)  # by model: best that follow each, 0 where short, I X L

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

    def followers(self, model: str, liked: Rows) -> NDArray[np.float64]:
        """How well each item follows the last places of a person by the lists of a model, I; -inf where none names it.

        A place counts 1 over its rank in a list, summed over the lists of the last `LAST_PLACES` places.

        Args:
            model: Name in `following`.
            liked: Items the person liked, oldest first.
        """
        scores = np.zeros(len(self.index))
        for back, row in enumerate(liked[::-1][:LAST_PLACES].tolist()):
            named = self.following[model][row]
            scores[named] += _EARLIER**back / np.arange(1.0, len(named) + 1.0)
        scores[0] = 0.0
        return np.where(scores > 0.0, scores, -np.inf)

    def save(self, folder: Path) -> None:
        """Write its files into `folder`."""
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
        np.savez(folder / _FOLLOWING, allow_pickle=False, **self.following)

    @classmethod
    def load(cls, folder: Path) -> "ReleaseTables":
        """Read what `save` wrote."""
        columns = json.loads((folder / _ITEMS).read_text(encoding="utf-8"))
        with np.load(folder / _NEIGHBOURS) as file:
            neighbours, weights, prior = file["rows"], file["weights"], file["prior"]
            together = file.get("together")
        following = {}
        if (folder / _FOLLOWING).exists():  # releases before there were such lists have none
            with np.load(folder / _FOLLOWING) as file:
                following = {name: file[name] for name in file}
        generator = CandidateGenerator.load(folder / _CANDIDATES)
        return cls(columns, neighbours, weights, prior, generator, together, following)


def _plain(value: Any) -> Any:
    """A JSON value: what is missing in any way is None, numpy numbers are plain."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if value is None or value != value or (isinstance(value, float) and math.isinf(value)) else value
