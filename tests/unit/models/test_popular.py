from pathlib import Path

import numpy as np

from hidden_gems.datasets.moments import Moments
from hidden_gems.models.popular import Popular
from tests.logs import log_of

LOG = log_of([(1, 1), (2, 1), (1, 2)], users=3, items=4, rewards=[0.5, 0.25, 1.0])
NOW = Moments.at(np.array([0, 0]))


def test_adds_up_rewards() -> None:
    assert Popular().fit(LOG).score_catalogue(np.array([1]), NOW[:1]).tolist() == [[-np.inf, 0.75, 1.0, 0.0]]


def test_old_rewards_count_less_from_the_last_interaction_back() -> None:
    scores = Popular(half_life_days=1.0).fit(LOG).score(np.array([1, 1]), np.array([1, 2]), NOW)
    assert scores.tolist() == [0.5 / 4 + 0.25 / 2, 1.0]


def test_settings_come_back(tmp_path: Path) -> None:
    for half_life in (None, 7.0):
        Popular(half_life).fit(LOG).save(tmp_path)
        assert Popular.load(tmp_path).half_life_days == half_life
