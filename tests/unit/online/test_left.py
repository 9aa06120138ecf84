"""What a person was shown and left, and what it costs a gem."""

import numpy as np

from hidden_gems.online.entries import Shown, Told
from hidden_gems.online.factors import OnlineFactors
from hidden_gems.online.left import KEPT, looked, looks, nothing, taken
from hidden_gems.online.people import left_of
from hidden_gems.online.state import OnlineState
from hidden_gems.online.thompson import BetaThompson

DAY = 86_400.0


def test_looks_add_up_by_position_and_fade() -> None:
    table = looked(looked(nothing(), [3, 0, 5], DAY), [3], 2 * DAY)
    now = looks(table, np.array([3, 5, 0, 9]), 2 * DAY)
    faded = 0.5 ** (24.0 / 144.0)
    np.testing.assert_allclose(now, [1.0 + faded, faded * 3.0**-0.45, 0.0, 0.0], rtol=1e-5)
    np.testing.assert_allclose(looks(table, np.array([3]), 8 * DAY), now[:1] / 2.0, rtol=1e-5)
    assert (looks(table, np.array([3, 5]), 0.0) == now[:2]).all()  # a clock that went back


def test_the_least_looked_at_gives_way() -> None:
    table = looked(nothing(), [1], 0.0)
    for _ in range(3):
        table = looked(table, [2], 0.0)
    for row in range(3, KEPT + 10):
        table = looked(table, [row], DAY)
    assert looks(table, np.array([2, KEPT + 9]), DAY).min() > 0.9
    assert looks(table, np.array([1]), DAY) == 0.0
    assert table.shape == (KEPT, 3)


def test_what_was_taken_was_not_left() -> None:
    table = taken(looked(nothing(), [1, 2], 0.0), 1)
    assert looks(table, np.array([1, 2]), 0.0).tolist() == [0.0, np.float32(2.0**-0.45)]
    assert taken(table, 0) is table


def learn(*batches: tuple[list[Shown], list[Told]]) -> tuple[OnlineState, bytes]:
    state, held = OnlineState(0, BetaThompson(), OnlineFactors()), dict[str, bytes]()
    for shown, told in batches:
        held |= state.learn(shown, told, held).people
    return state, held["ada"]


def test_a_slate_counts_against_its_gems_until_one_is_answered() -> None:
    slate = Shown("s1", "ada", ("g1", "g2"), (1, 1), at=DAY)
    like = Told("e1", "ada", "g1", "click", "s1", 0.3)
    skip = Told("e2", "ada", "g2", "skip", "s1", -0.1)
    state, packed = learn(([slate], []), ([], [like, skip]))
    rows = state.factors.index.rows(["g1", "g2"])
    assert looks(left_of(packed), rows, DAY).tolist() == [0.0, np.float32(2.0**-0.45)]
    together, same = learn(([slate], [like, skip]))
    assert left_of(same).tolist() == left_of(packed).tolist()
    assert together.factors.index.ids == state.factors.index.ids


def test_nothing_is_known_of_who_has_a_vector_alone() -> None:
    assert (left_of(OnlineFactors.packed(np.zeros(17))) == nothing()).all()
