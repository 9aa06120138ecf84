"""What a person really saw of a slate takes the place of the slate, whenever it is told."""

import numpy as np
import pytest

from hidden_gems.core.names import applied, factors
from hidden_gems.events.records import Interaction
from hidden_gems.online.history import digest
from hidden_gems.online.learning import Batch, OnlineLearning
from hidden_gems.online.left import looks
from hidden_gems.online.people import OnPerson
from tests.unit.online.test_learning import AT, Parts, click, slate

ITEMS = ("g0", "g1", "g2", "g3")


def saw(*items: str, slate_id: str = "s1", event_id: str = "saw1", signed: bool = True) -> Interaction:
    return Interaction(
        event_id, "ada", items[0], "shown", AT - 80.0, AT, slate_id=slate_id, signed=signed, items=tuple(items)
    )


def impressions(learning: OnlineLearning) -> dict[str, float]:
    table = learning.state.arms.arrays()["learned"][:, 1]
    return {item: float(table[row]) for row, item in enumerate(learning.state.arms.index.ids, 1) if item in ITEMS}


def person(parts: Parts) -> OnPerson:
    [packed] = parts.keys.get([factors("ada")])
    return OnPerson.unpack(packed)


BATCHES = {
    "slate first": [Batch(slates=[slate("s1", *ITEMS)]), Batch([saw("g0", "g1")])],
    "together": [Batch([saw("g0", "g1")], [slate("s1", *ITEMS)])],
    "slate last": [Batch([saw("g0", "g1")]), Batch(slates=[slate("s1", *ITEMS)])],
}


@pytest.mark.parametrize("order", BATCHES)
def test_only_what_was_seen_is_an_impression_whenever_it_is_told(order: str) -> None:
    parts, other = Parts(), Parts()
    learning, narrow = parts.learning(), other.learning()
    for batch in BATCHES[order]:
        learning.learn(batch)
    assert impressions(learning) == {"g0": 1.0, "g1": 1.0, "g2": 0.0, "g3": 0.0}

    whole = slate("s1", *ITEMS)
    narrow.learn(Batch(slates=[type(whole)(**vars(whole) | {"places": whole.places[:2]})]))
    for name, table in learning.state.linear.arrays().items():
        wanted = narrow.state.linear.arrays()[name]
        np.testing.assert_allclose(table[: len(wanted)], wanted, atol=1e-9)
        np.testing.assert_allclose(table[len(wanted) :], 0.0, atol=1e-9)
    mine, theirs = person(parts), person(other)
    np.testing.assert_allclose(mine.taste, theirs.taste, atol=1e-9)
    rows = learning.state.factors.index.rows(ITEMS)
    np.testing.assert_allclose(looks(mine.left, rows, float(AT)), [1.0, 2.0**-0.45, 0.0, 0.0], atol=1e-3)


def test_the_same_word_again_does_not_count_and_what_is_seen_later_does() -> None:
    parts = Parts()
    learning = parts.learning()
    learning.learn(Batch(slates=[slate("s1", *ITEMS)]))
    learning.learn(Batch([saw("g0", "g1")]))
    again = learning.learn(Batch([saw("g0", event_id="saw2"), saw("g0", "g1")]))
    assert (again.outcomes["seen"], again.outcomes["repeated"]) == (1, 1)
    assert impressions(learning) == {"g0": 1.0, "g1": 1.0, "g2": 0.0, "g3": 0.0}
    learning.learn(Batch([saw("g0", "g1", "g2", event_id="saw3")]))
    assert impressions(learning) == {"g0": 1.0, "g1": 1.0, "g2": 1.0, "g3": 0.0}
    rows = learning.state.factors.index.rows(ITEMS)
    np.testing.assert_allclose(looks(person(parts).left, rows, float(AT)), [1, 2**-0.45, 3**-0.45, 0], atol=1e-3)


def test_what_an_earlier_batch_said_is_not_given_again() -> None:
    learning = Parts().learning()
    learning.learn(Batch(slates=[slate("s1", *ITEMS)]))
    learning.learn(Batch([saw("g0")]))
    learning.learn(Batch([saw("g1", event_id="saw2"), saw("g0", "g1", event_id="saw3")]))
    assert impressions(learning) == {"g0": 1.0, "g1": 1.0, "g2": 0.0, "g3": 0.0}


SCROLLS = {
    "slate first": [Batch(slates=[slate("s1", *ITEMS)]), Batch([saw("g0")]), Batch([saw("g0", "g2", event_id="w2")])],
    "slate between": [Batch([saw("g0")]), Batch(slates=[slate("s1", *ITEMS)]), Batch([saw("g0", "g2", event_id="w2")])],
    "slate with the second": [Batch([saw("g0")]), Batch([saw("g0", "g2", event_id="w2")], [slate("s1", *ITEMS)])],
    "slate last": [Batch([saw("g0"), saw("g0", "g2", event_id="w2")]), Batch(slates=[slate("s1", *ITEMS)])],
    "all at once": [Batch([saw("g0"), saw("g0", "g2", event_id="w2")], [slate("s1", *ITEMS)])],
}


@pytest.mark.parametrize("order", SCROLLS)
def test_whoever_scrolls_sees_more(order: str) -> None:
    parts = Parts()
    for batch in SCROLLS[order]:
        learning = parts.learning()  # each in another life
        learning.learn(batch)
    assert impressions(learning) == {"g0": 1.0, "g1": 0.0, "g2": 1.0, "g3": 0.0}
    gram = Parts()
    narrow = gram.learning()
    narrow.learn(Batch(slates=[slate("s1", *ITEMS)]))
    contexts = (
        np.outer(*2 * [narrow.state.linear.arrays()["shown"][1]]),
        np.outer(*2 * [narrow.state.linear.arrays()["shown"][3]]),
    )
    np.testing.assert_allclose(learning.state.linear.arrays()["gram"], sum(contexts), atol=1e-9)


def test_a_word_without_a_token_changes_nothing() -> None:
    learning = Parts().learning()
    learning.learn(Batch(slates=[slate("s1", *ITEMS)]))
    told = learning.learn(Batch([saw("g0", signed=False)]))
    assert told.outcomes["unsigned"] == 1
    assert set(impressions(learning).values()) == {1.0}


def test_the_slate_comes_twice_after_the_word() -> None:
    learning = Parts().learning()
    learning.learn(Batch([saw("g2")]))
    for _ in range(2):
        learning.learn(Batch(slates=[slate("s1", *ITEMS)]))
    assert impressions(learning) == {"g0": 0.0, "g1": 0.0, "g2": 1.0, "g3": 0.0}


def test_gems_of_no_slate_and_slates_nobody_saw_do_no_harm() -> None:
    learning = Parts().learning()
    learning.learn(Batch([saw("g9", "g8", slate_id="never")]))
    learning.learn(Batch(slates=[slate("s1", *ITEMS)]))
    learning.learn(Batch([saw("g9", event_id="saw3")]))
    assert set(impressions(learning).values()) == {0.0}
    assert learning.state.belief(["g0"], np.zeros((1, learning.state.linear.width)))[0][0] > 0


def test_a_click_after_the_word_still_knows_its_place() -> None:
    parts = Parts()
    learning = parts.learning()
    learning.learn(Batch(slates=[slate("s1", *ITEMS)]))
    learning.learn(Batch([saw("g0", "g1")]))
    learning.learn(Batch([click(1, item="g1")]))
    [mark] = parts.keys.get([applied("s1")])
    assert b"g3" in (mark or b"")
    [entry] = [entry for entry in learning.history.journal.entries() if entry.told]
    assert entry.told[0].seen


@pytest.mark.parametrize("order", BATCHES)
def test_a_replay_comes_to_the_same(order: str) -> None:
    parts = Parts()
    learning = parts.learning()
    for batch in [*BATCHES[order], Batch([click(1, item="g0"), click(1, item="g1", event_type="save")])]:
        learning.learn(batch)
    [packed] = parts.keys.get([factors("ada")])
    assert packed is not None
    replayed = learning.history.replay(oldest=True)
    assert replayed.digest == digest(learning.state, {"ada": packed})
    assert learning.history.replay(without=["ada"]).people == {}


def test_with_a_half_life_what_is_taken_back_leaves_what_was_there() -> None:
    learning = Parts().learning()
    arms, linear = learning.state.arms, learning.state.linear
    for part in (arms, linear):
        part._keep = 0.5 ** (1.0 / 50.0)
    learning.learn(Batch(slates=[slate(f"t{number}", *ITEMS) for number in range(20)]))
    before, gram = impressions(learning), linear.arrays()["gram"]
    learning.learn(Batch(slates=[slate("s1", *ITEMS)]))
    learning.learn(Batch([saw("g0", "g1")]))
    after = impressions(learning)
    assert after["g2"] == pytest.approx(before["g2"], abs=0.03)
    assert after["g0"] == pytest.approx(before["g0"] * 0.5 ** (1 / 50) + 1.0)
    assert np.linalg.eigvalsh(linear.arrays()["gram"] + linear.strength * np.eye(linear.width)).min() > 0
    assert gram.shape == linear.arrays()["gram"].shape
