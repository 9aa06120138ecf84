"""What the learner applied: one entry a batch, and what an entry says of those before it."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from hidden_gems.core.errors import HiddenGemsError
from hidden_gems.core.names import applied, counted

_HASH_DIGITS = 16


class BadJournalError(HiddenGemsError):
    """A journal holds a line that was changed, or lines are missing; says where."""


class Shown(NamedTuple):
    """A slate that counted: one impression of each of its gems. Or gems of one that were not seen, or seen later."""

    slate_id: str
    user_id: str  # pseudonym; empty where the answer was nobody's
    items: tuple[str, ...]
    kinds: tuple[int, ...] = ()  # of taste, of each item, see `drift.taste.kind_of`
    seen: str = ""  # see `online.seen.Seen`; empty where the slate did not say
    at: float = 0.0  # when it was asked for, epoch seconds
    times: float = 1.0  # -1 where impressions are taken back
    positions: tuple[int, ...] = ()  # of what is taken back, or given again; empty for a whole slate
    event_id: str = ""  # of the `shown` event that said so; empty where the slate came after it
    saw: tuple[str, ...] = ()  # what that event was the first to say was seen

    @property
    def marks(self) -> dict[str, str]:
        """Keys that tell that it has counted, and what later messages about the slate need of it."""
        if self.event_id:
            said = [counted(self.slate_id, item, "shown") for item in ("", *self.saw)]
            return dict.fromkeys([applied(self.event_id), *said], "1")
        return {applied(self.slate_id): self.remembered} if self.slate_id and self.times > 0 else {}

    @property
    def remembered(self) -> str:
        """Items and what they looked like, as JSON; `recalled` reads it."""
        return json.dumps([self.items, self.seen], ensure_ascii=False, separators=(",", ":"))


class Told(NamedTuple):
    """Feedback that counted, and what it was worth."""

    event_id: str
    user_id: str  # pseudonym
    item_id: str
    event_type: str
    slate_id: str
    reward: float  # -0.5 to 1
    kind: int = 0  # of taste, of the item
    seen: str = ""  # the item's place of its slate, see `online.seen.Seen`; empty where the slate is not known

    @property
    def marks(self) -> dict[str, str]:
        """Keys that tell that it has counted."""
        if not self.event_id:
            return {}
        return {applied(self.event_id): "1", counted(self.slate_id, self.item_id, self.event_type): "1"}


@dataclass(frozen=True)
class Entry:
    """One step of the state: a batch that it learned, or something said about the steps before."""

    version: int  # of the state after it
    at: float  # epoch seconds on the learner's clock
    shown: tuple[Shown, ...] = ()
    told: tuple[Told, ...] = ()
    erased: tuple[str, ...] = ()  # people whose vectors are new before this batch
    back_to: int | None = None  # steps after this version, up to here, do not count
    without: tuple[str, ...] = ()  # what these people were shown and told, up to here, does not count

    @property
    def marks(self) -> dict[str, str]:
        """Keys that tell what of it has counted, with their values."""
        parts: list[Shown | Told] = [*self.shown, *self.told]
        return {key: value for each in parts for key, value in each.marks.items()}

    @property
    def people(self) -> set[str]:
        """Everybody whose own state it moves."""
        parts: list[Shown | Told] = [*self.shown, *self.told]
        return {each.user_id for each in parts if each.user_id}

    @property
    def takes_back(self) -> bool:
        """Whether it says something about the steps before it."""
        return bool(self.without) or self.back_to is not None

    def to_line(self) -> bytes:
        """Hash, JSON, end of line."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        content = {name: value for name, value in named.items() if value not in ((), None)}
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        return _digest(text) + b" " + text + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Entry":
        """Read what `to_line` wrote.

        Raises:
            BadJournalError: If the line is torn or was changed.
        """
        digest, _, text = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or _digest(text) != digest:
            raise BadJournalError("a line of the journal does not match its hash")
        content = json.loads(text)
        return cls(
            **content
            | {
                "shown": tuple(map(_shown, content.get("shown", ()))),
                "told": tuple(Told(*each) for each in content.get("told", ())),
                "erased": tuple(content.get("erased", ())),
                "without": tuple(content.get("without", ())),
            }
        )


def recalled(text: bytes) -> tuple[list[str], str]:
    """Items of a slate and what they looked like, out of what `Shown.remembered` wrote; nothing for any other mark."""
    try:
        found = json.loads(text)
        items, seen = found if isinstance(found, list) else ([], "")
    except ValueError:
        return [], ""
    return list(items), str(seen)


def effective(entries: Iterable[Entry], without: Sequence[str] = ()) -> list[Entry]:
    """The entries that are left when what later entries take back is taken out, each without its own say on others.

    Args:
        entries: In order.
        without: People whose feedback does not count either.

    Examples:
        >>> click = Told("e1", "ada", "balat-cafe", "click", "s1", 0.3)
        >>> steps = [Entry(1, 0.0, told=(click,)), Entry(2, 1.0, told=(click,)), Entry(3, 2.0, back_to=1)]
        >>> [entry.version for entry in effective(steps)]
        [1, 3]
    """
    kept: list[Entry] = []
    for entry in entries:
        if entry.back_to is not None:
            undone = [each for each in kept if each.version > entry.back_to]
            kept = [each for each in kept if each.version <= entry.back_to]
            erased = dict.fromkeys(name for each in (*undone, entry) for name in each.erased)
            entry = replace(entry, erased=tuple(erased))  # nobody comes back with the state
        if entry.without:
            kept = [_untold(each, entry.without) for each in kept]
        kept.append(replace(entry, back_to=None, without=()))
    return [_untold(each, without) for each in kept]


def _shown(told: Sequence[Any]) -> Shown:
    slate, person, items, *more = told
    kinds, *looked = more or ((),)
    found = Shown(slate, person, tuple(items), tuple(kinds), *looked)
    return found._replace(positions=tuple(found.positions), saw=tuple(found.saw))


def _untold(entry: Entry, people: Sequence[str]) -> Entry:
    gone = set(people)
    return replace(
        entry,
        shown=tuple(each for each in entry.shown if each.user_id not in gone),
        told=tuple(each for each in entry.told if each.user_id not in gone),
    )


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:_HASH_DIGITS].encode()
