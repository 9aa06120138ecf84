import numpy as np
import pytest

from hidden_gems.core.clock import DAY_SECONDS
from hidden_gems.datasets.interactions import Interactions
from hidden_gems.datasets.moments import Moments
from hidden_gems.models.held_out import hold_out
from hidden_gems.models.own_items import FEATURES, OwnItems
from hidden_gems.models.own_recent import OwnRecent
from hidden_gems.models.revisits import Revisits
from tests.factories import MONDAY
from tests.logs import log_of

PLACE = np.array([[np.nan, np.nan], [41.0, 29.0], [41.0, 29.01], [np.nan, np.nan]])


def _features(order_only: bool = False) -> tuple[list[tuple[int, int]], dict[str, np.ndarray]]:
    log = log_of([(1, 1), (2, 1), (1, 2), (1, 1), (1, 3)], users=3, items=4)  # one a day
    log = Interactions(log.user, log.item, log.timestamp, log.reward, 3, 4, order_only=order_only)
    when = Moments.at(np.array([MONDAY + 5 * DAY_SECONDS, MONDAY + 2 * DAY_SECONDS, MONDAY]))
    ask, own, x = OwnItems.read(log, PLACE).of(np.array([1, 2, 1]), when)
    assert x.shape == (4, len(FEATURES))
    return list(zip(ask.tolist(), own.tolist(), strict=True)), dict(zip(FEATURES, x.T, strict=True))


def test_what_is_told_of_own_items() -> None:
    pairs, told = _features()
    assert pairs == [(0, 1), (0, 2), (0, 3), (1, 1)]  # nothing came before the last request
    expected = {
        "visits": [2, 1, 1, 1],
        "share_of_visits": [0.5, 0.25, 0.25, 1],
        "visits_2_steps": [0.5**0.5 + 0.5**1.5, 0.5, 1, 1],
        "visits_14_days": [0.5 ** (2 / 14) + 0.5 ** (5 / 14), 0.5 ** (3 / 14), 0.5 ** (1 / 14), 0.5 ** (1 / 14)],
        "steps_ago": [1, 2, 0, 0],
        "days_ago": [2, 3, 1, 1],
        "days_known": [5, 3, 1, 1],
        "days_between": [3, np.nan, np.nan, np.nan],
        "overdue": [2 / 3, np.nan, np.nan, np.nan],
        "days_before_last": [1, 2, 0, 0],
        "person_visits": [4, 4, 4, 1],
        "person_items": [3, 3, 3, 1],
        "person_newness": [0.75, 0.75, 0.75, 1],
        "person_days_ago": [1, 1, 1, 1],
        "item_people": [2, 1, 1, 2],
        "item_visits_each": [1.5, 1, 1, 1.5],
        "item_visits_each_other": [1, 0, 0, 2],
        "km_from_last": [np.nan, np.nan, np.nan, 0],  # the last place is nowhere
        "km_from_middle": [0.28, 0.56, np.nan, 0],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(told[name], values, atol=0.005, err_msg=name)


def test_an_order_has_no_days() -> None:
    _, told = _features(order_only=True)
    for name in FEATURES:
        assert np.isnan(told[name]).all() == (name.startswith("days_") or name in {
            "visits_3_days", "visits_14_days", "visits_60_days", "overdue", "person_days_ago",
        }), name  # fmt: skip


@pytest.fixture(scope="module")
def regulars() -> Interactions:
    """People who go to item 1, 2 or 3 every sixth day, and binge on one of the others that they then leave."""
    random, rows = np.random.default_rng(0), []
    for user in range(1, 201):
        favourite, start = user % 3 + 1, int(random.integers(6))
        rows += [(user, favourite, day) for day in range(start, 120, 6)]
        for binge in random.choice(np.arange(4, 40), 12, replace=False):
            day = int(random.integers(0, 118))
            rows += [(user, int(binge), day + back / 4) for back in range(6)]
    user, item, day = np.array(sorted(rows, key=lambda row: row[2])).T
    ones = np.ones(len(user), dtype=np.float32)
    at = (MONDAY + day * DAY_SECONDS).astype(np.int64)
    return Interactions(user.astype(np.int64), item.astype(np.int64), at, ones, users=201, items=40)


def test_regular_places_are_told_from_those_that_were_left(regulars: Interactions) -> None:
    early, held_out = hold_out(regulars)
    assert held_out is not None
    found = {}
    for model in (Revisits(), OwnRecent()):
        scores = model.fit(early).score_catalogue(held_out.user, held_out.moments)
        found[type(model).__name__] = float(np.nanmean(held_out.ndcg(scores, repeat=True)))
    assert found["Revisits"] > 1.05 * found["OwnRecent"]


def test_scores_are_log_odds(regulars: Interactions) -> None:
    early, held_out = hold_out(regulars)
    assert held_out is not None
    model = Revisits().fit(early)
    chance = 1.0 / (1.0 + np.exp(-model.score_catalogue(held_out.user, held_out.moments)))
    met = held_out.met.toarray() > 0
    own = held_out.seen.toarray() > 0
    assert chance[own].sum() == pytest.approx(met[own].sum(), rel=0.25)
    assert chance[own & met].mean() > 2 * chance[own & ~met].mean()


def test_where_nobody_comes_back_new_items_come_first() -> None:
    random = np.random.default_rng(1)
    pairs = [(u, int(i)) for u in range(1, 81) for i in random.permutation(np.arange(1, 31))[:12]]
    random.shuffle(pairs)
    log = log_of(pairs, users=81, items=31)
    model = Revisits().fit(log)
    assert model.booster is None
    scores = model.score_catalogue(np.arange(1, 81), Moments.at(np.full(80, log.timestamp[-1] + 1)))
    own = np.zeros((81, 31), dtype=bool)
    own[log.user, log.item] = True
    for row, mine in zip(scores[:, 1:], own[1:, 1:], strict=True):
        assert row[mine].max() < row[~mine].min()
