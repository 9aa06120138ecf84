"""The online store: every key of a person, read, removed, looked for."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hidden_gems.core import names
from hidden_gems.core.erasable import State, Trace
from hidden_gems.core.kv import KeyValue
from hidden_gems.events.records import Interaction
from hidden_gems.features.hot_store import HotRows
from hidden_gems.privacy.promises import ONLINE, promise

_LISTS = (names.recent_events, names.dismissed, names.removed_beliefs, names.kept_slates)
_VALUES = (names.factors, names.moved_today, names.consent)
_SAID = (names.consent, names.removed_beliefs)
"""Only the person says these, so what is there was said after the erasure."""


@dataclass(frozen=True)
class OnlineStore:
    """See `core.erasable.Erasable`.

    Args:
        keys: The store.
        versions: Names of the releases that there are, for they are part of some keys.
    """

    keys: KeyValue
    versions: Callable[[], Sequence[str]]
    name: str = ONLINE
    what: str = promise(ONLINE).what
    seconds: float = promise(ONLINE).seconds

    def erase(self, people: Mapping[str, float]) -> None:
        """Remove every key of these people that can be found by name, and those their events and slates lead to."""
        for person in people:
            self.keys.delete(self._held(person))

    def find(self, person: str, erased_at: float | None) -> list[Trace]:
        """Every key whose name or content names somebody; reads the whole store."""
        found = self.keys.holding(person)
        if erased_at is None:
            return [Trace(key) for key in found]
        came_again = self._came_again(person, found, erased_at)
        return [Trace(key, self._state(key, person, erased_at, came_again)) for key in found]

    def export(self, person: str) -> dict[str, Any] | None:
        """Values of the keys of a person by the name of the key, as far as no call of the collector shows them."""
        keys = [name(person) for name in _VALUES]
        found = self.keys.fetch([*keys, *self._embeddings(person)], lists=[name(person) for name in _LISTS])
        values = zip([*keys, *self._embeddings(person)], found.values, strict=True)
        shown: dict[str, Any] = {key: _text(value) for key, value in values if value is not None}
        lists = zip(_LISTS, found.lists, strict=True)
        shown |= {name(person): list(map(_text, values)) for name, values in lists if values}
        return shown or None

    def _held(self, person: str) -> list[str]:
        recent, kept = self.keys.fetch(lists=[names.recent_events(person), names.kept_slates(person)]).lists
        events = [Interaction.from_json(text) for text in recent]
        quoted = [event for event in events if event.signed and event.slate_id]
        slates = dict.fromkeys([*(slate.decode() for slate in kept), *(str(event.slate_id) for event in quoted)])
        row, _ = HotRows().user_hash(person)
        return [
            *(name(person) for name in (*_LISTS, *_VALUES)),
            *self._embeddings(person),
            *(name(event.event_id) for event in events for name in (names.event, names.applied)),
            *(name(slate) for slate in slates for name in (names.slate, names.applied)),
            *(names.answered(str(event.slate_id), event.item_id) for event in quoted),
            *(names.counted(str(event.slate_id), event.item_id, event.event_type) for event in quoted),
            row.decode(),
        ]

    def _embeddings(self, person: str) -> list[str]:
        return [names.embedding_row(version, person) for version in self.versions()]

    def _state(self, key: str, person: str, erased_at: float, came_again: bool) -> State:
        feeds = key == names.ERASURES or key.startswith((names.FORGOTTEN, names.erasure("")))
        if feeds or key == names.erased(person):
            return "denylist"
        if key in (name(person) for name in _SAID):
            return "since"
        if key.startswith(names.slate("")):
            return "since" if self._issued(key) > erased_at else "left"
        if key == names.recent_events(person):
            return "left" if any(event.known_since <= erased_at for event in self._recent(person)) else "since"
        return "since" if came_again and key not in self._embeddings(person) else "left"

    def _came_again(self, person: str, found: Sequence[str], erased_at: float) -> bool:
        """Whether somebody new goes by the name."""
        slates = [key for key in found if key.startswith(names.slate(""))]
        told = any(event.known_since > erased_at for event in self._recent(person))
        return told or any(self._issued(key) > erased_at for key in slates)

    def _recent(self, person: str) -> list[Interaction]:
        [recent] = self.keys.fetch(lists=[names.recent_events(person)]).lists
        return [Interaction.from_json(text) for text in recent]

    def _issued(self, key: str) -> float:
        [text] = self.keys.get([key])
        return float(json.loads(text)["issued"]) if text else 0.0


def _text(value: bytes) -> str:
    """Text, or the digits of bytes that are none."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()
