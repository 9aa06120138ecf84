from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.held_out import hold_out
from hidden_gems.models.recent_popular import HALF_LIVES_DAYS, RecentPopular
from tests.logs import log_of

LOG = log_of([(1, 1), (1, 1), (2, 2), (1, 1), (3, 3)], users=4, items=5, rewards=[1.0, 1.0, 0.5, 1.0, 1.0])
AFTER = Moments.at(LOG.timestamp[-1:] + 1)
NOBODY = np.array([0])


def _shares(model: RecentPopular, when: Moments = AFTER) -> list[float]:
    return model.score_catalogue(NOBODY, when)[0, 1:].tolist()


def test_shares_of_rewards_and_a_tenth_for_the_whole_log() -> None:
    expected = 1.1 * np.array([3.0, 0.5, 1.0, 0.0]) / 4.5
    np.testing.assert_allclose(_shares(RecentPopular().refit(LOG)), expected, rtol=1e-6)


def test_rewards_fade_by_days_back_from_the_last_interaction() -> None:
    earned = np.array([2**-4 + 2**-3 + 2**-1, 0.5 * 2**-2, 1.0, 0.0])
    expected = earned / earned.sum() + 0.1 * np.array([3.0, 0.5, 1.0, 0.0]) / 4.5
    np.testing.assert_allclose(_shares(RecentPopular(half_life=1.0).refit(LOG)), expected, rtol=1e-6)


def test_only_what_came_before_the_moment_counts_beside_the_whole_log() -> None:
    model = RecentPopular().refit(LOG)
    whole = 0.1 * np.array([3.0, 0.5, 1.0, 0.0]) / 4.5
    at_the_third, behind_it = (Moments.at(LOG.timestamp[2:3] + later) for later in (0, 1))
    np.testing.assert_allclose(_shares(model, at_the_third), np.array([1.0, 0.0, 0.0, 0.0]) + whole, rtol=1e-6)
    np.testing.assert_allclose(_shares(model, behind_it), np.array([0.8, 0.2, 0.0, 0.0]) + whole, rtol=1e-6)


def test_before_the_log_the_whole_of_it_stands_in() -> None:
    early = Moments.at(LOG.timestamp[:1])
    expected = 1.1 * np.array([3.0, 0.5, 1.0, 0.0]) / 4.5
    np.testing.assert_allclose(_shares(RecentPopular(half_life=1.0).refit(LOG), early), expected, rtol=1e-6)


@pytest.mark.parametrize(("again", "first"), [(0.0, 1.0), (0.5, 3**0.5), (1.0, 3.0)])
def test_repeats_of_a_person_add_less(again: float, first: float) -> None:
    expected = 1.1 * np.array([first, 0.5, 1.0, 0.0]) / (first + 1.5)
    np.testing.assert_allclose(_shares(RecentPopular(again=again).refit(LOG)), expected, rtol=1e-6)


def test_an_order_fades_by_interactions_and_knows_no_moments() -> None:
    log = replace(LOG, order_only=True)
    model = RecentPopular(half_life=2.0).refit(log)
    earned = np.array([2**-2 + 2**-1.5 + 2**-0.5, 0.5 * 2**-1, 1.0, 0.0])
    expected = earned / earned.sum() + 0.1 * np.array([3.0, 0.5, 1.0, 0.0]) / 4.5
    for moment in (0, 10**12):
        np.testing.assert_allclose(_shares(model, Moments.at(np.array([moment]))), expected, rtol=1e-6)


def _fashion() -> Interactions:
    """Every week has an item that some people, drawn, meet in it, and as many in the week after."""
    random = np.random.default_rng(0)
    pairs = [
        (int(person), week - late)
        for week in range(2, 41)
        for person in random.choice(np.arange(1, 201), 60, replace=False)
        for late in (random.integers(2),)
    ]
    log = log_of(pairs, users=201, items=41)
    return replace(log, timestamp=log.timestamp[0] + np.arange(len(pairs)) * 7 * DAY_SECONDS // 60)


def test_chooses_a_short_half_life_where_fashions_pass_and_forgets_it() -> None:
    log = _fashion()
    model = RecentPopular().fit(log)
    assert model.half_life in HALF_LIVES_DAYS[:5]
    model.forget_choice()
    assert model.half_life is None


def test_an_order_chooses_from_shares_of_the_log() -> None:
    log = replace(_fashion(), order_only=True)
    early, held_out = hold_out(log)
    assert held_out is not None
    model = RecentPopular().choose(early, held_out)
    assert model.half_life is None or len(early.user) / model.half_life in (2, 4, 8, 16, 32, 64, 128)


def test_settings_come_back(tmp_path: Path) -> None:
    RecentPopular(7.0, 0.5).refit(LOG).save(tmp_path)
    assert RecentPopular.load(tmp_path) == RecentPopular(7.0, 0.5)
    assert RecentPopular() == RecentPopular(None, 1.0)
