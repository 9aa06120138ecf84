import json
import logging
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from hidden_gems.core import erasures
from hidden_gems.core.clock import SimulatedClock
from hidden_gems.core.errors import PartUnavailableError, ReleaseError
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.core.names import ONLINE_VERSION, live_item
from hidden_gems.events.records import DriftEvent, Interaction, ItemChange, Slate
from hidden_gems.events.topics import DEAD_LETTERS, DRIFT, IMPRESSIONS, INTERACTIONS, ITEMS
from hidden_gems.features.rows import UserRow
from hidden_gems.features.store import MemoryStore, Stamped
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.history import History
from hidden_gems.online.learning import OnlineLearning, World
from hidden_gems.online.people import TASTE
from hidden_gems.online.state import OnlineState
from hidden_gems.online.thompson import BetaThompson
from hidden_gems.online.watch import RewardWatch
from hidden_gems.streaming.broker import MemoryBroker, MemoryConsumer, Message
from inference.learner.service import GROUP, TOPICS, Learner
from inference.learner.watching import Watching
from inference.shell.patience import Patience
from tests.unit.online.test_learning import AT, click, slate, turned

WORLD = World({"item_id": ["g0", "g1"], "type": ["cafe", "bar"]}, "Europe/Istanbul", False)


class Rows(MemoryStore):
    """A store that holds rows nobody can read of one person, and is away now and then."""

    away = 0
    poisoned = "nobody"

    def read_users(self, user_ids: Sequence[str]) -> list[Stamped[UserRow] | None]:
        if self.poisoned in user_ids:
            raise ZeroDivisionError("a bug")
        return super().read_users(user_ids)

    def write_users(self, rows, at):  # type: ignore[no-untyped-def]
        if self.away:
            self.away -= 1
            raise PartUnavailableError("features", "told to be away")
        super().write_users(rows, at)


class Bench:
    """A learner on memory twins."""

    def __init__(self, batch_messages: int = 200) -> None:
        self.broker, self.keys, self.store = MemoryBroker(), MemoryKeyValue(), Rows(overwrite=True)
        self.worlds: list[World | Exception] = []
        clock = SimulatedClock(AT)
        folder = Path(tempfile.mkdtemp())
        self.folder, self.history = folder, History(folder)
        learning = OnlineLearning(self.keys, self.store, prior, WORLD, self.history, clock)
        self.learner = Learner(
            learning,
            self.keys,
            self.broker.consumer(GROUP, TOPICS),
            self.broker.producer(),
            clock,
            Patience(first_seconds=0.001, longest_seconds=0.002),
            self.newer,
            Watching(RewardWatch(), folder, clock),
            batch_messages=batch_messages,
            batch_seconds=0.01,
        )

    def newer(self) -> World | None:
        found = self.worlds.pop(0) if self.worlds else None
        if isinstance(found, Exception):
            raise found
        return found

    def send(self, *records: Interaction | Slate | ItemChange | bytes) -> None:
        topics = {Interaction: INTERACTIONS, Slate: IMPRESSIONS, ItemChange: ITEMS, bytes: INTERACTIONS}
        for record in records:
            value = record if isinstance(record, bytes) else record.to_json()
            self.broker.producer().send([Message(topics[type(record)], "key", value)])

    def committed(self) -> list[int]:
        return [self.broker.committed.get((GROUP, topic), 0) for topic in TOPICS]

    def likes(self, user: str) -> float:
        [row] = self.store.read_users([user])
        return sum(own[0] for own in row.row.own.values()) if row else 0.0

    def dead(self) -> list[dict[str, object]]:
        return [json.loads(message.value) for message in self.broker.logs[DEAD_LETTERS]]


def prior() -> OnlineState:
    return OnlineState(0, BetaThompson(), OnlineFactors())


def count(outcome: str) -> float:
    return REGISTRY.get_sample_value("gems_learner_messages_total", {"outcome": outcome}) or 0.0


def test_a_step_takes_all_three_topics_and_commits() -> None:
    bench, applied, shown = Bench(), count("applied"), count("slate")
    bench.send(click(1), slate("s1", "g0"), ItemChange("g7", 5.0, {"type": "bar"}))
    assert bench.learner.step() == 3
    assert bench.committed() == [1, 1, 1]
    assert (bench.likes("ada"), bench.keys.get([ONLINE_VERSION])) == (1.0, [b"1"])
    assert bench.keys.get([live_item("g7")]) != [None]
    assert (count("applied"), count("slate")) == (applied + 1, shown + 1)
    assert REGISTRY.get_sample_value("gems_online_state_version") == 1.0
    assert REGISTRY.get_sample_value("gems_learner_lag_messages") == 0.0
    assert REGISTRY.get_sample_value("gems_learner_applied_age_seconds") == 59.0
    assert bench.learner.step() == 0


def test_a_change_of_taste_is_told_to_the_broker() -> None:
    bench, before = Bench(), REGISTRY.get_sample_value("gems_drift_events_total") or 0.0
    bench.learner.learning._cap = 1_000
    for batch in turned("ada"):
        bench.send(*batch.slates, *batch.events)
        bench.learner.step()
    [told] = [DriftEvent.from_json(message.value) for message in bench.broker.logs[DRIFT]]
    assert (told.user_id, told.before[0], told.after[0], told.timestamp) == ("ada", "cafe", "bar", AT)
    assert told.score >= TASTE.threshold
    assert REGISTRY.get_sample_value("gems_drift_events_total") == before + 1


def test_a_batch_is_as_long_as_it_may_be() -> None:
    bench = Bench(batch_messages=2)
    bench.send(*(click(number) for number in range(5)))
    assert [bench.learner.step() for _ in range(4)] == [2, 2, 1, 0]
    assert bench.likes("ada") == 5.0


@pytest.mark.parametrize(
    ("bad", "reason"),
    [(b"{", "not JSON"), (b"[]", "JSON object"), (click(2, event_type="rating", value=6.0), "the value 6.0"),
     (click(2, slate_id=None), "names no slate")],
)  # fmt: skip
def test_a_bad_message_is_buried_and_the_others_are_learned(bad: bytes | Interaction, reason: str) -> None:
    bench, before = Bench(), count("dead_letter")
    bench.send(click(1), bad, click(3))
    bench.learner.step()
    assert bench.likes("ada") == 2.0
    [letter] = bench.dead()
    assert reason in str(letter["reason"])
    assert (letter["topic"], letter["offset"], letter["timestamp"]) == (INTERACTIONS, 1, AT)
    assert bench.committed() == [3, 0, 0]
    assert count("dead_letter") == before + 1


def test_a_message_that_breaks_learning_is_buried_alone(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.store.poisoned = "poison"
    bench.send(*(click(number, user="poison" if number == 5 else f"u{number}") for number in range(8)))
    bench.learner.step()
    [letter] = bench.dead()
    assert letter["offset"] == 5
    assert letter["reason"] == "cannot be learned from: ZeroDivisionError: a bug"
    assert [bench.likes(f"u{number}") for number in range(8) if number != 5] == [1.0] * 7
    assert bench.committed() == [8, 0, 0]
    assert len(caplog.records) == 1


def test_a_store_that_is_away_is_waited_for_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.store.away = 5
    bench.send(click(1), slate("s1", "g0"))
    with caplog.at_level(logging.INFO):
        bench.learner.step()
    assert bench.likes("ada") == 1.0
    assert [record.getMessage().split("; ")[-1] for record in caplog.records] == [
        "trying again until it answers",
        "it answers again",
    ]


def test_told_to_stop_while_a_store_is_away_it_commits_nothing_and_the_next_one_finishes() -> None:
    bench = Bench()
    bench.store.away = 10**9
    bench.send(click(1))
    threading.Timer(0.05, bench.learner.patience.stopping.set).start()
    bench.learner.run()
    assert bench.committed() == [0, 0, 0]
    bench.store.away = 0
    learning = OnlineLearning(bench.keys, bench.store, prior, WORLD, bench.history, SimulatedClock(AT))
    again = replace(bench.learner, learning=learning, consumer=bench.broker.consumer(GROUP, TOPICS))
    again.step()
    assert (bench.likes("ada"), bench.committed()) == (1.0, [1, 0, 0])


def test_a_commit_that_fails_is_no_loss_and_counts_nothing_twice() -> None:
    class Forgetful(MemoryConsumer):
        def commit(self) -> None:
            raise PartUnavailableError("broker", "rebalanced")

    bench = Bench()
    bench.learner.consumer = Forgetful(bench.broker, GROUP, TOPICS)
    bench.send(click(1))
    assert bench.learner.step() == 1
    bench.learner.consumer = bench.broker.consumer(GROUP, TOPICS)
    repeated = count("repeated")
    assert bench.learner.step() == 1
    assert (bench.likes("ada"), bench.committed(), count("repeated")) == (1.0, [1, 0, 0], repeated + 1)


def test_another_release_brings_its_gems_and_a_broken_one_is_passed_over() -> None:
    bench = Bench()
    bench.worlds = [World({"item_id": ["g0"], "type": ["hammam"]}, "Europe/Istanbul", False), ReleaseError("torn")]
    bench.send(click(1))
    bench.learner.step()
    bench.send(click(2))
    bench.learner.step()
    [row] = bench.store.read_users(["ada"])
    assert row is not None
    assert {name: values[1] for name, values in row.row.types.items()} == {"hammam": 2.0}


def test_it_runs_until_it_is_told_to_stop() -> None:
    bench = Bench()
    bench.send(click(1))
    threading.Timer(0.1, bench.learner.patience.stopping.set).start()
    bench.learner.run()
    assert bench.committed() == [1, 0, 0]


def test_it_lets_its_files_forget_who_was_erased_every_hour_and_when_it_starts() -> None:
    bench, ticking = Bench(), SimulatedClock(1e9)
    bench.learner.monotonic = ticking.now
    bench.send(click(1, "erika-mustermann"))
    bench.learner.step()
    erased = erasures.note(bench.keys, "erika-mustermann", AT + 10.0)
    ticking.advance(2.0)
    bench.learner.step()
    assert erasures.due(bench.keys, "learner") == []
    assert erasures.due(bench.keys, "journal") == [erased]
    ticking.advance(3_600.0)
    bench.learner.step()
    assert erasures.due(bench.keys, "journal") == []
    assert not any("erika" in str(entry) for entry in bench.history.journal.entries())
