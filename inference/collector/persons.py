"""What is held about one person in the online stores: read, changed, erased."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hidden_gems.core import names
from hidden_gems.core.clock import DAY_SECONDS, Clock
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.core.kv import KeyValue
from hidden_gems.events.records import Interaction
from hidden_gems.features.hot_store import HotRows, HotStore
from hidden_gems.features.rows import UserRow
from hidden_gems.features.store import Stamped
from inference.collector.errors import NotFoundError
from inference.collector.intake import OFF

KEEP_BELIEFS = 200


@dataclass(frozen=True)
class Elsewhere:
    """A store that is not erased by this process, and by when it must be."""

    store: str
    seconds: int  # after the request
    what: str


ELSEWHERE = (
    Elsewhere("processes", 60, "what the learner and the transformer hold in memory about the person"),
    Elsewhere("history", DAY_SECONDS, "the Parquet history of events and slates, by compaction"),
    Elsewhere("slates", 2 * DAY_SECONDS, "answers kept for explanations that no recent event quotes; they expire"),
    Elsewhere("topics", 7 * DAY_SECONDS, "messages in the broker, by retention"),
    Elsewhere("repeats", 8 * DAY_SECONDS, "hashes of events and marks of impressions that tell repeats; they expire"),
    Elsewhere("backups", 30 * DAY_SECONDS, "copies of all of the above"),
)
"""Source: decisions of the project, erasure: online at once, history in a day, topics in 7, backups in 30."""


class Persons:
    """People by the id their caller knows; only the pseudonym of it goes any further.

    Args:
        keys: The online store.
        pseudonyms: Turns ids into pseudonyms.
        clock: Of this process.
        releases: Folder of the releases, whose names are part of some keys.
    """

    def __init__(self, keys: KeyValue, pseudonyms: Pseudonyms, clock: Clock, releases: Path) -> None:
        self._keys, self._pseudonyms, self._clock, self._releases = keys, pseudonyms, clock, releases

    def events(self, user_id: str, seconds: float = float("inf")) -> list[Interaction]:
        """Recent events of a person that happened within so many seconds, newest first."""
        person, since = self._pseudonyms.of(user_id), self._clock.now() - seconds
        brought = self._keys.fetch([names.erased(person)], lists=[names.recent_events(person)])
        erased = float(brought.values[0] or b"-inf")
        found = [event for event in map(Interaction.from_json, brought.lists[0]) if event.received > erased]
        return sorted((event for event in found if event.timestamp >= since), key=lambda event: -event.timestamp)

    def set_consent(self, user_id: str, personalisation: bool) -> None:
        """Let answers be personal, or not."""
        self._keys.put({names.consent(self._pseudonyms.of(user_id)): b"on" if personalisation else OFF})

    def consents(self, user_id: str) -> bool:
        """Whether answers may be personal; they may where nothing was said."""
        [said] = self._keys.get([names.consent(self._pseudonyms.of(user_id))])
        return said != OFF

    def row(self, user_id: str) -> Stamped[UserRow] | None:
        """Row of features of a person."""
        [row] = HotStore(self._keys).read_users([self._pseudonyms.of(user_id)])
        return row

    def removed_beliefs(self, user_id: str) -> list[str]:
        """Beliefs a person removed, each once, the newest first."""
        [found] = self._keys.fetch(lists=[names.removed_beliefs(self._pseudonyms.of(user_id))]).lists
        return list(dict.fromkeys(belief.decode() for belief in found))

    def remove_belief(self, user_id: str, belief: str) -> None:
        """Let a belief be used no more."""
        if belief not in self.removed_beliefs(user_id):
            key = names.removed_beliefs(self._pseudonyms.of(user_id))
            self._keys.prepend(key, [belief.encode()], KEEP_BELIEFS)

    def export(self, user_id: str) -> dict[str, Any]:
        """Everything the online stores hold about a person, and where else something may be."""
        person = self._pseudonyms.of(user_id)
        versions = self._versions()
        keys = [
            names.factors(person),
            names.moved_today(person),
            *(names.embedding_row(version, person) for version in versions),
        ]
        found = self._keys.fetch(keys, lists=[names.dismissed(person)])
        factors, moved, *rows = found.values
        row = self.row(user_id)
        return {
            "user_id": user_id,
            "exported_at": _iso(self._clock.now()),
            "personalisation": self.consents(user_id),
            "events": [shown(event) for event in self.events(user_id)],
            "dismissed": list(dict.fromkeys(item.decode() for item in found.lists[0])),
            "removed_beliefs": self.removed_beliefs(user_id),
            "features": None if row is None else {"at": _iso(row.timestamp), "row": json.loads(row.row.pack())},
            "online_factors": None if factors is None else factors.hex(),
            "moved_today": None if moved is None else json.loads(moved),
            "embedding_rows": {
                version: int(value) for version, value in zip(versions, rows, strict=True) if value is not None
            },
            "elsewhere": [{"store": each.store, "what": each.what} for each in ELSEWHERE],
        }

    def erase(self, user_id: str, receipt: str) -> dict[str, Any]:
        """Erase a person from the online stores at once, and say what is still to be done.

        The moment is noted first: whatever of the person comes again from before it is refused from then on.

        Returns:
            The receipt: each store with its state and deadline.
        """
        person, now = self._pseudonyms.of(user_id), self._clock.now()
        self._keys.put({names.erased(person): repr(now).encode()})
        self._keys.mark(names.ERASURES, [person], self._keys.count(names.ERASURE_COUNTER))
        self._keys.delete(self._held(person))
        done = {"store": "online", "state": "done", "what": "rows, factors, lists, consent, embedding rows of releases"}
        content = {
            "receipt": receipt,
            "requested_at": _iso(now),
            "stores": [
                {**done, "deadline": _iso(now + 60), "done_at": _iso(self._clock.now())},
                *(
                    {"store": each.store, "state": "pending", "what": each.what, "deadline": _iso(now + each.seconds)}
                    for each in ELSEWHERE
                ),
            ],
        }
        self._keys.put({names.erasure(receipt): json.dumps(content).encode()})
        return content

    def erasure(self, receipt: str) -> dict[str, Any]:
        """What became of an erasure.

        Raises:
            NotFoundError: If there was none of this receipt.
        """
        [text] = self._keys.get([names.erasure(receipt)])
        if text is None:
            raise NotFoundError("there is no erasure of this receipt", "receipt")
        content: dict[str, Any] = json.loads(text)
        return content

    def _held(self, person: str) -> list[str]:
        """Every key of the online stores that belongs to a person."""
        [recent] = self._keys.fetch(lists=[names.recent_events(person)]).lists
        events = [Interaction.from_json(text) for text in recent]
        quoted = [(event.slate_id, event.item_id) for event in events if event.signed and event.slate_id]
        lists = (names.recent_events, names.dismissed, names.removed_beliefs)
        of_person = (*lists, names.factors, names.moved_today, names.consent)
        row, _ = HotRows().user_hash(person)
        return [
            *(name(person) for name in of_person),
            *(names.embedding_row(version, person) for version in self._versions()),
            *(names.event(event.event_id) for event in events),
            *(names.slate(slate) for slate, _ in quoted),
            *(names.answered(slate, item) for slate, item in quoted),
            row.decode(),
        ]

    def _versions(self) -> Sequence[str]:
        if not self._releases.is_dir():
            return []
        return sorted(each.name for each in self._releases.iterdir() if (each / "release.json").is_file())


def shown(event: Interaction) -> dict[str, Any]:
    """An event as its own person may see it: without the pseudonym."""
    content: dict[str, Any] = json.loads(event.to_json())
    return {name: said for name, said in content.items() if name not in ("user_id", "schema_version")}


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
