import numpy as np

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.models.pairs import Pairs
from tests.factories import MONDAY
from tests.logs import log_of


def test_repeats_fold_into_the_best_reward_and_the_last_meeting() -> None:
    log = log_of([(2, 1), (1, 3), (2, 1), (0, 1), (1, 0)], users=3, items=4, rewards=[1.0, 0.3, 0.5, 1.0, 1.0])
    pairs = Pairs.of(log)
    assert pairs.user.tolist() == [1, 2]
    assert pairs.item.tolist() == [3, 1]
    np.testing.assert_array_equal(pairs.reward, np.array([0.3, 1.0], dtype=np.float32))
    assert pairs.last.tolist() == [MONDAY + DAY_SECONDS, MONDAY + 2 * DAY_SECONDS]
    assert pairs.keys.tolist() == [1 * 4 + 3, 2 * 4 + 1]
    assert pairs.table(pairs.reward).toarray().tolist()[2] == [0.0, 1.0, 0.0, 0.0]
    assert pairs.table(pairs.reward).shape == pairs.shape == (3, 4)
