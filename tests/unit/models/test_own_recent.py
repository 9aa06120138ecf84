from dataclasses import replace
from pathlib import Path

import numpy as np

from hidden_gems.datasets.interactions import Interactions
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.held_out import hold_out
from hidden_gems.models.own_recent import STEPS, OwnRecent
from hidden_gems.models.recent_popular import RecentPopular
from tests.logs import log_of

LOG = log_of([(1, 1), (1, 2), (2, 3), (1, 2)], users=4, items=5)
AFTER = Moments.at(LOG.timestamp[[-1, -1]] + 1)


def test_own_visits_add_up_over_a_trace_of_popularity() -> None:
    scores = OwnRecent(half_life_steps=1.0, popularity=0.5).refit(LOG).score_catalogue(np.array([1, 3]), AFTER)
    trace = 0.5 * 1.1 * np.array([0.25, 0.5, 0.25, 0.0])
    np.testing.assert_allclose(scores[0, 1:], np.array([0.25, 1.5, 0.0, 0.0]) + trace, rtol=1e-6)
    np.testing.assert_allclose(scores[1, 1:], trace, rtol=1e-6)


def test_new_items_are_in_the_order_of_recent_popularity() -> None:
    scores = OwnRecent(popular_half_life=1.0).refit(LOG).score_catalogue(np.array([3]), AFTER[:1])
    trace = RecentPopular(1.0).refit(LOG).score_catalogue(np.array([3]), AFTER[:1])
    np.testing.assert_allclose(scores[0, 1:], 0.03 * trace[0, 1:], rtol=1e-6)


def _movers() -> Interactions:
    """An order: thirty people went to one place twenty times, then to another; thirty more meet those at the end."""
    moved = [(person, 2 * person - (turn < 20)) for turn in range(31) for person in range(1, 31)]
    others = [(person, 2 * person - 60 - turn // 2) for turn in range(3) for person in range(31, 61)]
    return replace(log_of([*moved, *others], users=61, items=61), order_only=True)


def test_chooses_to_forget_where_people_moved() -> None:
    early, held_out = hold_out(_movers())
    assert held_out is not None
    assert held_out.repeats
    model = OwnRecent().choose(early, held_out)
    assert model.half_life_days is None
    assert model.half_life_steps in STEPS[1:6]
    best = model.recommend(np.arange(1, 31), Moments.at(np.full(30, 2**33)), 1)[:, 0]
    np.testing.assert_array_equal(best, 2 * np.arange(1, 31))
    model.forget_choice()
    assert model.half_life_steps is None


def test_settings_come_back(tmp_path: Path) -> None:
    model = OwnRecent(3.0, 4.0, 0.5, 6.0, 0.0)
    model.refit(LOG).save(tmp_path)
    assert OwnRecent.load(tmp_path) == model
    assert OwnRecent() == OwnRecent(None, None, 0.03, None, 1.0)
