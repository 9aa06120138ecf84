import numpy as np
import pytest

from hidden_gems.datasets.moments import Moments
from hidden_gems.models.histories import Histories
from hidden_gems.models.own_visits import OwnVisits
from tests.logs import log_of

LOG = log_of([(1, 2), (2, 1), (1, 3), (1, 2)], users=3, items=4)
END = int(LOG.timestamp[-1])


def _own(half_life: float = 1.0) -> OwnVisits:
    return OwnVisits(Histories.of(LOG), 4, half_life)


def test_the_last_one_counts_one_and_each_before_it_half() -> None:
    table = _own().table(np.array([1, 2, 0]), Moments.at(np.full(3, END + 1)))
    np.testing.assert_allclose(table.toarray(), [[0, 0, 1.25, 0.5], [0, 1, 0, 0], [0, 0, 0, 0]])
    assert table.dtype == np.float32


def test_only_what_came_strictly_before_counts() -> None:
    table = _own().table(np.array([1, 1]), Moments.at(np.array([END, int(LOG.timestamp[0])])))
    np.testing.assert_allclose(table.toarray(), [[0, 0, 0.5, 1.0], [0, 0, 0, 0]])


def test_without_fading_visits_are_counted() -> None:
    table = _own(np.inf).table(np.array([1]), Moments.at(np.array([END + 1])))
    np.testing.assert_array_equal(table.toarray(), [[0, 0, 2, 1]])


def test_pairs_are_cells_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hidden_gems.models.own_visits._REQUEST_CHUNK", 2)
    user, item = np.array([1, 1, 2, 0, 1]), np.array([2, 3, 1, 2, 1])
    counts = _own().pairs(user, item, Moments.at(np.full(5, END + 1)))
    np.testing.assert_allclose(counts, [1.25, 0.5, 1.0, 0.0, 0.0])
    assert counts.dtype == np.float32


def test_nobody_asks() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert _own().table(none, Moments.at(none)).shape == (0, 4)
    assert _own().pairs(none, none, Moments.at(none)).shape == (0,)
