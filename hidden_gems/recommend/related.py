"""Gems like a gem: by what people like together, and where nobody has met it, by attributes and words."""

import re
import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hidden_gems.features.raw import ATTRIBUTES
from hidden_gems.recommend.live import LiveItems

Floats = NDArray[np.float64]

LEAST_PEOPLE = 10
"""People who must have liked two gems before anybody is told that they go together: fewer would be told apart."""
_WORDS = 512  # hash buckets of the texts
_TEXTS = ("name", "tags", "description_en", "description_tr")
_HALF_KM = 2.0  # distance at which nearness has fallen to a half
_KM_PER_DEGREE = 111.2
_WEIGHTS = {"type": 0.4, "neighborhood": 0.15, "attributes": 0.15, "near": 0.1, "text": 0.2}


def similarity(items: LiveItems, row: int) -> Floats:
    """How like a gem every other one is, 0 or more, I; -inf for itself and where nothing links them.

    Neighbours of the release's item-to-item model come first, above 1, where `LEAST_PEOPLE` liked both; a gem it has
    not learned, or that few have liked, is compared by what is known about it, up to 1.

    Args:
        items: The catalogue.
        row: Of the gem, not 0.
    """
    found = _described(items, row)
    if row < len(items.tables.index) and items.tables.together is not None:
        near, weights = items.tables.neighbours[row], items.tables.weights[row].astype(np.float64)
        linked = (near > 0) & (weights > 0) & (items.tables.together[row] >= LEAST_PEOPLE)
        found[near[linked]] = 1.0 + weights[linked]
    found[[0, row]] = -np.inf
    return np.where(found > 0, found, -np.inf)


def _described(items: LiveItems, row: int) -> Floats:
    parts = {
        "type": _same(items.types, row),
        "neighborhood": _same(items.neighborhoods, row),
        "attributes": _alike(items, row),
        "near": _near(items, row),
        "text": _texts(items, row),
    }
    return np.asarray(sum(_WEIGHTS[name] * part for name, part in parts.items()), dtype=np.float64)


def _same(words: NDArray[np.object_], row: int) -> Floats:
    return np.zeros(len(words)) if words[row] is None else (words == words[row]).astype(np.float64)


def _alike(items: LiveItems, row: int) -> Floats:
    """1 less the mean distance of the attributes that both have, scaled by their spread in the catalogue."""
    table = np.stack([items.static[f"item_{name}"] for name in ATTRIBUTES], axis=1)
    known = np.isfinite(table)
    low = np.where(known, table, np.inf).min(axis=0)
    high = np.where(known, table, -np.inf).max(axis=0)
    apart = np.abs(table - table[row]) / np.where(high > low, high - low, 1.0)
    both = np.isfinite(apart)
    mean = np.where(both, apart, 0.0).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    return np.asarray(np.where(both.any(axis=1), 1.0 - mean, 0.0), dtype=np.float64)


def _near(items: LiveItems, row: int) -> Floats:
    lat, lon = items.static["item_lat"], items.static["item_lon"]
    shrink = np.cos(np.radians(lat[row]))
    km = np.hypot(lat - lat[row], (lon - lon[row]) * shrink) * _KM_PER_DEGREE
    return np.asarray(np.nan_to_num(0.5 ** (km / _HALF_KM)), dtype=np.float64)


def _texts(items: LiveItems, row: int) -> Floats:
    table = _bags(items)
    return np.asarray(table @ table[row], dtype=np.float64)


@lru_cache(maxsize=2)
def _bags(items: LiveItems) -> Floats:
    """Hashed bags of words of unit length, one a row."""
    columns = [items.columns[name] for name in _TEXTS if name in items.columns]
    texts = ["", *(" ".join(str(part) for part in parts if part) for parts in zip(*columns, strict=True))]
    texts += [""] * (len(items.index) - len(texts))
    table = np.zeros((len(texts), _WORDS))
    for number, text in enumerate(texts):
        for word in re.findall(r"\w{3,}", text.lower()):
            table[number, zlib.crc32(word.encode()) % _WORDS] += 1.0
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    return np.asarray(table / np.where(lengths > 0, lengths, 1.0), dtype=np.float64)
