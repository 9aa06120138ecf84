"""Praise by strangers beyond what is usual is held back, however the messages are cut into batches."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hidden_gems.core.clock import DAY_SECONDS, SimulatedClock
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.events.records import Interaction
from hidden_gems.features.store import MemoryStore
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.history import History
from hidden_gems.online.learning import Batch, OnlineLearning, World
from hidden_gems.online.state import OnlineState
from hidden_gems.online.thompson import BetaThompson
from hidden_gems.online.votes import KNOWN_FROM, Crowd, Votes

AT = 1_777_852_800
NEW_GEM = "g8"
GEMS = tuple(f"g{number}" for number in range(9))
COLUMNS = {
    "item_id": list(GEMS), "type": ["cafe"] * 9, "neighborhood": ["Moda"] * 9,
    "created_at": [float(AT - 90 * DAY_SECONDS)] * 8 + [float(AT - DAY_SECONDS)],
}  # fmt: skip
GUARD = Votes(least=2.0, times=1.0, baseline=0.1)


def like(number: int, person: str = "bot", gem: str = "g0", at: float = AT, kind: str = "click") -> Interaction:
    return Interaction(
        f"e{number}", person, gem, kind, timestamp=at, received=at, slate_id=f"s{number}", position=0, signed=True
    )


def learner(votes: Votes | None = GUARD, past: bool = True, order_only: bool = False) -> OnlineLearning:
    """Gems g1 and g2 were liked four times a day in the weeks before, the others never."""
    learning = OnlineLearning(
        MemoryKeyValue(),
        MemoryStore(overwrite=True),
        lambda: OnlineState(0, BetaThompson(), OnlineFactors()),
        World(COLUMNS, "Europe/Istanbul", order_only),
        History(Path(tempfile.mkdtemp())),
        SimulatedClock(start=AT - 3_600.0),
        votes=votes,
    )
    if past:
        days = [AT - DAY_SECONDS * (1.5 + number / 8) for number in range(2 * 4 * 27)]
        events = [like(10_000 + n, f"q{n}", GEMS[1 + n % 2], at) for n, at in enumerate(days)]
        for start in range(0, len(events), 300):
            learning.learn(Batch(events[start : start + 300]))
    assert isinstance(learning._clock, SimulatedClock)
    learning._clock.advance(3_600.0)
    return learning


def crowd(count: int, gem: str = "g0") -> list[Interaction]:
    return [like(number, f"bot-{number}", gem) for number in range(count)]


def test_a_surge_of_strangers_moves_nothing_and_is_counted() -> None:
    quiet, stormed = learner(), learner()
    quiet.learn(Batch(crowd(2)))
    found = stormed.learn(Batch(crowd(30)))
    assert found.outcomes == {"applied": 2, "surge": 28}
    assert stormed.state.to_bytes() == quiet.state.to_bytes()
    assert stormed.history.replay().digest == quiet.history.replay().digest


def test_what_is_usual_for_a_gem_counts() -> None:
    assert learner().learn(Batch(crowd(30, "g1"))).outcomes == {"applied": 6, "surge": 24}


def test_a_new_gem_may_be_praised_like_the_mean_one() -> None:
    assert learner().learn(Batch(crowd(30, NEW_GEM))).outcomes["applied"] == 3  # 2, and 2 / 9 of four a day


def test_the_next_day_begins_anew_and_a_restart_does_not() -> None:
    learning = learner()
    learning.learn(Batch(crowd(30)))
    learning.resume()
    assert learning.learn(Batch([like(100, "late")])).outcomes == {"surge": 1}
    assert learning.learn(Batch([like(101, "late", at=AT + DAY_SECONDS)])).outcomes == {"applied": 1}


def test_people_with_a_history_are_believed() -> None:
    learning = learner()
    own = [like(200 + gem, "ada", f"g{gem}") for gem in range(1, 1 + KNOWN_FROM)]
    assert learning.learn(Batch(own)).outcomes == {"applied": KNOWN_FROM}
    learning.learn(Batch(crowd(30)))
    told = [like(300 + number, "ada") for number in range(4)]
    assert learning.learn(Batch(told)).outcomes == {"applied": 4}


def test_what_is_held_back_does_not_depend_on_batches() -> None:
    random = np.random.default_rng(3)
    events = [
        like(number, f"p{random.integers(40)}", f"g{random.integers(3)}", AT + 600.0 * number) for number in range(200)
    ]
    together, alone = learner(), learner()
    one = together.learn(Batch(events)).outcomes
    many = sum((alone.learn(Batch([event])).outcomes for event in events), start=type(one)())
    assert one == many
    assert 20 < one["surge"] < 180
    assert together.history.replay().digest == alone.history.replay().digest


def test_a_refusal_is_no_praise() -> None:
    events = [like(number, f"p{number}", kind="dismiss") for number in range(30)]
    assert learner().learn(Batch(events)).outcomes == {"applied": 30}


@pytest.mark.parametrize(
    "learning", [learner(None), learner(past=False), learner(past=False, order_only=True)], ids=["off", "new", "order"]
)
def test_all_praise_counts_where_nobody_guards_or_nothing_is_usual(learning: OnlineLearning) -> None:
    assert learning.learn(Batch(crowd(30))).outcomes == {"applied": 30}


def test_what_is_stored_comes_back() -> None:
    held = Crowd(7, {"çay": 3})
    assert Crowd.from_json(held.to_json()) == held
    assert Crowd.from_json(None) == Crowd()


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_never_enters_the_state(wrong: float) -> None:
    learning = learner(None, past=False)
    before = learning.state.to_bytes()
    with pytest.raises(ValueError, match="finite"):
        learning.plan(Batch([replace(like(1, kind="rating"), value=wrong)]))
    assert learning.state.to_bytes() == before
    learning.resume()
    assert learning.learn(Batch([like(2)])).outcomes == {"applied": 1}
