"""Events on their way: read, told from repeats, signed or not, written, remembered."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from hidden_gems.core import names
from hidden_gems.core.clock import DAY_SECONDS, Clock
from hidden_gems.core.erasures import moments
from hidden_gems.core.errors import PartUnavailableError
from hidden_gems.core.ids import Pseudonyms
from hidden_gems.core.kv import KeyValue
from hidden_gems.events.records import Interaction
from hidden_gems.events.tokens import BadTokenError, Tokens
from hidden_gems.events.topics import INTERACTIONS
from hidden_gems.streaming.broker import Message, Producer
from inference.collector.messages import CONFLICT, ERASED, Read, Rejection, read
from inference.collector.metrics import Metrics
from inference.collector.turns import Turns

CLAIM_SECONDS = 8 * DAY_SECONDS
KEEP_RECENT = 1_000
KEEP_DISMISSED = 1_000
OFF = b"off"
_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass
class Outcome:
    """What became of a list of events."""

    accepted: int = 0
    unsigned: int = 0
    duplicates: int = 0
    rejected: list[Rejection] = field(default_factory=list)

    def conflict(self, each: Read) -> None:
        """Reject an event whose id came before with other content."""
        message = "this event_id came before with other content"
        self.rejected.append(Rejection(each.index, each.interaction.event_id, CONFLICT, message, "event_id"))


@dataclass(frozen=True)
class _Known:
    """What the key-value store says about a list of events; empty where it is away."""

    digests: dict[str, bytes]
    opted_out: frozenset[str]
    erased: dict[str, float]


class Intake:
    """Take lists of events.

    An event is claimed only after the broker has acknowledged it: a claim before could outlive a failed write, and the
    repeat would be taken for a duplicate of something that was never written. Between the two a crash leaves an
    event written but not claimed; its repeat is written twice, and readers of the topic drop it by its id.
    """

    def __init__(
        self,
        producer: Producer,
        keys: KeyValue,
        pseudonyms: Pseudonyms,
        tokens: Tokens,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._producer, self._keys = producer, keys
        self._pseudonyms, self._tokens = pseudonyms, tokens
        self._clock, self._metrics = clock, metrics
        self._turns = Turns()

    def take(self, contents: Sequence[Any]) -> Outcome:
        """Write what can be read; returns after the broker has acknowledged it.

        Raises:
            PartUnavailableError: If the broker does not acknowledge; some of the events may have been written.
            BusyError: If the same events are under way for too long.
        """
        now, outcome = self._clock.now(), Outcome()
        fresh = _once(contents, now, self._pseudonyms.of, outcome)
        if fresh:
            with self._turns.of({each.interaction.event_id for each in fresh}):
                self._write(fresh, outcome, now)
        outcome.rejected.sort(key=lambda each: each.index)
        self._count(outcome)
        return outcome

    def _write(self, fresh: list[Read], outcome: Outcome, now: float) -> None:
        known = self._tried("look", lambda: self._look(fresh)) or _Known({}, frozenset(), {})
        new = [each for each in fresh if _is_new(each, known, outcome)]
        if not new:
            return
        events = [self._signed(each, known, now) for each in new]
        began = time.monotonic()
        messages = [Message(INTERACTIONS, each.user_id, each.to_json()) for each in events]
        self._producer.send(messages)
        self._metrics.sending.observe(time.monotonic() - began)
        held = self._tried("claim", lambda: self._claim(new)) or [None] * len(new)
        taken: list[tuple[Interaction, bytes]] = []
        for each, event, message, before in zip(new, events, messages, held, strict=True):
            if before is None:
                taken.append((event, message.value))
            else:  # another collector took the same id in the meantime
                _settle(each, before, outcome)
        outcome.accepted += len(taken)
        for event, _ in taken:
            self._metrics.accepted.labels(event.event_type).inc()
        outcome.unsigned += sum(not event.signed for event, _ in taken)
        self._tried("remember", lambda: self._remember(taken))

    def _look(self, fresh: list[Read]) -> _Known:
        ids = [each.interaction.event_id for each in fresh]
        people = list(dict.fromkeys(each.interaction.user_id for each in fresh))
        keys = [*map(names.event, ids), *map(names.consent, people), *map(names.erased, people)]
        found = self._keys.fetch(keys).values
        digests = dict(zip(ids, found[: len(ids)], strict=True))
        consents = dict(zip(people, found[len(ids) : len(ids) + len(people)], strict=True))
        erased = dict(zip(people, found[len(ids) + len(people) :], strict=True))
        return _Known(
            {name: digest for name, digest in digests.items() if digest is not None},
            frozenset(person for person, said in consents.items() if said == OFF),
            {person: float(at) for person, at in erased.items() if at is not None},
        )

    def _signed(self, each: Read, known: _Known, now: float) -> Interaction:
        event = each.interaction
        if event.user_id in known.opted_out:
            return replace(
                event, context={name: said for name, said in event.context.items() if name not in ("lat", "lon")}
            )
        try:
            claim = self._tokens.verify(
                each.token,
                user_id=event.user_id,
                item_id=event.item_id,
                event_type=event.event_type,
                now=now,
                slate_id=event.slate_id,
            )
        except BadTokenError:
            return event
        return replace(
            event, signed=True, propensity=claim.propensity, slate_id=claim.slate_id, position=claim.position
        )

    def _claim(self, new: list[Read]) -> list[bytes | None]:
        return self._keys.claim({names.event(each.interaction.event_id): each.digest for each in new}, CLAIM_SECONDS)

    def _remember(self, taken: list[tuple[Interaction, bytes]]) -> bool:
        own: dict[str, list[tuple[Interaction, bytes]]] = {}
        for pair in sorted(taken, key=lambda pair: pair[0].timestamp):
            own.setdefault(pair[0].user_id, []).append(pair)
        for person, pairs in own.items():
            gone = [event.item_id.encode() for event, _ in pairs if event.event_type == "dismiss"]
            if gone:
                self._keys.prepend(names.dismissed(person), gone, KEEP_DISMISSED)
            self._keys.prepend(names.recent_events(person), [text for _, text in pairs], KEEP_RECENT)
        # Written before it is asked: either this sees an erasure, or the erasure sees what was written.
        for person, at in moments(self._keys, own).items():
            if any(event.known_since <= at for event, _ in own[person]):
                self._keys.delete([names.recent_events(person), names.dismissed(person)])
        return True

    def _tried(self, what: str, call: Callable[[], _T]) -> _T | None:
        try:
            return call()
        except PartUnavailableError as error:
            _LOG.warning("events are taken without %s: %s", what, error)
            self._metrics.skipped.labels(what).inc()
            return None

    def _count(self, outcome: Outcome) -> None:
        for name in ("accepted", "unsigned", "duplicates"):
            self._metrics.events.labels(name).inc(getattr(outcome, name))
        self._metrics.events.labels("rejected").inc(len(outcome.rejected))
        for each in outcome.rejected:
            self._metrics.rejections.labels(each.reason).inc()


def _once(contents: Sequence[Any], now: float, pseudonym: Callable[[str], str], outcome: Outcome) -> list[Read]:
    """Readable events of a list, each id once; the others are counted or rejected."""
    seen: dict[str, Read] = {}
    for index, content in enumerate(contents):
        each = read(index, content, now, pseudonym)
        if isinstance(each, Rejection):
            outcome.rejected.append(each)
        elif (first := seen.setdefault(each.interaction.event_id, each)) is not each:
            _settle(each, first.digest, outcome)
    return list(seen.values())


def _is_new(each: Read, known: _Known, outcome: Outcome) -> bool:
    event = each.interaction
    if event.timestamp <= known.erased.get(event.user_id, 0.0):
        message = "what happened before the person was erased is not taken again"
        outcome.rejected.append(Rejection(each.index, event.event_id, ERASED, message, "timestamp"))
        return False
    if (digest := known.digests.get(event.event_id)) is None:
        return True
    _settle(each, digest, outcome)
    return False


def _settle(each: Read, digest: bytes, outcome: Outcome) -> None:
    if digest == each.digest:
        outcome.duplicates += 1
    else:
        outcome.conflict(each)
