"""What every online learner must do."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import pytest

from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.online.factors import Feedback, OnlineFactors
from hidden_gems.online.linear import LinearArms
from hidden_gems.online.state import OnlineState, follow, publish
from hidden_gems.online.thompson import BetaThompson

ITEMS = [f"gem-{number}" for number in range(12)]


class Learner(Protocol):
    def one(self, event: Feedback) -> None: ...

    def many(self, events: list[Feedback]) -> None: ...

    def beliefs(self) -> np.ndarray[Any, Any]: ...

    def state(self) -> OnlineState: ...

    def rows(self) -> int: ...


class Arms:
    def __init__(self, half_life: float | None) -> None:
        self.arms = BetaThompson(half_life=half_life)

    def one(self, event: Feedback) -> None:
        self.arms.learn_one(event.item_id, 1.0, event.reward)

    def many(self, events: list[Feedback]) -> None:
        rewards = np.array([event.reward for event in events])
        self.arms.learn_many([event.item_id for event in events], np.ones(len(events)), rewards)

    def beliefs(self) -> np.ndarray[Any, Any]:
        return np.concatenate(self.arms.belief([*ITEMS, "unknown"]))

    def state(self) -> OnlineState:
        return OnlineState(1, self.arms, OnlineFactors())

    def rows(self) -> int:
        return max(len(each) for each in self.arms.arrays().values())


class Factors:
    def __init__(self) -> None:
        self.factors = OnlineFactors()
        self.people: dict[str, np.ndarray[Any, Any]] = {}

    def one(self, event: Feedback) -> None:
        before = self.people.get(event.user_id)
        person = self.factors.person(None) if before is None else before
        self.people[event.user_id] = self.factors.learn_one(person, event.item_id, event.reward)

    def many(self, events: list[Feedback]) -> None:
        self.people |= self.factors.learn_many(self.people, events)

    def beliefs(self) -> np.ndarray[Any, Any]:
        rows = self.factors.index.rows([*ITEMS, "unknown"])
        nobody = self.factors.person(None)
        people = [self.people.get(name, nobody) for name in ("ada", "bora")]
        return np.concatenate([self.factors.affinity(person, rows) for person in people])

    def state(self) -> OnlineState:
        return OnlineState(1, BetaThompson(), self.factors)

    def rows(self) -> int:
        return len(self.factors.table())


class Linear:
    """Every event comes in a context of its own gem: gems 0 and 1 have one feature each, which all gems share."""

    def __init__(self, half_life: float | None) -> None:
        self.arms = LinearArms(3, half_life=half_life)

    def one(self, event: Feedback) -> None:
        self.arms.learn_one(event.item_id, _context(event.item_id), 1.0, event.reward)

    def many(self, events: list[Feedback]) -> None:
        contexts = np.array([_context(event.item_id) for event in events]).reshape(-1, 3)
        rewards = np.array([event.reward for event in events])
        self.arms.learn_many([event.item_id for event in events], contexts, np.ones(len(events)), rewards)

    def beliefs(self) -> np.ndarray[Any, Any]:
        """What everybody's gem would earn more or less in the context of each gem."""
        return np.concatenate(self.arms.shift(["unknown"] * 13, np.array([*map(_context, ITEMS), _context("unknown")])))

    def state(self) -> OnlineState:
        return OnlineState(1, BetaThompson(), OnlineFactors(), linear=self.arms)

    def rows(self) -> int:
        return len(self.arms.arrays()["shown"])


def _context(item_id: str) -> np.ndarray[Any, Any]:
    return np.array([1.0, float(item_id == ITEMS[0]), float(item_id == ITEMS[1])])


MAKERS: dict[str, Callable[[], Learner]] = {
    "arms": lambda: Arms(None),
    "arms that forget": lambda: Arms(5.0),
    "factors": Factors,
    "linear arms": lambda: Linear(None),
    "linear arms that forget": lambda: Linear(5.0),
}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Callable[[], Learner]:
    return MAKERS[request.param]


def events(count: int, seed: int = 0) -> list[Feedback]:
    random = np.random.default_rng(seed)
    items, people = random.integers(0, len(ITEMS), count), random.integers(0, 2, count)
    rewards = random.choice([-0.5, -0.1, 0.1, 0.3, 0.7, 1.0], count)
    return [
        Feedback(("ada", "bora")[who], ITEMS[what], float(reward))
        for who, what, reward in zip(people, items, rewards, strict=True)
    ]


def test_many_at_once_are_the_same_as_one_after_the_other(make: Callable[[], Learner]) -> None:
    at_once, in_batches, one_by_one = make(), make(), make()
    at_once.many(events(300))
    in_batches.many(events(300)[:90])
    in_batches.many(events(300)[90:])
    for event in events(300):
        one_by_one.one(event)
    np.testing.assert_allclose(at_once.beliefs(), one_by_one.beliefs(), rtol=1e-12)
    np.testing.assert_allclose(in_batches.beliefs(), one_by_one.beliefs(), rtol=1e-12)
    assert at_once.state().arms.index.ids == one_by_one.state().arms.index.ids


def test_the_same_events_give_the_same_beliefs_to_the_bit(make: Callable[[], Learner]) -> None:
    first, second = make(), make()
    for learner in (first, second):
        learner.many(events(200))
    assert (first.beliefs() == second.beliefs()).all()
    assert first.state().to_bytes() == second.state().to_bytes()


def test_feedback_moves_its_item_and_says_which_is_better(make: Callable[[], Learner]) -> None:
    learner = make()
    learner.many([Feedback("ada", ITEMS[0], 1.0), Feedback("ada", ITEMS[1], -0.5)] * 10)
    liked, disliked, unknown = learner.beliefs()[[0, 1, 12]]
    assert liked > unknown > disliked


def test_an_empty_batch_changes_nothing(make: Callable[[], Learner]) -> None:
    learner = make()
    learner.many(events(20))
    before = learner.state().to_bytes()
    learner.many([])
    assert learner.state().to_bytes() == before


def test_an_unknown_item_is_neutral_and_takes_no_room(make: Callable[[], Learner]) -> None:
    learner = make()
    before = learner.rows()
    assert np.isfinite(learner.beliefs()).all()
    assert len(set(learner.beliefs()[:13].tolist())) == 1
    assert learner.rows() == before == 1


def test_room_grows_with_items_and_not_with_events(make: Callable[[], Learner]) -> None:
    learner = make()
    for seed in range(20):
        learner.many(events(200, seed))
    assert learner.rows() == len(ITEMS) + 1
    assert len(learner.state().to_bytes()) < 13_000


def test_beliefs_stay_finite_whatever_people_do(make: Callable[[], Learner]) -> None:
    learner = make()
    for reward in (1.0, -0.5):
        learner.many([Feedback("ada", item, reward) for item in ITEMS for _ in range(500)])
        assert np.isfinite(learner.beliefs()).all()
        assert (np.abs(learner.beliefs()) <= 3.0).all()


@pytest.mark.parametrize("reward", [np.nan, np.inf])
def test_a_reward_that_is_no_number_is_refused_and_changes_nothing(make: Callable[[], Learner], reward: float) -> None:
    learner = make()
    learner.many(events(20))
    before = learner.beliefs()
    with pytest.raises(ValueError, match="finite"):
        learner.many([Feedback("ada", ITEMS[0], reward)])
    assert (learner.beliefs() == before).all()


def test_a_snapshot_comes_back_the_same_and_learns_on_the_same(make: Callable[[], Learner]) -> None:
    learner, keys = make(), MemoryKeyValue()
    learner.many(events(100))
    state = learner.state()
    publish(keys, state)
    back = follow(keys, None)
    assert back is not None
    assert back.to_bytes() == state.to_bytes()
    assert (back.version, back.arms.half_life) == (1, state.arms.half_life)
    for each in (state, back):
        each.arms.learn_many(["new", ITEMS[0]], np.ones(2), np.array([0.3, 0.7]))
        each.factors.learn_many({}, [Feedback("cem", "new", 0.3), Feedback("cem", ITEMS[0], 0.7)])
    assert back.to_bytes() == state.to_bytes()
