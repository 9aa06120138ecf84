"""When something happens, and what is known about that moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hidden_gems.datasets.contract import MOODS, WEATHER_ALIASES, WEATHERS

Codes = NDArray[np.int64]
"""Place of a word in its vocabulary, from 1; 0 is unknown."""

_WEATHER_CODES = {word: code for code, word in enumerate(WEATHERS, 1)}
_WEATHER_CODES |= {alias: _WEATHER_CODES[word] for alias, word in WEATHER_ALIASES.items()}
_MOOD_CODES = {word: code for code, word in enumerate(MOODS, 1)}


@dataclass(frozen=True)
class Moments:
    """Moments of B requests or events."""

    timestamp: NDArray[np.int64]  # epoch seconds (or an order), B
    weather: Codes  # of `contract.WEATHERS`, B
    temperature_c: NDArray[np.float32]  # degrees Celsius, NaN where unknown, B
    mood: Codes  # of `contract.MOODS`, B

    @classmethod
    def at(
        cls,
        timestamp: NDArray[np.int64],
        *,
        weather: Sequence[Any] | None = None,
        temperature_c: Sequence[Any] | None = None,
        mood: Sequence[Any] | None = None,
    ) -> Self:
        """Moments by their times and words; a word that is no string or not in its vocabulary is unknown.

        Examples:
            >>> Moments.at(np.array([5, 6]), weather=["rainy", None]).weather.tolist()
            [5, 0]
        """
        size = len(timestamp)
        degrees = np.full(size, np.nan) if temperature_c is None else pd.to_numeric(pd.Series(temperature_c))
        return cls(
            timestamp=np.asarray(timestamp, dtype=np.int64),
            weather=_codes(weather, _WEATHER_CODES, size),
            temperature_c=np.asarray(degrees, dtype=np.float32),
            mood=_codes(mood, _MOOD_CODES, size),
        )

    @classmethod
    def of(cls, table: pd.DataFrame) -> Self:
        """Moments of the rows of a table with a timestamp and those context columns that it has."""
        known = {name: table[name].tolist() for name in ("weather", "temperature_c", "mood") if name in table}
        return cls.at(table["timestamp"].to_numpy(np.int64), **known)

    def __len__(self) -> int:
        return len(self.timestamp)

    def __getitem__(self, rows: "NDArray[Any] | slice") -> Self:
        """Some of the moments, in the order of `rows`."""
        return type(self)(self.timestamp[rows], self.weather[rows], self.temperature_c[rows], self.mood[rows])


def _codes(words: Sequence[Any] | None, vocabulary: dict[str, int], size: int) -> Codes:
    if words is None:
        return np.zeros(size, dtype=np.int64)
    return np.fromiter((vocabulary.get(w, 0) if isinstance(w, str) else 0 for w in words), np.int64, count=size)
