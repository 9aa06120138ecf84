"""What is known about an item as a vector, also for an item that arrives after the release."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.datasets.contract import FILES, SETTINGS, TIMES_OF_DAY

NUMBERS = ("hidden_factor", "authenticity", "tourist_ratio", "crowd_level", "price_level")
MAX_TYPES, MAX_NEIGHBORHOODS = 48, 48
"""Words that get a column of their own, the most frequent ones; the others share `other`."""
_RANGES = {column.name: (column.low or 0.0, column.high or 1.0) for column in FILES["items"] if column.name in NUMBERS}
_SPREADS = 3.0  # coordinates further out than this many spreads are cut


@dataclass(frozen=True)
class AttributeEncoder:
    """Turn rows of an items table into vectors; learned once from a catalogue, kept with the release.

    Columns: each number scaled to 0-1 and a flag that it is known; north and east of the median place in spreads (half
    the range between the 10 % and 90 % quantiles) and a flag; one column each for type, neighborhood, setting and time
    of day. What is missing is 0.
    """

    types: tuple[str, ...]
    neighborhoods: tuple[str, ...]
    center: tuple[float, float]  # degrees of latitude and longitude
    spread: tuple[float, float]  # degrees

    @classmethod
    def fit(cls, items: pd.DataFrame) -> Self:
        """Learn words and the map's scale from a catalogue."""
        center, spread = zip(*(_scale(_numbers(items, name)) for name in ("lat", "lon")), strict=True)
        return cls(
            types=_frequent(_words(items, "type"), MAX_TYPES),
            neighborhoods=_frequent(_words(items, "neighborhood"), MAX_NEIGHBORHOODS),
            center=center,
            spread=spread,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each column, A of them."""
        numbers = (name for number in NUMBERS for name in (number, f"{number}_known"))
        words = {"type": self.types, "neighborhood": self.neighborhoods, "setting": SETTINGS, "best_time": TIMES_OF_DAY}
        others = {"type": ("other",), "neighborhood": ("other",)}
        one_hot = (f"{name}={word}" for name in words for word in (*words[name], *others.get(name, ())))
        return (*numbers, "north", "east", "place_known", *one_hot)

    def encode(self, items: pd.DataFrame) -> NDArray[np.float32]:
        """Vector of each row, float32, size len(items) X A."""
        parts = [*self._scaled_numbers(items), *self._place(items)]
        for name, words, rest in (
            ("type", self.types, True),
            ("neighborhood", self.neighborhoods, True),
            ("setting", SETTINGS, False),
            ("best_time", TIMES_OF_DAY, False),
        ):
            parts += _one_hot(_words(items, name), words, rest)
        return np.column_stack(parts).astype(np.float32).reshape(len(items), len(self.names))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what `to_dict` gave, also after a way through JSON."""
        return cls(**{name: tuple(value) for name, value in values.items()})

    def _scaled_numbers(self, items: pd.DataFrame) -> Iterable[NDArray[np.float64]]:
        for name in NUMBERS:
            low, high = _RANGES[name]
            value = _numbers(items, name)
            known = ~np.isnan(value)
            yield np.where(known, (value - low) / (high - low), 0.0)
            yield known.astype(np.float64)

    def _place(self, items: pd.DataFrame) -> Iterable[NDArray[np.float64]]:
        lat, lon = _numbers(items, "lat"), _numbers(items, "lon")
        known = ~(np.isnan(lat) | np.isnan(lon))
        for degrees, center, spread in zip((lat, lon), self.center, self.spread, strict=True):
            yield np.where(known, np.clip((degrees - center) / spread, -_SPREADS, _SPREADS), 0.0)
        yield known.astype(np.float64)


@dataclass(frozen=True)
class ItemAttributes:
    """Attribute vectors of a catalogue in the order of its rows; row 0, the unknown item, is all zeros."""

    names: tuple[str, ...]  # A
    vectors: NDArray[np.float32]  # I X A
    encoder: AttributeEncoder  # for items that come later


def attribute_vectors(items: pd.DataFrame) -> ItemAttributes:
    """Attribute vectors of an items table (its rows become 1, 2, ...), for any mixture of known and missing columns.

    Args:
        items: Items table of a dataset; of its columns any may be missing or null.

    Examples:
        >>> catalogue = pd.DataFrame({"item_id": ["g1", "g2"], "type": ["cafe", None], "authenticity": [0.8, None]})
        >>> attributes = attribute_vectors(catalogue)
        >>> attributes.vectors[:, attributes.names.index("type=cafe")].tolist()
        [0.0, 1.0, 0.0]
    """
    encoder = AttributeEncoder.fit(items)
    unknown = np.zeros((1, len(encoder.names)), dtype=np.float32)
    return ItemAttributes(encoder.names, np.concatenate([unknown, encoder.encode(items)]), encoder)


def _numbers(items: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in items:
        return np.full(len(items), np.nan)
    return np.asarray(pd.to_numeric(items[name]), dtype=np.float64)


def _words(items: pd.DataFrame, name: str) -> list[str | None]:
    if name not in items:
        return [None] * len(items)
    return [word if isinstance(word, str) and word else None for word in items[name].tolist()]


def _frequent(words: list[str | None], most: int) -> tuple[str, ...]:
    counts = Counter(word for word in words if word is not None)
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return tuple(sorted(ranked[:most]))


def _scale(degrees: NDArray[np.float64]) -> tuple[float, float]:
    known = degrees[~np.isnan(degrees)]
    if not len(known):
        return 0.0, 1.0
    low, middle, high = np.quantile(known, [0.1, 0.5, 0.9])
    return float(middle), float(high - low) / 2 or 1.0


def _one_hot(words: list[str | None], vocabulary: tuple[str, ...], rest: bool) -> list[NDArray[np.float64]]:
    columns = [np.array([word == known for word in words], dtype=np.float64) for known in vocabulary]
    if rest:
        known = set(vocabulary)
        columns.append(np.array([word is not None and word not in known for word in words], dtype=np.float64))
    return columns
