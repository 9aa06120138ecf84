"""Random names in the place of people who were erased, so that what they did stays learned, and nobody knows whose."""

import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from hidden_gems.online.entries import Entry, Shown, Told

Said = TypeVar("Said", Shown, Told)


class _Renamed(NamedTuple):
    name: str
    until: float  # version of the entry that erased them; what it and later ones say is about somebody new


@dataclass(frozen=True)
class Renaming:
    """Who is called what, and up to which entry; built by `of`."""

    people: Mapping[str, _Renamed]

    @classmethod
    def of(cls, people: Sequence[str], entries: Iterable[Entry]) -> "Renaming":
        """Random names for these people, up to the last entry that erases each of them."""
        until = {person: entry.version for entry in entries for person in entry.erased}
        return cls({each: _Renamed(f"erased-{secrets.token_hex(8)}", until.get(each, math.inf)) for each in people})

    def entry(self, entry: Entry) -> Entry:
        """An entry without the names, and without the ids of what they were shown and told."""
        return replace(
            entry,
            shown=tuple(self._said(entry.version, each) for each in entry.shown),
            told=tuple(self._said(entry.version, each) for each in entry.told),
            erased=tuple(self._erased(entry.version, person) for person in entry.erased),
            without=tuple(name for person in entry.without for name in self._both(entry.version, person)),
        )

    def moved(
        self, moved: Mapping[str, bytes | None], version: int, versions: Sequence[int]
    ) -> dict[str, bytes | None]:
        """Vectors of a snapshot under the other names.

        Args:
            moved: As in `Snapshot`.
            version: Of this snapshot.
            versions: Of all snapshots, oldest first.
        """
        found: dict[str, bytes | None] = {}
        for person, vector in moved.items():
            known = self.people.get(person)
            if known is not None and version < known.until:
                found[known.name] = vector
                continue
            first = known is not None and not any(known.until <= each < version for each in versions)
            if known is not None and first and version != versions[0]:
                found[known.name] = None  # the older snapshots have a vector
            if vector is not None or not first:
                found[person] = vector
        return found

    def _said(self, version: int, said: Said) -> Said:
        known = self.people.get(said.user_id)
        if known is None or version >= known.until:
            return said
        if isinstance(said, Shown):
            return said._replace(slate_id="", user_id=known.name)
        return said._replace(event_id="", slate_id="", user_id=known.name)

    def _erased(self, version: int, person: str) -> str:
        known = self.people.get(person)
        return known.name if known and version <= known.until else person

    def _both(self, version: int, person: str) -> Sequence[str]:
        """Names of somebody who is not to have been: after the erasure that is the one before and the new one."""
        known = self.people.get(person)
        if known is None:
            return (person,)
        return (known.name,) if version < known.until else (known.name, person)
