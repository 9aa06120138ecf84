"""What a receipt promises: which stores forget somebody, by when, and how one knows that they have.

Source: ADR-0028 (online at once, history in a day, topics in 7, backups in 30) and ADR-0062.
"""

from dataclasses import dataclass
from typing import Literal

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.events.topics import TOPIC_SECONDS

ONLINE, LEARNER, JOURNAL, HISTORY = "online", "learner", "journal", "history"
TRAINING, STORE_LOG, SPOOL, TOPICS = "training", "log", "spool", "topics"
REPEATS, BACKUPS = "repeats", "backups"

How = Literal["at once", "tells", "expires"]
"""By the request itself · its owner notes when it has · nobody acts, what it holds has a last day."""


@dataclass(frozen=True)
class Promise:
    """One store."""

    store: str
    seconds: int  # after the request
    how: How
    what: str


PROMISES = (
    Promise(ONLINE, 60, "at once", "rows, factors, lists, kept slates, consent, embedding rows of releases"),
    Promise(LEARNER, 60, "tells", "what the learner holds in memory and writes into the online store"),
    Promise(JOURNAL, DAY_SECONDS, "tells", "journal and snapshots of the learner; a random name takes the place"),
    Promise(HISTORY, DAY_SECONDS, "tells", "the Parquet history of events and slates, by compaction"),
    Promise(TRAINING, DAY_SECONDS, "tells", "copies that training keeps: checked data of runs, offline rows"),
    Promise(STORE_LOG, DAY_SECONDS, "tells", "the online store's own log on disk, by writing it anew"),
    Promise(SPOOL, DAY_SECONDS, "expires", "slates that wait for the broker, gone from disk once it has them"),
    Promise(TOPICS, TOPIC_SECONDS, "expires", "messages in the broker, by retention; nobody takes them again"),
    Promise(REPEATS, 8 * DAY_SECONDS, "expires", "hashes and marks by event id that tell repeats and name nobody"),
    Promise(BACKUPS, 30 * DAY_SECONDS, "expires", "copies of all of the above, and the denylist with them"),
)
TELLING = tuple(each.store for each in PROMISES if each.how == "tells")


def promise(store: str) -> Promise:
    """What is promised of a store.

    Raises:
        KeyError: If nothing is.
    """
    return next(each for each in PROMISES if each.store == store)
