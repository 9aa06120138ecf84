"""Business rules and weights of the re-ranking: one file, obeyed without a restart; `business.toml` is its manual."""

import logging
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.core.errors import BadInputError
from hidden_gems.features.request import RequestContext
from hidden_gems.recommend.live import LiveItems

FILE = "business.toml"
Source = Literal[
    "recent_popular", "nearby", "own", "new", "item_knn", "sasrec", "graphsage", "trending", "this_hour", "online",
    "editorial",
]  # fmt: skip
"""Sources of candidates that can be switched off; popularity fills what the others leave."""
STEP = 0.5
"""Standard deviations of utility that a weight of 1 is worth, the same as a soft wish."""
BUSINESSES = ("cafe", "bakery", "restaurant", "bar", "bookshop", "craft", "hammam")
_FEW_TOURISTS, _LOW_PRICE = 0.3, 2.0
_log = logging.getLogger("gems")


class Business(BaseModel):
    """What `business.toml` says; every number is explained there."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rare_share: float = Field(ge=0, le=1)
    floor: float = Field(ge=0, le=0.4)
    ceiling_open: float = Field(gt=0, le=1)
    ceiling_hidden: float = Field(gt=0, le=1)
    explored_share: float = Field(ge=0, le=1)
    diversity: float = Field(ge=0, le=10)
    weight_new: float = Field(ge=-10, le=10)
    weight_small: float = Field(ge=-10, le=10)
    new_days: float = Field(gt=0, le=3650)
    sources_off: tuple[Source, ...] = Field(strict=False)
    editorial: tuple[str, ...] = Field(strict=False, max_length=200)

    def added(self, items: LiveItems, rows: NDArray[np.int64], at: RequestContext) -> NDArray[np.float64] | None:
        """What the weights add to the utility of n candidates, in standard deviations; None where they are 0.

        Args:
            items: The catalogue.
            rows: Of the candidates, n.
            at: Moment of the request; nothing is new where times are only an order.
        """
        if not (self.weight_new or self.weight_small):
            return None
        found = np.zeros(len(rows))
        if self.weight_new and not at.order_only:
            found += STEP * self.weight_new * is_new(items, at.timestamp, self.new_days)[rows]
        if self.weight_small:
            found += STEP * self.weight_small * small_businesses(items)[rows]
        return found


def is_new(items: LiveItems, timestamp: int, days: float) -> NDArray[np.bool_]:
    """Gems that were first seen in so many days before a second, I."""
    return np.asarray(items.static["item_created_at"] > timestamp - days * DAY_SECONDS)


def small_businesses(items: LiveItems) -> NDArray[np.bool_]:
    """Gems that stand for small local businesses, I; the catalogue does not say who owns a place."""
    few = items.static["item_tourist_ratio"] <= _FEW_TOURISTS
    cheap = items.static["item_price_level"] <= _LOW_PRICE
    return np.asarray(few & cheap & np.isin(items.types.astype(str), BUSINESSES))


@cache
def shipped() -> Business:
    """The file of the package."""
    return Business(**_table(_shipped_text()))


def parse(text: str) -> Business:
    """Read a file; what it leaves out is as shipped.

    Raises:
        BadInputError: If it cannot be obeyed; names the line.
    """
    given = _table(text)
    try:
        return Business(**{**_table(_shipped_text()), **given})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise BadInputError(f"{name} (at line {_line(text, name)}): {first['msg']}") from error


@dataclass
class BusinessFile:
    """A file that may change at any time.

    Args:
        path: Where it lies; where nothing does, the shipped one is obeyed.
    """

    path: Path
    obeyed: Business = field(default_factory=shipped, init=False)
    refused: bool = field(default=False, init=False)  # what lies there now is not obeyed
    _read: bytes | None = field(default=None, init=False)

    def look(self) -> Business:
        """What is to be obeyed from now on; a mistake is logged once."""
        try:
            text = self.path.read_bytes() if self.path.exists() else None
            if text == self._read:
                return self.obeyed
            self._read = text
            self.obeyed, self.refused = shipped() if text is None else parse(text.decode()), False
        except (BadInputError, OSError, UnicodeDecodeError) as error:
            self.refused = True
            _log.error("%s is not obeyed, what was obeyed before stays: %s", self.path, error)
        else:
            _log.info("%s is obeyed: %s", self.path, self.obeyed)
        return self.obeyed


def _shipped_text() -> str:
    return resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")


def _table(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(str(error)) from error


def _line(text: str, name: str) -> int:
    """Number of the line that sets a key, from 1."""
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if re.match(rf"\W*{re.escape(name)}\W", line)), 0)
