"""What is held about one person in the online stores: read, changed, erased."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hidden_gems.core import errors, names
from hidden_gems.core.clock import Clock
from hidden_gems.core.erasures import note
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.core.kv import KeyValue
from hidden_gems.events.records import Interaction
from hidden_gems.features.hot_store import HotStore
from hidden_gems.features.rows import UserRow
from hidden_gems.features.store import Stamped
from hidden_gems.privacy.online import OnlineStore
from hidden_gems.privacy.promises import PROMISES
from hidden_gems.privacy.receipts import open_receipt, read_receipt
from inference.collector.errors import NotFoundError
from inference.collector.intake import OFF

KEEP_BELIEFS = 200


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
        self._online = OnlineStore(keys, self._versions)

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
        found = self._keys.fetch(keys, lists=[names.dismissed(person), names.kept_slates(person)])
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
            "kept_slates": list(dict.fromkeys(slate.decode() for slate in found.lists[1])),
            "elsewhere": [{"store": each.store, "what": each.what} for each in PROMISES if each.how != "at once"],
        }

    def erase(self, user_id: str, receipt: str) -> dict[str, Any]:
        """Erase a person from the online stores at once, and say what is still to be done.

        The moment is noted first: whatever of the person comes again from before it is refused from then on.

        Returns:
            The receipt: each store with its state and deadline.
        """
        erasure = note(self._keys, self._pseudonyms.of(user_id), self._clock.now())
        self._online.erase({erasure.person: erasure.at})
        return open_receipt(self._keys, receipt, erasure, self._clock.now())

    def erasure(self, receipt: str) -> dict[str, Any]:
        """What became of an erasure.

        Raises:
            NotFoundError: If there was none of this receipt.
        """
        try:
            return read_receipt(self._keys, receipt, self._clock.now())
        except errors.NotFoundError as error:
            raise NotFoundError(str(error), "receipt") from error

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
