"""What is known of the person who asks: everything in one round trip to the store."""

from bisect import bisect_left
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
from hidden_gems.recommend.request import Request

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
class Path:
    """What a person did before a request, repeats included, oldest first; one place of padding for who did nothing."""

    rows: Rows  # of the release, 0 is padding, L
    ages: NDArray[np.float32]  # seconds before the request, 0 for padding; for an order L, L - 1, … 1; L


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


def path(person: Person, request: Request, items: LiveItems) -> Path:
    """What sequence models read: the twin of `models.histories.Histories.last`, with the session behind it.

    Gems of the session count as liked one second ago, but for those that the row holds already: as many of its last
    events as the session is long are looked at. Gems that the models do not know are left out.
    """
    at = request.context
    steps = person.row.path[: bisect_left(person.row.path, at.timestamp, key=lambda step: step[1])]
    met = [name for name, _ in steps]
    session = request.session if person.consent else ()
    fresh = [name for name in session if name not in met[-len(session) :]]
    seconds = [*(second for _, second in steps), *[at.timestamp - 1] * len(fresh)]
    rows = items.deep_rows(items.index.rows([*met, *fresh]))
    ages = (at.timestamp - np.array(seconds, dtype=np.int64))[rows > 0]
    rows = rows[rows > 0]
    if not len(rows):
        return Path(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.float32))
    if at.order_only:
        ages = np.arange(len(rows), 0, -1)
    return Path(rows, ages.astype(np.float32))
