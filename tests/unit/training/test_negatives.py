import numpy as np

from hidden_gems.models.pairs import Pairs
from hidden_gems.training.negatives import NO_NEGATIVE, Negatives, NegativesConfig
from tests.logs import log_of, town

LOG = town()


def _draws(config: NegativesConfig, people: np.ndarray, seed: int = 0) -> np.ndarray:
    return Negatives(Pairs.of(LOG), config).draw(people, np.random.default_rng(seed))


def test_never_a_known_positive_and_never_the_unknown_item() -> None:
    people = np.repeat(np.arange(1, LOG.users), 200)
    drawn = _draws(NegativesConfig(per_positive=3, popular_share=0.5), people)
    assert drawn.shape == (len(people), 3)
    met = set(zip(LOG.user.tolist(), LOG.item.tolist(), strict=True))
    pairs = set(zip(np.repeat(people, 3).tolist(), drawn.ravel().tolist(), strict=True))
    assert not met & pairs
    assert drawn.min() >= 1
    assert drawn.max() == LOG.items - 1
    free = {(user, item) for user in range(1, LOG.users) for item in range(1, LOG.items)} - met
    assert pairs == free  # and everything else does come


def test_default_is_four_uniform_negatives() -> None:
    assert NegativesConfig() == NegativesConfig(4, popular_share=0.0, hard_share=0.0, smoothing=0.75, hard_depth=100)
    counts = np.bincount(_draws(NegativesConfig(), np.zeros(50_000, dtype=np.int64)).ravel(), minlength=LOG.items)[1:]
    assert counts.sum() == 200_000
    np.testing.assert_allclose(counts / counts.mean(), 1.0, atol=0.1)


def test_popular_negatives_follow_smoothed_popularity() -> None:
    config = NegativesConfig(per_positive=1, popular_share=1.0, smoothing=0.5)
    pairs = Pairs.of(LOG)
    expected = np.bincount(pairs.item, minlength=LOG.items) ** 0.5
    expected /= expected.sum()
    counts = np.bincount(_draws(config, np.zeros(200_000, dtype=np.int64)).ravel(), minlength=LOG.items)
    np.testing.assert_allclose(counts / counts.sum(), expected, atol=0.004)


def test_an_item_met_once_is_popular_enough_and_one_never_met_is_not() -> None:
    pairs = Pairs.of(log_of([(1, 1), (2, 2), (3, 2)], users=5, items=4))
    config = NegativesConfig(per_positive=1, popular_share=1.0, smoothing=1.0)
    drawn = Negatives(pairs, config).draw(np.full(3_000, 4), np.random.default_rng(0))
    counts = np.bincount(drawn.ravel(), minlength=4)
    assert counts[3] == 0
    assert abs(counts[1] / 3_000 - 1 / 3) < 0.04


def test_hard_negatives_come_from_the_models_top_in_their_share() -> None:
    negatives = Negatives(Pairs.of(LOG), NegativesConfig(per_positive=1, hard_share=0.3))
    free = np.setdiff1d(np.arange(1, LOG.items), LOG.item[LOG.user == 1])
    negatives.hard = np.full((LOG.users, 1), -1)
    negatives.hard[1] = free[0]
    drawn = negatives.draw(np.ones(20_000, dtype=np.int64), np.random.default_rng(0))
    share = (drawn == free[0]).mean()
    assert abs(share - (0.3 + 0.7 / len(free))) < 0.015
    others = negatives.draw(np.full(2_000, 2), np.random.default_rng(0))  # nothing hard for person 2
    assert others.min() >= 1


def test_a_person_who_met_almost_everything_gets_what_is_left() -> None:
    log = log_of([(1, item) for item in range(1, 60)] + [(2, item) for item in range(1, 61)], users=3, items=61)
    drawn = Negatives(Pairs.of(log), NegativesConfig()).draw(np.array([1, 2]), np.random.default_rng(0))
    assert drawn.tolist() == [[60] * 4, [NO_NEGATIVE] * 4]
    assert NO_NEGATIVE == 0


def test_the_same_seed_draws_the_same() -> None:
    people, config = np.arange(1, 20), NegativesConfig(popular_share=0.5)
    np.testing.assert_array_equal(_draws(config, people, seed=3), _draws(config, people, seed=3))
    assert (_draws(config, people, seed=3) != _draws(config, people, seed=4)).any()


def test_a_single_positive_is_popularity_enough() -> None:
    config = NegativesConfig(per_positive=1, popular_share=1.0)
    drawn = Negatives(Pairs.of(log_of([(1, 2)], users=3, items=9)), config).draw(
        np.full(50, 2), np.random.default_rng(0)
    )
    assert (drawn == 2).all()
