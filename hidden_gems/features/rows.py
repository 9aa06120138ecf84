"""Rows of the feature store: what is known of one person or one gem at one moment, as one packed text each."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hidden_gems.features.raw import ITEM, NEIGHBORHOOD, OWN, TYPE, USER

NEW = ""
"""Id of the row that stands for everyone and everything new; no real id is empty."""

Values = tuple[float, ...]


@dataclass(frozen=True)
class UserRow:
    """A person: raw columns `USER`, and `OWN`, `TYPE` and `NEIGHBORHOOD` by gem, type and neighborhood."""

    totals: Values  # in the order of USER
    own: Mapping[str, Values] = field(default_factory=dict)  # gem → in the order of OWN
    types: Mapping[str, Values] = field(default_factory=dict)  # type → in the order of TYPE
    neighborhoods: Mapping[str, Values] = field(default_factory=dict)  # neighborhood → in the order of NEIGHBORHOOD

    def pack(self) -> str:
        """One line of JSON, the same for equal rows; `unpack` gives back equal numbers."""
        parts = (self.own, self.types, self.neighborhoods)
        maps = [{key: _plain(part[key]) for key in sorted(part)} for part in parts]
        return json.dumps([_plain(self.totals), *maps], ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def unpack(cls, text: str) -> "UserRow":
        """Read what `pack` wrote.

        Raises:
            ValueError: If the row was written with other columns.
        """
        totals, own, types, neighborhoods = json.loads(text)
        return cls(
            _values(totals, len(USER)),
            {key: _values(row, len(OWN)) for key, row in own.items()},
            {key: _values(row, len(TYPE)) for key, row in types.items()},
            {key: _values(row, len(NEIGHBORHOOD)) for key, row in neighborhoods.items()},
        )


@dataclass(frozen=True)
class ItemRow:
    """A gem: raw columns `ITEM`."""

    totals: Values  # in the order of ITEM

    def pack(self) -> str:
        """One line of JSON; `unpack` gives back equal numbers."""
        return json.dumps(_plain(self.totals), separators=(",", ":"))

    @classmethod
    def unpack(cls, text: str) -> "ItemRow":
        """Read what `pack` wrote.

        Raises:
            ValueError: If the row was written with other columns.
        """
        return cls(_values(json.loads(text), len(ITEM)))


def _blank(names: Sequence[str]) -> Values:
    return tuple(np.nan if name.endswith(("_time", "_lat", "_lon")) else 0.0 for name in names)


NEW_USER = UserRow(_blank(USER))
"""Someone nothing is known of, where the store has not even a row for new people."""
NEW_ITEM = ItemRow(_blank(ITEM))
"""A gem nothing is known of, where the store has not even a row for new gems."""


def _plain(values: Values) -> list[float | int | None]:
    return [None if math.isnan(x) else int(x) if float(x).is_integer() else float(x) for x in values]


def _values(row: Sequence[float | None], length: int) -> Values:
    if len(row) != length:
        raise ValueError(f"a row of the feature store has {len(row)} columns, expected {length}; materialize again")
    return tuple(math.nan if x is None else float(x) for x in row)
