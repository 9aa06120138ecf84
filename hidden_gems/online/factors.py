"""Incremental matrix factorisation: one step of gradient descent for every event."""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hidden_gems.online.index import GrowingIndex, Rows, grown

Floats = NDArray[np.float64]
DIMENSIONS = 16


class Feedback(NamedTuple):
    """One event that counts."""

    user_id: str
    item_id: str
    reward: float  # -0.5 to 1


@dataclass
class OnlineFactors:
    """Learn a vector for every person and item whose product is the reward the person would give.

    Reward of person u for item i = bias of u + bias of i + p_u · q_i. Each event moves both vectors one step down the
    gradient of (reward - prediction)², so likes pull them together and a dismissal pushes them apart. Items live here,
    people outside: `person` reads and `packed` writes the 17 numbers of one, and a batch brings those it is about.

    Notation: D `dimensions`; a row is [bias, factors], float64, size 1 + D.

    Args:
        dimensions: Factors of a person or an item.
        learning_rate: Size of a step.
        decay: Share of a vector that a step of size 1 takes away, so that old tastes fade.
        scale: Standard deviation of the factors an item starts with. They are drawn from `seed` and its id, so they do
            not depend on the order in which items arrive.
        bound: Longest factors, and largest bias and error that count: no event can throw a vector far.
        seed: Of the draws.

    Examples:
        >>> factors = OnlineFactors(seed=7)
        >>> likes = [Feedback("ada", "balat-courtyard", 0.7), Feedback("ada", "crowded-terrace", -0.5)] * 20
        >>> people = factors.learn_many({}, likes)
        >>> rows = factors.index.rows(["balat-courtyard", "crowded-terrace", "nobody-knows"])
        >>> liked, disliked, unknown = factors.affinity(people["ada"], rows)
        >>> bool(liked > 0.4 and disliked < -0.2)
        True

    Source:
        Takács et al. (2009), Scalable Collaborative Filtering Approaches for Large Recommender Systems; one pass over a
        stream as in Vinagre et al. (2014), Fast Incremental Matrix Factorization for Recommendation with Positive-Only
        Feedback. The bounds are ours.
    """

    dimensions: int = DIMENSIONS
    learning_rate: float = 0.1
    decay: float = 0.01
    scale: float = 0.1
    bound: float = 1.0
    seed: int = 0
    index: GrowingIndex = field(default_factory=GrowingIndex, init=False, repr=False)
    _table: Floats = field(init=False, repr=False)  # [bias, factors] a row

    def __post_init__(self) -> None:
        self._table = np.zeros((1, 1 + self.dimensions))

    def add_items(self, item_ids: Iterable[str]) -> Rows:
        """Row of each item, int64, size B, with its first factors where it is new; 0 where there is no more room."""
        before = len(self.index)
        rows = self.index.grow(item_ids)
        self._table = grown(self._table, len(self.index))
        if len(self.index) > before:
            self._table[before : len(self.index), 1:] = [self._first(name) for name in self.index.ids[before - 1 :]]
        return rows

    def learn_one(self, person: Floats, item_id: str, reward: float, pace: float = 1.0) -> Floats:
        """Take one event into the item; the person's vector after it, float64, size 1 + D.

        Args:
            person: Their vector before it.
            item_id: What it is about.
            reward: -0.5 to 1.
            pace: What the person's step and decay are multiplied by; the item's stay.

        Raises:
            ValueError: If the reward is not finite.
        """
        if not np.isfinite(reward):
            raise ValueError(f"the reward of {item_id!r} must be finite, got {reward}")
        [row] = self.add_items([item_id])
        item = self._table[row]
        error = float(reward - (person[0] + item[0] + person[1:] @ item[1:]))
        error = min(max(error, -self.bound), self.bound)
        moved, item = self._step(person, item, error, pace), self._step(item, person, error)
        if row:
            self._table[row] = item
        return moved

    def learn_many(self, people: Mapping[str, Floats], events: Sequence[Feedback]) -> dict[str, Floats]:
        """Learn events in order; the same as `learn_one` for each.

        Args:
            people: Vectors of the people of the events, as `person` reads them; who is not there is new.
            events: Size B.

        Returns:
            The vector of everyone who has an event, float64, size 1 + D each.
        """
        moved: dict[str, Floats] = {}
        for user_id, item_id, reward in events:
            before = moved.get(user_id, people.get(user_id))
            moved[user_id] = self.learn_one(self.person(None) if before is None else before, item_id, reward)
        return moved

    def affinity(self, person: Floats, rows: Rows) -> Floats:
        """Reward that the person would give the items of these rows of `index`, float64, size B.

        An item of row 0 is unknown: the person's bias alone.
        """
        items = self._table[rows]
        return np.asarray(person[0] + items[:, 0] + items[:, 1:] @ person[1:], dtype=np.float64)

    def person(self, packed: bytes | None) -> Floats:
        """A person's vector, the head of what is stored of them, float64, size 1 + D; zeros for someone new.

        Raises:
            ValueError: If these are not the bytes of such a vector.
        """
        if packed is None:
            return np.zeros(1 + self.dimensions)
        size = 8 * (1 + self.dimensions)
        if len(packed) < size:
            raise ValueError(f"the factors of a person have {size} bytes or more, got {len(packed)}")
        vector = np.frombuffer(packed[:size], dtype="<f8").astype(np.float64)
        if not np.isfinite(vector).all():
            raise ValueError("the factors of a person must be finite")
        return vector

    @staticmethod
    def packed(person: Floats) -> bytes:
        """A person's vector as bytes; `person` gives back the same numbers."""
        return person.astype("<f8").tobytes()

    def table(self) -> Floats:
        """Vectors of the items by row of `index`, float64, size rows X 1 + D; `restore` takes them back."""
        return self._table[: len(self.index)].copy()

    def restore(self, item_ids: Sequence[str], table: Floats) -> Self:
        """Go back to what `table` gave for these ids.

        Raises:
            ValueError: If sizes or numbers cannot be those of items.
        """
        index = GrowingIndex(item_ids)
        if table.shape != (len(index), 1 + self.dimensions) or not np.isfinite(table).all():
            raise ValueError(f"factors of {len(index)} rows cannot have a table of {table.shape}, or one is not finite")
        self.index, self._table = index, table.astype(np.float64)
        return self

    def _step(self, vector: Floats, other: Floats, error: float, pace: float = 1.0) -> Floats:
        rate = pace * self.learning_rate
        moved = (1.0 - rate * pace * self.decay) * vector
        moved[0] = min(max(moved[0] + rate * error, -self.bound), self.bound)
        moved[1:] += rate * error * other[1:]
        length = math.sqrt(float(moved[1:] @ moved[1:]))
        if length > self.bound:
            moved[1:] *= self.bound / length
        return moved

    def _first(self, item_id: str) -> Floats:
        digest = hashlib.blake2b(item_id.encode(), digest_size=8).digest()
        random = np.random.default_rng([self.seed, int.from_bytes(digest, "little")])
        return random.normal(0.0, self.scale, self.dimensions)
