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
from hidden_gems.core.kv import KeyValue
from hidden_gems.events.records import Interaction
from hidden_gems.events.tokens import BadTokenError
from hidden_gems.events.topics import INTERACTIONS
from hidden_gems.streaming.broker import Message, Producer
from inference.collector.letters import letters_of
from inference.collector.limits import RateLimit
from inference.collector.messages import CONFLICT, ERASED, TOO_MANY, Read, Rejection, read
from inference.collector.metrics import Metrics
from inference.collector.secrets import Secrets
from inference.collector.turns import Turns

CLAIM_SECONDS = 8 * DAY_SECONDS
KEEP = 1_000
"""Recent events of a person, and gems they dismissed."""
OFF = b"off"
_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass
class Outcome:
    """What became of the events of one call."""

    accepted: int = 0
    unsigned: int = 0
    duplicates: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    wait_seconds: int = 0  # until the people above their limit have room again

    def reject(self, each: Read, reason: str, message: str, where: str) -> None:
        """Reject an event that can be read."""
        self.rejected.append(Rejection(each.index, each.interaction.event_id, reason, message, where))

    def settle(self, each: Read, digest: bytes) -> None:
        """An event whose id came before: a repeat where the content is the same, else a conflict."""
        if digest == each.digest:
            self.duplicates += 1
        else:
            self.reject(each, CONFLICT, "this event_id came before with other content", "event_id")


@dataclass(frozen=True)
class _Fresh:
    """An event that may be new, and the outcome of its call."""

    read: Read
    outcome: Outcome


@dataclass(frozen=True)
class _Known:
    """What the key-value store says about a group of events; empty where it is away."""

    digests: dict[str, bytes]
    opted_out: frozenset[str]
    erased: dict[str, float]


class Intake:
    """Take events, those of several calls as one group: one look into the store, one write, one claim.

    An event is claimed only after the broker has acknowledged it: a claim before could outlive a failed write, and the
    repeat would be taken for a duplicate of something that was never written. Between the two a crash leaves an
    event written but not claimed; its repeat is written twice, and readers of the topic drop it by its id.
    """

    def __init__(
        self,
        producer: Producer,
        keys: KeyValue,
        secrets: Secrets,
        clock: Clock,
        metrics: Metrics,
        people: RateLimit,
    ) -> None:
        self._producer, self._keys, self._secrets = producer, keys, secrets
        self._clock, self._metrics, self._people = clock, metrics, people
        self._turns = Turns()

    def take(self, calls: Sequence[Sequence[Any]]) -> tuple[list[Outcome], float]:
        """Write what can be read; returns after the broker has acknowledged it.

        Args:
            calls: Any JSON values, those of each call together.

        Returns:
            What became of each call, and the seconds that the broker took.

        Raises:
            PartUnavailableError: If the broker does not acknowledge; some of the events may have been written.
            BusyError: If the same events are under way for too long.
        """
        now, outcomes, sending = self._clock.now(), [Outcome() for _ in calls], 0.0
        if fresh := self._read(calls, outcomes, now):
            with self._turns.of({each.read.interaction.event_id for each in fresh}):
                sending = self._write(fresh, lambda: self._letters(calls, outcomes, now), now)
        elif letters := self._letters(calls, outcomes, now):
            self._tried("dead letters", lambda: self._producer.send(letters))
        for outcome in outcomes:
            outcome.rejected.sort(key=lambda each: each.index)
        self._count(outcomes)
        return outcomes, sending

    def _letters(self, calls: Sequence[Sequence[Any]], outcomes: Sequence[Outcome], now: float) -> list[Message]:
        """What was refused so far, for the dead letters; its sender is told in any case."""
        of, letters = self._secrets.pseudonyms.of, list[Message]()
        for contents, outcome in zip(calls, outcomes, strict=True):
            letters += letters_of(contents, outcome.rejected, of, now)
        return letters

    def _read(self, calls: Sequence[Sequence[Any]], outcomes: list[Outcome], now: float) -> list[_Fresh]:
        """Readable events, each id once; the others are counted or rejected."""
        seen: dict[str, _Fresh] = {}
        for contents, outcome in zip(calls, outcomes, strict=True):
            for index, content in enumerate(contents):
                each = read(index, content, now, self._secrets.pseudonyms.of)
                if isinstance(each, Rejection):
                    outcome.rejected.append(each)
                elif wait := self._people.wait(each.interaction.user_id, 1):
                    outcome.wait_seconds = wait
                    outcome.reject(each, TOO_MANY, f"too many events of this person; again in {wait} s", "user_id")
                elif first := seen.get(each.interaction.event_id):
                    outcome.settle(each, first.read.digest)
                else:
                    seen[each.interaction.event_id] = _Fresh(each, outcome)
        return list(seen.values())

    def _write(self, fresh: list[_Fresh], letters: Callable[[], list[Message]], now: float) -> float:
        """Write events, and what was refused beside them, in one go; the seconds that the broker took."""
        known = self._tried("look", lambda: self._look(fresh)) or _Known({}, frozenset(), {})
        new = [each for each in fresh if _is_new(each, known)]
        refused = letters()
        if not new:
            if refused:
                self._tried("dead letters", lambda: self._producer.send(refused))
            return 0.0
        events = [self._signed(each.read, known, now) for each in new]
        messages = [Message(INTERACTIONS, each.user_id, each.to_json()) for each in events]
        began = time.monotonic()
        self._producer.send([*messages, *refused])
        sending = time.monotonic() - began
        self._metrics.sending.observe(sending)
        held = self._tried("claim", lambda: self._claim(new)) or [None] * len(new)
        taken: list[tuple[Interaction, bytes]] = []
        for each, event, message, before in zip(new, events, messages, held, strict=True):
            if before is None:
                taken.append((event, message.value))
                each.outcome.accepted += 1
                each.outcome.unsigned += not event.signed
            else:  # another collector took the same id in the meantime
                each.outcome.settle(each.read, before)
        for event, _ in taken:
            self._metrics.accepted.labels(event.event_type).inc()
        self._tried("remember", lambda: self._remember(taken))
        return sending

    def _look(self, fresh: list[_Fresh]) -> _Known:
        ids = [each.read.interaction.event_id for each in fresh]
        people = list(dict.fromkeys(each.read.interaction.user_id for each in fresh))
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
            claim = self._secrets.tokens.verify(
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

    def _claim(self, new: list[_Fresh]) -> list[bytes | None]:
        digests = {names.event(each.read.interaction.event_id): each.read.digest for each in new}
        return self._keys.claim(digests, CLAIM_SECONDS)

    def _remember(self, taken: list[tuple[Interaction, bytes]]) -> bool:
        own: dict[str, list[tuple[Interaction, bytes]]] = {}
        for pair in sorted(taken, key=lambda pair: pair[0].timestamp):
            own.setdefault(pair[0].user_id, []).append(pair)
        lists = {names.recent_events(person): [text for _, text in pairs] for person, pairs in own.items()}
        for person, pairs in own.items():
            if gone := [event.item_id.encode() for event, _ in pairs if event.event_type == "dismiss"]:
                lists[names.dismissed(person)] = gone
        self._keys.prepend_each(lists, KEEP)
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

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        for name in ("accepted", "unsigned", "duplicates"):
            self._metrics.events.labels(name).inc(sum(getattr(each, name) for each in outcomes))
        rejected = [each for outcome in outcomes for each in outcome.rejected]
        self._metrics.events.labels("rejected").inc(len(rejected))
        for each in rejected:
            self._metrics.rejections.labels(each.reason).inc()


def _is_new(each: _Fresh, known: _Known) -> bool:
    event = each.read.interaction
    if event.timestamp <= known.erased.get(event.user_id, 0.0):
        message = "what happened before the person was erased is not taken again"
        each.outcome.reject(each.read, ERASED, message, "timestamp")
        return False
    if (digest := known.digests.get(event.event_id)) is None:
        return True
    each.outcome.settle(each.read, digest)
    return False
