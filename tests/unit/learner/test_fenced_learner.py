"""A learner that another one has overtaken writes nothing more, at whatever moment it was stopped."""

import copy

import pytest

from hidden_gems.core.errors import FencedError
from hidden_gems.core.fence import Fence
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.core.names import LEARNER_GENERATION
from hidden_gems.online.history import History
from hidden_gems.online.learning import OnlineLearning
from inference.learner.service import GROUP, TOPICS
from tests.unit.learner.test_learner_service import WORLD, Bench, prior
from tests.unit.online.test_learning import click


def behind_a_fence(bench: Bench) -> None:
    """The learner of a bench, as generation 1."""
    bench.keys.put({LEARNER_GENERATION: b"1"})
    keys: MemoryKeyValue = bench.keys.behind(Fence(LEARNER_GENERATION, b"1"))
    history = History(bench.folder, 1)
    bench.learner.learning = OnlineLearning(keys, bench.store, prior, WORLD, history, bench.learner.clock)


def test_overtaken_between_plan_and_stroke_it_writes_and_commits_nothing() -> None:
    bench = Bench()
    behind_a_fence(bench)
    bench.send(click(1))
    bench.learner.step()
    held, rows = copy.deepcopy(bench.keys._values), copy.deepcopy(bench.store)
    bench.send(click(2))
    bench.keys.put({LEARNER_GENERATION: b"2"})
    with pytest.raises(FencedError, match="is 2 by now, and was 1 for us"):
        bench.learner.step()
    assert bench.keys._values == held | {LEARNER_GENERATION: b"2"}
    assert bench.store == rows
    assert bench.committed() == [1, 0, 0]
    assert bench.dead() == []


def test_the_successor_learns_what_it_left_and_its_journal_says_so_once() -> None:
    bench = Bench()
    behind_a_fence(bench)
    bench.send(click(1))
    bench.learner.step()
    bench.keys.put({LEARNER_GENERATION: b"2"})
    history = History(bench.folder, 2)
    new = OnlineLearning(
        bench.keys.behind(Fence(LEARNER_GENERATION, b"2")), bench.store, prior, WORLD, history, bench.learner.clock
    )
    bench.send(click(2))
    with pytest.raises(FencedError):
        bench.learner.step()  # its entry is in its own file of the journal, behind where the other began
    bench.learner.learning = new
    bench.learner.consumer = bench.broker.consumer(GROUP, TOPICS)
    bench.learner.step()
    assert bench.likes("ada") == 2.0
    assert [entry.version for entry in history.journal.entries()] == [1, 2]
    assert history.replay(oldest=True).state.to_bytes() == new.state.to_bytes()


def test_told_so_before_it_reads_it_reads_nothing() -> None:
    bench = Bench()

    def check() -> None:
        raise FencedError("overtaken")

    bench.learner.check = check
    bench.send(click(1))
    with pytest.raises(FencedError):
        bench.learner.run()
    assert bench.likes("ada") == 0.0
