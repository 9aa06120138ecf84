"""What is known of the person who asks: everything in one round trip to the store."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hidden_gems.core import names
from hidden_gems.core.kv import Fetched
from hidden_gems.datasets.interactions import Rows
from hidden_gems.features.hot_store import HotRows
from hidden_gems.features.raw import OWN
from hidden_gems.features.rows import NEW_USER, UserRow
from hidden_gems.recommend.live import LiveItems

_REWARD, _LAST = OWN.index("own_best_reward"), OWN.index("own_last_time")


@dataclass(frozen=True)
class Person:
    """Somebody, as far as we may know them; the defaults are somebody new."""

    row: UserRow = NEW_USER
    embedding: int = 0  # row among the embeddings of the release, 0 = unknown
    factors: bytes | None = None  # packed, of the online learner
    dismissed: frozenset[str] = frozenset()
    consent: bool = True  # to personalisation; without it nothing above but `dismissed` is set
    row_time: int | None = None  # epoch seconds at which the row was true, None for somebody new


@dataclass(frozen=True)
class History:
    """What a person liked, each gem once, oldest first."""

    rows: Rows  # of the catalogue
    reward: NDArray[np.float64]  # the best one


@dataclass(frozen=True)
class PersonKeys:
    """Where the parts of a person lie, and how to read them.

    Args:
        new: Row of everybody the store does not know.
        hot: Where Feast keeps rows.
    """

    new: UserRow = NEW_USER
    hot: HotRows = field(default_factory=HotRows)

    def asked(self, release: str, user_id: str) -> dict[str, Any]:
        """Arguments of `KeyValue.fetch` for a person and a release."""
        return {
            "keys": [names.embedding_row(release, user_id), names.factors(user_id), names.consent(user_id)],
            "hashes": [self.hot.user_hash(user_id)],
            "lists": [names.dismissed(user_id), names.removed_beliefs(user_id)],
        }

    def read(self, found: Fetched) -> Person:
        """A person out of what `fetch` brought.

        Raises:
            ValueError: If a row was written with other columns.
        """
        embedding, factors, consent = found.values
        dismissed, unwanted = ({value.decode() for value in each} for each in found.lists)
        if consent == b"off":
            return Person(self.new, dismissed=frozenset(dismissed), consent=False)
        stamped = self.hot.user_row(found.fields[0])
        if stamped is None:
            return Person(self.new, int(embedding or 0), factors, frozenset(dismissed))
        return Person(
            without_beliefs(stamped.row, frozenset(unwanted)),
            int(embedding or 0),
            factors,
            frozenset(dismissed),
            row_time=stamped.timestamp,
        )


def without_beliefs(row: UserRow, unwanted: frozenset[str]) -> UserRow:
    """The row without what the person does not want to be believed, as "type:bar" or "neighborhood:Balat"."""
    if not unwanted:
        return row
    return UserRow(
        row.totals,
        row.own,
        {word: values for word, values in row.types.items() if f"type:{word}" not in unwanted},
        {word: values for word, values in row.neighborhoods.items() if f"neighborhood:{word}" not in unwanted},
        row.recent,
        row.path,
    )


def history(row: UserRow, items: LiveItems) -> History:
    """What a person liked of this catalogue."""
    own = np.array(list(row.own.values()), dtype=np.float64).reshape(-1, len(OWN))
    rows = items.index.rows(list(row.own))
    order = np.argsort(np.nan_to_num(own[:, _LAST]), kind="stable")
    order = order[rows[order] > 0]
    return History(rows[order], own[order, _REWARD])
