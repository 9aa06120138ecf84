"""The stream of the feedback drill: made-up people who are shown gems and say so, and what that must come to."""

import base64
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hidden_gems.cli.feedback_drill import Check
from hidden_gems.cli.stack import Plan
from hidden_gems.cli.stream import read_topic
from hidden_gems.core.home import gems_home
from hidden_gems.core.ids import Pseudonyms, secret
from hidden_gems.core.kv import RedisKeyValue
from hidden_gems.core.names import factors
from hidden_gems.core.redis_access import RedisAccess
from hidden_gems.datasets.history import read_history
from hidden_gems.events.kinds import EventType, reward_of
from hidden_gems.events.records import Place, Slate
from hidden_gems.events.tokens import Claim, Tokens
from hidden_gems.events.topics import DEAD_LETTERS, DOOR, IMPRESSIONS, INTERACTIONS
from hidden_gems.export import release as releases
from hidden_gems.features.hot_store import HotStore
from hidden_gems.online.history import History, digest
from hidden_gems.online.state import follow, prior_state
from hidden_gems.recommend.tables import ReleaseTables
from hidden_gems.streaming.broker import Message

DUPLICATE, MALFORMED, LATE = 0.05, 0.02, 0.03
SLATE = 10
"""Gems in a slate; five of them are answered."""
KINDS: tuple[EventType, ...] = ("click", "save", "visit", "dismiss", "view")
LATE_SECONDS = 3 * 86_400.0


@dataclass(frozen=True)
class Sending:
    """What goes out together."""

    messages: Sequence[Message]  # straight to the broker: slates, and what nobody can read
    events: Sequence[dict[str, Any]]  # to the collector


@dataclass
class Stream:
    """Everything that is sent, and the clean part of it."""

    clean: list[dict[str, Any]]  # events, each once, in the order they are sent first
    slates: list[Slate]
    sent: list[dict[str, Any]]  # events as they go out: late, twice, unreadable
    unreadable: list[Message]
    pseudonyms: dict[str, str]  # of the people
    seed: int
    refused: Counter[str] = field(default_factory=Counter)  # reasons the collector must give

    @classmethod
    def made(cls, plan: Plan, count: int, seed: int) -> "Stream":
        """Make a stream of `count` valid events."""
        random = np.random.default_rng(seed)
        tables = ReleaseTables.load(_release(plan) / "tables")
        items = [str(name) for name in tables.columns["item_id"]]
        tokens = Tokens(secret("GEMS_TOKEN_KEYS", gems_home() / "token.key"))
        people = [f"drill-{number}" for number in range(max(20, count // 25))]
        names = Pseudonyms.load(gems_home())
        pseudonyms = {person: names.of(person) for person in people}
        now = plan.clock.now()
        clean: list[dict[str, Any]] = []
        slates = []
        for number in range(-(-count // (SLATE // 2))):
            person = people[int(random.integers(len(people)))]
            shown = random.choice(items, size=min(SLATE, len(items)), replace=False).tolist()
            slate_id = f"drill-{seed}-{number}"
            places = tuple(Place(item, at, 0.1, 0.0, ("drill",), ()) for at, item in enumerate(shown))
            slates.append(Slate(slate_id, pseudonyms[person], now, "drill", "drill", "drill", 0, places))
            for at in random.choice(len(shown), size=min(SLATE // 2, len(shown)), replace=False).tolist():
                late = random.random() < LATE
                claim = Claim(pseudonyms[person], slate_id, shown[at], at, 0.1, now)
                clean.append(
                    {
                        "event_id": f"drill-{seed}-{number}-{at}",
                        "user_id": person,
                        "item_id": shown[at],
                        "event_type": KINDS[int(random.integers(len(KINDS)))],
                        "timestamp": now - float(random.random()) * (LATE_SECONDS if late else 60.0),
                        "slate_id": slate_id,
                        "position": at,
                        "impression_token": tokens.sign(claim),
                    }
                )
        clean = clean[:count]
        stream = cls(clean, slates, [], [], pseudonyms, seed)
        stream._disturb(random)
        return stream

    def _disturb(self, random: np.random.Generator) -> None:
        """Send some later than others, some twice, and between them what cannot be read."""
        count = len(self.clean)
        order = np.arange(count, dtype=np.float64)
        late = random.random(count) < LATE
        order[late] += random.random(int(late.sum())) * count / 10
        self.sent = [self.clean[row] for row in np.argsort(order, kind="stable")]
        for row in np.sort(random.choice(count, size=round(DUPLICATE * count), replace=False))[::-1].tolist():
            again = row + int(random.integers(1, count // 10))
            self.sent.insert(min(again, len(self.sent)), self.sent[row])
        bad = (
            ({"event_type": "gaze"}, "unknown_event_type"),
            ({"timestamp": "yesterday"}, "invalid"),
            ({"item_id": ""}, "invalid"),
            ({"timestamp": self.clean[0]["timestamp"] + 86_400.0}, "timestamp_ahead"),
        )
        for number in range(round(MALFORMED * count / 2)):
            change, reason = bad[number % len(bad)]
            event = self.clean[int(random.integers(count))] | {"event_id": f"bad-{self.seed}-{number}"} | change
            self.sent.insert(int(random.integers(len(self.sent))), event)
            self.refused[reason] += 1
        torn = (b"", b"{", b"[]", b"\xff\xfe", b'{"schema_version":9}', b'{"schema_version":1,"event_id":"x"}')
        for number in range(round(MALFORMED * count / 2)):
            value = torn[number % len(torn)] + b" " * (number // len(torn) + 1)  # each its own bytes
            self.unreadable.append(Message(INTERACTIONS, f"bad-{number}", value))

    def lists(self, size: int) -> list[Sending]:
        """Events by lists, each with its share of slates and of what cannot be read."""
        groups = [self.sent[start : start + size] for start in range(0, len(self.sent), size)]
        slates = [Message(IMPRESSIONS, slate.user_id, slate.to_json()) for slate in self.slates]
        count = len(groups)
        return [
            Sending([*_share(slates, number, count), *_share(self.unreadable, number, count)], events)
            for number, events in enumerate(groups)
        ]

    def checks(self, plan: Plan, told: Counter[str], reasons: Counter[str]) -> list[Check]:
        """Compare what the stack holds with what the clean stream comes to."""
        keys = RedisKeyValue(RedisAccess.told(plan.addresses["redis"]))
        history = History(plan.places.learner)
        entries = list(history.journal.entries())
        applied = Counter(each.event_id for entry in entries for each in entry.told)
        shown = Counter(each.slate_id for entry in entries for each in entry.shown)
        state = follow(keys, None)
        assert state is not None
        arms = dict(zip(state.arms.index.ids, state.arms.arrays()["learned"][1:].tolist(), strict=True))
        exposures: Counter[str] = Counter(place.item_id for slate in self.slates for place in slate.places)
        rewards: Counter[str] = Counter()
        for event in self.clean:
            rewards[event["item_id"]] += max(0.0, reward_of(event["event_type"]))  # type: ignore[assignment]
        wrong_arms = [
            item
            for item in {*arms, *exposures}
            if not np.allclose(arms.get(item, [0.0, 0.0]), [rewards[item], exposures[item]], rtol=1e-9)
        ]
        people = sorted(set(self.pseudonyms.values()))
        held = dict(zip(people, keys.get(list(map(factors, people))), strict=True))
        live = digest(state, {name: vector for name, vector in held.items() if vector is not None})
        oldest = history.versions()[0]
        replayed = history.replay(oldest=True)
        archive = Counter(read_history(plan.places.history).interactions["event_id"])
        letters, refused = _dead_letters(plan)
        clean_ids = [event["event_id"] for event in self.clean]
        unread = {message.value for message in self.unreadable}
        return [
            Check("events and repeats acknowledged", _n(self._valid()), _n(told["accepted"] + told["duplicates"])),
            Check("events that were unsigned", "0", _n(told["unsigned"])),
            Check("events refused at the door, by reason", _counted(self.refused), _counted(reasons, self.refused)),
            Check("of them among the dead letters with that reason", _counted(self.refused), _counted(refused)),
            Check("events with an effect", _n(len(self.clean)), _n(len(applied.keys() & set(clean_ids)))),
            Check("events with more than one effect, or unknown", "0", _n(_odd(applied, clean_ids))),
            Check("slates with an effect", _n(len(self.slates)), _n(len(shown))),
            Check("slates with more than one effect", "0", _n(sum(count > 1 for count in shown.values()))),
            Check("arms whose counts differ from the clean stream's", "0", _n(len(wrong_arms))),
            Check("rows of people that differ from the clean stream's", "0", _n(self._wrong_rows(keys))),
            Check("first snapshot of the replay", "0", _n(oldest)),
            Check("digest of a replay in the recorded order", live[:16], replayed.digest[:16]),
            Check("unreadable messages among the dead letters", _n(len(unread)), _n(len(unread & letters.keys()))),
            Check("dead letters that were readable", "0", _n(len(letters.keys() - unread))),
            Check("dead letters without a reason", "0", _n(sum(not reason for reason in letters.values()))),
            Check("events in the archive", _n(len(self.clean)), _n(len(archive.keys() & set(clean_ids)))),
            Check("events twice or unknown in the archive", "0", _n(_odd(archive, clean_ids))),
        ]

    def _valid(self) -> int:
        """Valid events as often as they go out; each acknowledged list answers for every one of its events."""
        return len(self.sent) - sum(self.refused.values())

    def _wrong_rows(self, keys: RedisKeyValue) -> int:
        """People whose own counts of likes are not those of the clean stream."""
        wanted: dict[str, Counter[str]] = {person: Counter() for person in self.pseudonyms.values()}
        for event in self.clean:
            if reward_of(event["event_type"]) > 0:
                wanted[self.pseudonyms[event["user_id"]]][event["item_id"]] += 1
        rows = HotStore(keys).read_users(list(wanted))
        wrong = 0
        for likes, row in zip(wanted.values(), rows, strict=True):
            own = {} if row is None else {item: own[0] for item, own in row.row.own.items() if own[0]}
            wrong += own != dict(likes)
        return wrong


def _release(plan: Plan) -> Any:
    found = releases.pointed(plan.places.releases, plan.pointer)
    assert found is not None
    prior_state(found)  # says at once where there is none
    return found


def _dead_letters(plan: Plan) -> tuple[dict[bytes, str], Counter[str]]:
    """Reason by the bytes of each unreadable message, and how many events were refused at the door by reason."""
    letters = [json.loads(each) for each in read_topic(plan.addresses["kafka"], DEAD_LETTERS)]
    told = {base64.b64decode(each["value"]): each["reason"] for each in letters if each["topic"] != DOOR}
    refused = {
        json.loads(base64.b64decode(each["value"]))["event_id"]: each["reason"].split(":")[0]
        for each in letters
        if each["topic"] == DOOR
    }
    return told, Counter(refused.values())


def _share(some: Sequence[Message], number: int, count: int) -> Sequence[Message]:
    return some[number * len(some) // count : (number + 1) * len(some) // count]


def _odd(found: Counter[str], known: Sequence[str]) -> int:
    return sum(count > 1 or name not in set_of for set_of in [set(known)] for name, count in found.items())


def _n(number: int) -> str:
    return f"{number:,}"


def _counted(found: Counter[str], only: Counter[str] | None = None) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(found.items()) if count or only)
